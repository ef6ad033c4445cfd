#include "request/copy_waits.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <string>
#include <utility>

#include "comet/base/burst.hpp"

namespace comet::inline v0_1::broker {
namespace {

// Puts the smallest end in front of a heap.
bool is_behind(const CopyWaits::Waiting* one, const CopyWaits::Waiting* other) noexcept {
  return one->end > other->end;
}

// Those that go on on one executor. Dropped uncalled it drops them, too.
class Release {
 public:
  Release(asio::any_io_executor executor, std::vector<CopyWaits::Waiting*> waiting)
      : executor_(std::move(executor)), waiting_(std::move(waiting)) {}
  Release(Release&& other) noexcept
      : executor_(std::move(other.executor_)), waiting_(std::exchange(other.waiting_, {})) {}
  Release& operator=(Release&&) = delete;
  ~Release() {
    for (CopyWaits::Waiting* one : waiting_) {
      if (one != nullptr) const CopyWaits::Done dropped = take(*one);
    }
  }

  // Their answers leave together.
  void operator()() {
    const Burst burst(executor_);
    for (CopyWaits::Waiting*& place : waiting_) {  // were one to throw, the rest would be dropped
      CopyWaits::Waiting& one = *std::exchange(place, nullptr);
      const Confirmation outcome = one.outcome;
      take(one)(outcome);  // it is gone then
    }
    waiting_.clear();
  }

 private:
  static CopyWaits::Done take(CopyWaits::Waiting& waiting) { return std::move(*waiting.done); }

  asio::any_io_executor executor_;
  std::vector<CopyWaits::Waiting*> waiting_;
};

}  // namespace

remoting::ResponseCode code_of(Confirmation confirmation) noexcept {
  switch (confirmation) {
    case Confirmation::put_ok:
      return remoting::ResponseCode::success;
    case Confirmation::slave_not_available:
      return remoting::ResponseCode::slave_not_available;
    case Confirmation::flush_slave_timeout:
      return remoting::ResponseCode::flush_slave_timeout;
  }
  return remoting::ResponseCode::system_error;
}

std::string_view name_of(Confirmation confirmation) noexcept {
  switch (confirmation) {
    case Confirmation::put_ok:
      return "PUT_OK";
    case Confirmation::slave_not_available:
      return "SLAVE_NOT_AVAILABLE";
    case Confirmation::flush_slave_timeout:
      return "FLUSH_SLAVE_TIMEOUT";
  }
  return "";
}

remoting::Refusal too_few_copies() {
  return {remoting::ResponseCode::system_error, "in-sync replicas not enough"};
}

remoting::Refusal tables_not_copied(Confirmation confirmation) {
  return {remoting::ResponseCode::system_error,
          "the change holds, but not every slave that it waits for has confirmed it: " +
              std::string(name_of(confirmation))};
}

CopyWaits::CopyWaits(asio::any_io_executor home, TimeSource& time, Duration patience)
    : home_(std::move(home)),
      time_(time),
      patience_(patience),
      arrived_(home_, time),
      tell_(home_, [this] { arrived_.notify_all(); }) {}

CopyWaits::~CopyWaits() {
  for (Waiting* one : std::exchange(waiting_, {})) const Done dropped = std::move(*one->done);
}

void CopyWaits::wait(Waiting& waiting) {
  waiting.deadline = time_.now() + patience_;
  bool is_alone = false;
  {
    const std::lock_guard lock(mutex_);
    is_alone = waiting_.empty();
    waiting_.push_back(&waiting);
    std::ranges::push_heap(waiting_, is_behind);
  }
  if (is_alone) tell_();
}

asio::awaitable<void> CopyWaits::run() {
  for (;;) {
    const std::optional<First> asked = first();
    if (!asked) {
      co_await arrived_.wait();
      continue;
    }
    const Confirmation outcome = co_await set_->wait_confirmed(asked->end, asked->deadline);
    release(take(outcome, *asked));
  }
}

asio::awaitable<Confirmation> CopyWaits::tables_copied() {
  co_return co_await set_->wait_metadata_confirmed(tables_->version(), time_.now() + patience_);
}

std::optional<CopyWaits::First> CopyWaits::first() const {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  return First{waiting_.front()->end, waiting_.front()->deadline};
}

// Those whose wait is over, now that the one that was asked for has this outcome.
std::vector<CopyWaits::Waiting*> CopyWaits::take(Confirmation outcome, const First& asked) {
  const std::int64_t confirmed = set_->confirmed();
  // A set that is over answers in front of the deadline.
  const Instant until = std::max(time_.now(), asked.deadline);
  std::vector<Waiting*> over;
  const std::lock_guard lock(mutex_);
  while (!waiting_.empty()) {
    Waiting& one = *waiting_.front();
    if (one.end <= confirmed) {
      one.outcome = Confirmation::put_ok;
    } else if (outcome == Confirmation::slave_not_available ||
               (outcome == Confirmation::flush_slave_timeout && one.deadline <= until)) {
      one.outcome = outcome;
    } else {
      break;
    }
    count(one.outcome);
    over.push_back(&one);
    std::ranges::pop_heap(waiting_, is_behind);
    waiting_.pop_back();
  }
  return over;
}

void CopyWaits::release(std::vector<Waiting*> waiting) {
  while (!waiting.empty()) {
    const asio::any_io_executor executor = waiting.front()->executor;
    const auto is_elsewhere = [&executor](const Waiting* one) { return one->executor != executor; };
    const auto others = std::ranges::stable_partition(
        waiting, [&](const Waiting* one) { return !is_elsewhere(one); });
    std::vector<Waiting*> rest(others.begin(), others.end());
    waiting.erase(others.begin(), others.end());
    asio::post(executor, Release(executor, std::move(waiting)));
    waiting = std::move(rest);
  }
}

void CopyWaits::count(Confirmation outcome) noexcept {
  switch (outcome) {
    case Confirmation::put_ok:
      put_ok_.fetch_add(1, std::memory_order_relaxed);
      break;
    case Confirmation::slave_not_available:
      slave_not_available_.fetch_add(1, std::memory_order_relaxed);
      break;
    case Confirmation::flush_slave_timeout:
      flush_slave_timeout_.fetch_add(1, std::memory_order_relaxed);
      break;
  }
}

CopyWaits::Counts CopyWaits::counts() const noexcept {
  Counts counts;
  counts.put_ok = put_ok_.load(std::memory_order_relaxed);
  counts.slave_not_available = slave_not_available_.load(std::memory_order_relaxed);
  counts.flush_slave_timeout = flush_slave_timeout_.load(std::memory_order_relaxed);
  return counts;
}

std::size_t CopyWaits::size() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace comet::inline v0_1::broker
