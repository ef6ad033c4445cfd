#include "comet/base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>

#include "comet/base/error.hpp"

namespace comet::log {
namespace {

constexpr const char* kPattern = "%Y-%m-%d %H:%M:%S.%e %L %v";

std::atomic<Level> current_level{Level::info};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("comet",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(kPattern);
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return instance;
}

}  // namespace

void configure(Level level, const std::string& file) {
  set_level(level);
  if (file.empty()) return;
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    sink->set_pattern(kPattern);
    logger()->sinks().push_back(std::move(sink));
    logger()->flush_on(spdlog::level::info);
  } catch (const spdlog::spdlog_ex& problem) {
    throw Error(error_code(errno, boost::system::system_category()), "open log file " + file);
  }
}

void set_level(Level level) noexcept { current_level.store(level, std::memory_order_relaxed); }

bool enabled(Level level) noexcept {
  return level >= current_level.load(std::memory_order_relaxed);
}

Level parse_level(std::string_view text) noexcept {
  constexpr std::array<std::pair<std::string_view, Level>, 6> kNames{{{"trace", Level::trace},
                                                                      {"debug", Level::debug},
                                                                      {"info", Level::info},
                                                                      {"warn", Level::warn},
                                                                      {"error", Level::error},
                                                                      {"off", Level::off}}};
  for (const auto& [name, level] : kNames) {
    if (name == text) return level;
  }
  return Level::info;
}

void detail::write(Level level, fmt::string_view format, fmt::format_args args) {
  fmt::memory_buffer line;
  fmt::vformat_to(fmt::appender(line), format, args);
  logger()->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace comet::log
