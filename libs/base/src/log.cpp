#include "comet/base/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <shared_mutex>
#include <utility>

#include "comet/base/error.hpp"
#include "comet/base/local_time.hpp"

namespace comet::inline v0_1::log {
namespace {

constexpr std::array<std::pair<std::string_view, Level>, 6> kLevelNames{{{"trace", Level::trace},
                                                                         {"debug", Level::debug},
                                                                         {"info", Level::info},
                                                                         {"warn", Level::warn},
                                                                         {"error", Level::error},
                                                                         {"off", Level::off}}};

std::atomic<Level> current_level{Level::info};

struct Destination {
  std::shared_mutex mutex;  // held by whoever calls the sink, so that set_sink can wait for them
  Sink sink;                // empty: standard error
  int file = -1;            // beside standard error
};

// Never destroyed: threads may log while the program ends.
Destination& destination() {
  static auto* made = new Destination;
  return *made;
}

// "2026-11-21 10:00:00.123 I text\n"
void format_line(Level level, std::string_view text, fmt::memory_buffer& line) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t millis = now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
  constexpr std::string_view kLetters = "TDIWE-";
  fmt::format_to(fmt::appender(line), "{} {} {}\n", format_local_time(millis),
                 kLetters[static_cast<std::size_t>(level)], text);
}

// One call per line, so that lines of several threads, and of several processes, stay whole.
void write_all(int file, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t done = ::write(file, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;  // a log that cannot be written stops nobody
    text.remove_prefix(static_cast<std::size_t>(done));
  }
}

}  // namespace

void set_sink(Sink sink) {
  Destination& to = destination();
  const std::unique_lock lock(to.mutex);
  to.sink = std::move(sink);
}

void configure(Level level, const std::string& file) {
  set_level(level);
  if (file.empty()) return;
  const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (opened < 0) {
    throw Error(error_code(errno, boost::system::system_category()), "open log file " + file);
  }
  Destination& to = destination();
  const std::unique_lock lock(to.mutex);
  if (to.file >= 0) ::close(to.file);
  to.file = opened;
}

void set_level(Level level) noexcept { current_level.store(level, std::memory_order_relaxed); }

bool enabled(Level level) noexcept {
  return level >= current_level.load(std::memory_order_relaxed);
}

Level parse_level(std::string_view text) noexcept {
  for (const auto& [name, level] : kLevelNames) {
    if (name == text) return level;
  }
  return Level::info;
}

std::string_view to_string(Level level) noexcept {
  for (const auto& [name, named] : kLevelNames) {
    if (named == level) return name;
  }
  return "off";
}

void detail::write(Level level, fmt::string_view format, fmt::format_args args) {
  fmt::memory_buffer text;
  fmt::vformat_to(fmt::appender(text), format, args);
  const std::string_view view(text.data(), text.size());
  Destination& to = destination();
  const std::shared_lock lock(to.mutex);
  if (to.sink) {
    try {
      to.sink(level, view);
    } catch (...) {  // the caller has work to do that does not depend on its log
    }
    return;
  }
  fmt::memory_buffer line;
  format_line(level, view, line);
  write_all(STDERR_FILENO, {line.data(), line.size()});
  if (to.file >= 0) write_all(to.file, {line.data(), line.size()});
}

}  // namespace comet::inline v0_1::log
