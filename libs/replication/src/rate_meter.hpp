#pragma once

#include <cstdint>

#include "comet/base/time.hpp"

namespace comet::inline v0_1::replication {

// Bytes per second, of the last whole second or so.
class RateMeter {
 public:
  void add(std::int64_t bytes, Instant now) noexcept {
    turn(now);
    bytes_ += bytes;
  }
  [[nodiscard]] std::int64_t per_second(Instant now) noexcept {
    turn(now);
    return rate_;
  }

 private:
  void turn(Instant now) noexcept {
    const Duration took = now - begin_;
    if (took < std::chrono::seconds(1)) return;
    const auto millis = to_millis(took);
    rate_ = millis > 0 ? bytes_ * 1000 / millis : 0;
    bytes_ = 0;
    begin_ = now;
  }

  Instant begin_{};
  std::int64_t bytes_ = 0;
  std::int64_t rate_ = 0;
};

}  // namespace comet::inline v0_1::replication
