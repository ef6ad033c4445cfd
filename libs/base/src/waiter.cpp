#include "comet/base/waiter.hpp"

#include <boost/asio/error.hpp>
#include <utility>

namespace comet::inline v0_1 {

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
  turns_.add(*this);
}

void Waiter::take_turn() { std::exchange(task_, nullptr).resume(); }

void Waiter::abandon() noexcept {
  unlink();
  if (task_) std::exchange(task_, nullptr), root_->abandon();
}

}  // namespace comet::inline v0_1
