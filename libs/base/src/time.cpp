#include "comet/base/time.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace comet {
namespace {

class RealTime final : public TimeSource {
 public:
  Instant now() const noexcept override {
    return Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }
  std::int64_t wall_millis() const noexcept override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace

TimeSource& real_time() noexcept {
  static RealTime time;
  return time;
}

Timer::Timer(asio::any_io_executor executor, TimeSource& time)
    : time_(&time), timer_(std::move(executor)) {}

Timer::~Timer() { cancel(); }

asio::awaitable<bool> Timer::wait_until(Instant when) {
  fired_ = false;
  VirtualTime* virtual_time = time_->as_virtual();
  if (virtual_time == nullptr) {
    timer_.expires_at(std::chrono::steady_clock::time_point(when.time_since_epoch()));
  } else {
    // Virtual: the Asio timer never expires by itself; fire() ends it by cancelling it.
    slot_ = virtual_time->timers_.emplace(std::max(when, virtual_time->now_), this);
    waiting_ = true;
    timer_.expires_at(std::chrono::steady_clock::time_point::max());
  }
  auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
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
  timer_.cancel();
}

void Timer::fire() {
  waiting_ = false;
  fired_ = true;
  timer_.cancel();
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

}  // namespace comet
