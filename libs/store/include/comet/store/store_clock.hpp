#pragma once
// The clock of store times, delay levels and rounds of transaction checks.

#include <cstdint>
#include <mutex>

#include "comet/base/time.hpp"

namespace comet::inline v0_1::store {

// Follows the wall clock, but never goes back and never stands still:
//  - a wall clock that is set forward is followed at once;
//  - while the wall clock is behind (it was set back, or the newest record says a later time), this
//    one goes on at 9/10 of the monotonic clock's speed until the wall clock has caught up: what
//    was to wait for ten seconds waits for eleven, and not for none or for an hour.
// Thread-safe.
class StoreClock {
 public:
  explicit StoreClock(TimeSource& time);

  // It never tells less than this: the time of the newest record there is.
  void start_at(std::int64_t millis);
  [[nodiscard]] std::int64_t now_millis();

 private:
  TimeSource& time_;
  std::mutex mutex_;
  Instant asked_at_;  // when it was asked last
  std::int64_t told_millis_;
  Duration rest_{};  // what it has gone on since, below a millisecond
};

}  // namespace comet::inline v0_1::store
