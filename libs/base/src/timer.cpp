#include "comet/base/timer.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <new>

namespace comet::inline v0_1 {

struct Timer::SteadyTimer : asio::steady_timer {
  using asio::steady_timer::steady_timer;
};

Timer::Timer(asio::any_io_executor executor, TimeSource& time) : time_(&time) {
  static_assert(sizeof(SteadyTimer) <= kTimerSize && alignof(SteadyTimer) <= alignof(Timer));
  ::new (static_cast<void*>(timer_)) SteadyTimer(std::move(executor));
}

Timer::~Timer() {
  cancel();
  timer().~SteadyTimer();
}

Timer::SteadyTimer& Timer::timer() noexcept {
  return *std::launder(reinterpret_cast<SteadyTimer*>(timer_));
}

asio::awaitable<bool> Timer::wait_until(Instant when) {
  fired_ = false;
  VirtualTime* virtual_time = time_->as_virtual();
  if (virtual_time == nullptr) {
    timer().expires_at(std::chrono::steady_clock::time_point(when.time_since_epoch()));
  } else {
    // Virtual: the Asio timer never expires by itself; fire() ends it by cancelling it.
    slot_ = virtual_time->timers_.emplace(std::max(when, virtual_time->now_), this);
    waiting_ = true;
    timer().expires_at(std::chrono::steady_clock::time_point::max());
  }
  auto [error] = co_await timer().async_wait(asio::as_tuple(asio::use_awaitable));
  if (waiting_) {  // ended by Asio cancellation
    virtual_time->timers_.erase(slot_);
    waiting_ = false;
  }
  auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  co_return virtual_time == nullptr ? !error : fired_;
}

asio::awaitable<bool> Timer::wait_for(Duration duration) {
  return wait_until(time_->now() + duration);
}

void Timer::cancel() {
  if (waiting_) {
    time_->as_virtual()->timers_.erase(slot_);
    waiting_ = false;
  }
  timer().cancel();
}

void Timer::fire() {
  waiting_ = false;
  fired_ = true;
  timer().cancel();
}

VirtualTime::VirtualTime(std::int64_t wall_millis_at_start) noexcept
    : wall_start_(wall_millis_at_start) {}

std::int64_t VirtualTime::wall_millis() const noexcept {
  return wall_start_ + to_millis(now_.time_since_epoch());
}

bool VirtualTime::advance_to_next(Instant limit) {
  if (timers_.empty() || timers_.begin()->first > limit) {
    if (limit != Instant::max() && limit > now_) now_ = limit;
    return false;
  }
  now_ = std::max(now_, timers_.begin()->first);
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    Timer* timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    timer->fire();
  }
  return true;
}

}  // namespace comet::inline v0_1
