#pragma once
// Time is injected: everything that waits or stamps takes a TimeSource. The real one follows the
// system's clocks; the virtual one moves only when a test moves it, so that hours of protocol time
// pass in milliseconds and always the same way.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

namespace comet {

namespace asio = boost::asio;

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

// One wait at a time on one executor; the reusable building block for everything that waits.
// Not thread-safe: use, cancel and destroy it on its executor.
class Timer {
 public:
  Timer(asio::any_io_executor executor, TimeSource& time);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // True when the time has come (at once if it has passed), false when cancel() ended the wait.
  // Asio cancellation of the awaiting coroutine throws operation_aborted.
  [[nodiscard]] asio::awaitable<bool> wait_until(Instant when);
  [[nodiscard]] asio::awaitable<bool> wait_for(Duration duration);
  // Ends a wait in progress; a later wait is not affected.
  void cancel();

  [[nodiscard]] TimeSource& time() const noexcept { return *time_; }

 private:
  friend class VirtualTime;
  void fire();

  TimeSource* time_;
  asio::steady_timer timer_;
  std::multimap<Instant, Timer*>::iterator slot_;
  bool waiting_ = false;
  bool fired_ = false;
};

// Time that stands still until it is moved. Timers that become due are fired in time order (ties in
// the order of registration). Everything that uses it must run on one thread.
class VirtualTime final : public TimeSource {
 public:
  explicit VirtualTime(std::int64_t wall_millis_at_start = 1'700'000'000'000) noexcept;

  [[nodiscard]] Instant now() const noexcept override { return now_; }
  [[nodiscard]] std::int64_t wall_millis() const noexcept override;
  // Moves the wall clock alone, as an administrator would.
  void step_wall_clock(std::chrono::milliseconds by) noexcept { wall_start_ += by.count(); }

  // Jumps to the earliest timer at or before `limit` and fires it (and those of the same instant).
  // False, with the time moved to `limit`, when there is none.
  bool advance_to_next(Instant limit);
  // Timers that somebody waits for.
  [[nodiscard]] std::size_t waiting() const noexcept { return timers_.size(); }

 private:
  friend class Timer;
  VirtualTime* as_virtual() noexcept override { return this; }

  Instant now_{};
  std::int64_t wall_start_;
  std::multimap<Instant, Timer*> timers_;
};

}  // namespace comet
