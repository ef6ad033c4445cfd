#pragma once
// Time is injected: everything that waits or stamps takes a TimeSource. The real one follows the
// system's clocks; the virtual one (timer.hpp) moves only when a test moves it, so that hours of
// protocol time pass in milliseconds and always the same way.

#if __has_include(<bits/chrono.h>)
// libstdc++: durations, time points and clocks without the calendars, which are twice as long.
#include <bits/chrono.h>
#else
#include <chrono>
#endif
#include <cstdint>

namespace comet::inline v0_1 {

using Duration = std::chrono::nanoseconds;

// The tag of the project's monotonic time line. It has no now(): ask a TimeSource.
struct MonotonicTimeline {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicTimeline>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicTimeline::time_point;

[[nodiscard]] inline std::int64_t to_millis(Duration duration) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

class VirtualTime;

// Thread-safe.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  // Monotonic; for deadlines and intervals.
  [[nodiscard]] virtual Instant now() const noexcept = 0;
  // Milliseconds since 1970 (Java's currentTimeMillis); for stored and transmitted times. May jump.
  [[nodiscard]] virtual std::int64_t wall_millis() const noexcept = 0;

 private:
  friend class Timer;
  virtual VirtualTime* as_virtual() noexcept { return nullptr; }
};

// The system's clocks.
TimeSource& real_time() noexcept;

}  // namespace comet::inline v0_1
