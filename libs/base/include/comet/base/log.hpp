#pragma once
// One line per event that an operator cares about, none per message. Lines go to the sink that the
// program configures (stderr by default) through spdlog; libraries only call these functions.
// Thread-safe.

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace comet::log {

enum class Level { trace, debug, info, warn, error, off };

// For programs. Lines: "2026-11-21 10:00:00.123 I text". With a file, lines go there too.
// Throws Error when the file cannot be opened.
void configure(Level level, const std::string& file = {});
void set_level(Level level) noexcept;
[[nodiscard]] bool enabled(Level level) noexcept;
// "info" -> Level::info; unknown text -> Level::info.
[[nodiscard]] Level parse_level(std::string_view text) noexcept;

namespace detail {
void write(Level level, fmt::string_view format, fmt::format_args args);
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) detail::write(Level::debug, format, fmt::make_format_args(args...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) detail::write(Level::info, format, fmt::make_format_args(args...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warn)) detail::write(Level::warn, format, fmt::make_format_args(args...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) detail::write(Level::error, format, fmt::make_format_args(args...));
}

}  // namespace comet::log
