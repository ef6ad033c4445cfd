#pragma once

#include <chrono>
#include <mutex>
#include <string_view>

#include "comet/base/address.hpp"
#include "comet/base/log.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1::broker {

// The log lines of what is refused for a limit. A client may cause them at any rate: one is written
// every kEvery, with the number of those that were left out. Thread-safe.
class RefusalLog {
 public:
  static constexpr Duration kEvery = std::chrono::seconds(1);

  explicit RefusalLog(TimeSource& time) : time_(time) {}

  void log(const IpEndpoint& from, std::string_view why) {
    const std::lock_guard lock(mutex_);
    ++refusals_;
    const Instant now = time_.now();
    if (now < next_line_) {
      ++left_out_;
      return;
    }
    log::warn("refused from {}: {}; {} such lines left out", from.to_string(), why, left_out_);
    next_line_ = now + kEvery;
    left_out_ = 0;
  }
  // Since the start.
  [[nodiscard]] std::uint64_t refusals() const {
    const std::lock_guard lock(mutex_);
    return refusals_;
  }

 private:
  TimeSource& time_;
  mutable std::mutex mutex_;
  Instant next_line_{};
  std::uint64_t left_out_ = 0;
  std::uint64_t refusals_ = 0;
};

}  // namespace comet::inline v0_1::broker
