#pragma once
// What is logged while this object lives. Tests log nothing else (test_main.cpp).

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/log_sink.hpp"

namespace comet::inline v0_1::test {

class LogLines {
 public:
  LogLines() {
    log::set_level(log::Level::info);
    log::set_sink([this](log::Level, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(text);
    });
  }
  ~LogLines() {
    log::set_sink({});
    log::set_level(log::Level::off);
  }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  // How many lines have that part.
  [[nodiscard]] int count(std::string_view part) const {
    const std::lock_guard lock(mutex_);
    int found = 0;
    for (const std::string& line : lines_) found += line.find(part) != std::string::npos ? 1 : 0;
    return found;
  }
  // All lines since the last call.
  [[nodiscard]] std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace comet::inline v0_1::test
