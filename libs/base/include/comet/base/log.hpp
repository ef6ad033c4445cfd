#pragma once
// How CometMQ's own code logs: log_sink.hpp says where the lines go. Thread-safe.

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "comet/base/log_sink.hpp"

namespace comet::inline v0_1::log {

// For programs, at their start. Standard error gets lines from this level on; with a file, they go
// there too. Throws Error when the file cannot be opened.
void configure(Level level, const std::string& file = {});

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

}  // namespace comet::inline v0_1::log
