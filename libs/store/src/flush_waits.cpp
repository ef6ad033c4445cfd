#include "flush_waits.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>

#include "comet/base/error.hpp"
#include "comet/base/log.hpp"
#include "comet/base/spawn.hpp"
#include "comet/base/timer.hpp"

namespace comet::inline v0_1::store {

namespace {

void log_end_of_watch(std::exception_ptr problem) {
  if (problem) log::error("watching flush timeouts ended: {}", exception_text(problem));
}

// Takes out those that lie before `end`, or all.
PendingAppends take(PendingAppends& waiting, std::int64_t end, bool all) {
  auto taken = std::ranges::stable_partition(
      waiting, [&](const auto& append) { return !all && append->append.log_end > end; });
  PendingAppends result(std::make_move_iterator(taken.begin()),
                        std::make_move_iterator(taken.end()));
  waiting.erase(taken.begin(), taken.end());
  return result;
}

// The timer pointer must not outlive the timer, even if the context destroys the coroutine.
class TimerLink {
 public:
  TimerLink(Timer*& link, Timer& timer) noexcept : link_(link) { link_ = &timer; }
  ~TimerLink() { link_ = nullptr; }
  TimerLink(const TimerLink&) = delete;
  TimerLink& operator=(const TimerLink&) = delete;

 private:
  Timer*& link_;
};

}  // namespace

void FlushWaits::add(PendingAppends appends) {
  if (appends.empty()) return;
  Instant deadline = time_.now() + timeout_;
  for (auto& append : appends) append->deadline = deadline;
  bool start_watch = false;
  bool too_late = false;
  {
    std::lock_guard lock(mutex_);
    std::ranges::move(appends, std::back_inserter(waiting_));
    too_late = finished_;
    start_watch = !finished_ && !watching_;
    watching_ = watching_ || start_watch;
  }
  if (too_late) return finish(finished_at_, finished_with_);
  if (start_watch) spawn(executor_, watch(shared_from_this()), log_end_of_watch);
}

void FlushWaits::release(std::int64_t synced, const error_code& error) {
  PendingAppends done;
  bool idle = false;
  {
    std::lock_guard lock(mutex_);
    done = take(waiting_, synced, error.failed());
    idle = watching_ && waiting_.empty() && !done.empty();
  }
  for (auto& append : done) {
    if (append->append.log_end > synced) append->append.result.error = error;
  }
  if (idle) stop_watching();
  complete(std::move(done), Completion::later);
}

void FlushWaits::finish(std::int64_t synced, const error_code& error) {
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
    finished_at_ = synced;
    finished_with_ = error;
  }
  release(synced, error);
  release(synced, make_error_code(StoreErrc::closed));
}

// A timer that never finds anything due would keep the context busy for nothing.
void FlushWaits::stop_watching() {
  asio::post(executor_, [self = shared_from_this()] {
    if (self->timer_ != nullptr) self->timer_->cancel();
  });
}

asio::awaitable<void> FlushWaits::watch(std::shared_ptr<FlushWaits> self) {
  Timer timer(self->executor_, self->time_);
  TimerLink link(self->timer_, timer);
  while (std::optional<Instant> deadline = self->next_deadline()) {
    bool due = co_await timer.wait_until(*deadline);
    if (due) self->expire();
  }
}

std::optional<Instant> FlushWaits::next_deadline() {
  std::lock_guard lock(mutex_);
  if (!waiting_.empty()) return waiting_.front()->deadline;
  watching_ = false;
  return std::nullopt;
}

void FlushWaits::expire() {
  Instant now = time_.now();
  PendingAppends late;
  {
    std::lock_guard lock(mutex_);
    auto first_good =
        std::ranges::find_if(waiting_, [&](const auto& append) { return append->deadline > now; });
    std::move(waiting_.begin(), first_good, std::back_inserter(late));
    waiting_.erase(waiting_.begin(), first_good);
  }
  for (auto& append : late) append->append.result.error = make_error_code(StoreErrc::flush_timeout);
  complete(std::move(late), Completion::later);
}

}  // namespace comet::inline v0_1::store
