#pragma once
// Waiting for a time, real or virtual.

#include <cstddef>
#include <map>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1 {

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

  // A boost::asio::steady_timer lies here, out of sight: its header alone is half as long again as
  // everything else that is included.
  struct SteadyTimer;
  [[nodiscard]] SteadyTimer& timer() noexcept;
  static constexpr std::size_t kTimerSize = 128;

  TimeSource* time_;
  alignas(std::max_align_t) std::byte timer_[kTimerSize];
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

}  // namespace comet::inline v0_1
