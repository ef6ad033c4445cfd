#include "comet/base/waiter.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace comet::inline v0_1 {

class Wakeups::State : public std::enable_shared_from_this<State> {
 public:
  explicit State(asio::any_io_executor executor_in) : executor(std::move(executor_in)) {}

  void add(Waiter& waiter);

  const asio::any_io_executor executor;
  boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>> woken;
  bool turn_is_due = false;
};

// What the executor runs. If it is destroyed instead, the execution context goes away.
class Wakeups::Turn {
 public:
  explicit Turn(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  Turn(Turn&&) noexcept = default;
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (state_ == nullptr) return;
    while (!state_->woken.empty()) state_->woken.front().abandon();
  }
  void operator()() {
    const std::shared_ptr<State> state = std::move(state_);
    state->turn_is_due = false;
    // Those that are woken by these get another turn.
    decltype(state->woken) woken;
    woken.swap(state->woken);
    while (!woken.empty()) {
      Waiter& waiter = woken.front();
      woken.pop_front();
      waiter.resume();
    }
  }

 private:
  std::shared_ptr<State> state_;
};

void Wakeups::State::add(Waiter& waiter) {
  woken.push_back(waiter);
  if (turn_is_due) return;
  turn_is_due = true;
  asio::post(executor, Turn(shared_from_this()));
}

Wakeups::Wakeups(asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

bool Waiter::suspend(std::coroutine_handle<> task, TaskRoot& root) {
  result_ = error_code();
  if (root.is_cancelled()) {
    result_ = asio::error::operation_aborted;
    return false;
  }
  task_ = task;
  root_ = &root;
  root.waits_for(this);
  return true;
}

void Waiter::cancel() { finish(asio::error::operation_aborted); }

void Waiter::finish(error_code result) {
  if (!task_ || is_linked()) return;  // nobody waits, or it has been woken already
  result_ = result;
  root_->waits_for(nullptr);
  wakeups_->add(*this);
}

void Waiter::resume() { std::exchange(task_, nullptr).resume(); }

void Waiter::abandon() noexcept {
  unlink();
  if (task_) std::exchange(task_, nullptr), root_->abandon();
}

}  // namespace comet::inline v0_1
