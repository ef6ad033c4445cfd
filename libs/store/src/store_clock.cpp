#include "comet/store/store_clock.hpp"

#include <algorithm>

namespace comet::inline v0_1::store {

StoreClock::StoreClock(TimeSource& time)
    : time_(time), asked_at_(time.now()), told_millis_(time.wall_millis()) {}

void StoreClock::start_at(std::int64_t millis) {
  const std::lock_guard lock(mutex_);
  told_millis_ = std::max(told_millis_, millis);
}

std::int64_t StoreClock::now_millis() {
  using std::chrono::milliseconds;
  const std::lock_guard lock(mutex_);
  const Instant now = time_.now();
  const Duration passed = std::max(now - asked_at_, Duration::zero());
  asked_at_ = std::max(asked_at_, now);
  rest_ += passed / 10 * 9;
  const auto whole = std::chrono::duration_cast<milliseconds>(rest_);
  rest_ -= whole;
  told_millis_ += whole.count();
  const std::int64_t wall = time_.wall_millis();
  if (wall > told_millis_) {
    told_millis_ = wall;
    rest_ = Duration::zero();
  }
  return told_millis_;
}

}  // namespace comet::inline v0_1::store
