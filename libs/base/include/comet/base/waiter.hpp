#pragma once
// The cheapest way for one task to wait for another on the same executor: no timer, no allocation.

#include <boost/asio/any_io_executor.hpp>
#include <boost/intrusive/list.hpp>
#include <coroutine>
#include <memory>

#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"
#include "comet/base/task.hpp"

namespace comet::inline v0_1 {

class Waiter;

// Resumes waiters that have been woken, those of one moment by one posted function.
class Wakeups {
 public:
  explicit Wakeups(asio::any_io_executor executor);

 private:
  friend class Waiter;
  class State;
  class Turn;
  std::shared_ptr<State> state_;
};

// One wait at a time. The waiting task belongs to this object: whoever owns the Waiter must see to
// it that the wait ends before the Waiter dies, or abandon() it.
class Waiter final : public TaskWait,
                     public boost::intrusive::list_base_hook<
                         boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit Waiter(const Wakeups& wakeups) noexcept : wakeups_(wakeups.state_.get()) {}
  ~Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // co_await waiter.wait(): until wake(), or, with operation_aborted as the result, until the task
  // is cancelled.
  class Wait {
   public:
    explicit Wait(Waiter& waiter) noexcept : waiter_(waiter) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> task) {
      return waiter_.suspend(task, task.promise().root());
    }
    [[nodiscard]] error_code await_resume() const noexcept { return waiter_.result_; }

   private:
    Waiter& waiter_;
  };
  [[nodiscard]] Wait wait() noexcept { return Wait(*this); }

  // Resumes the waiting task, if there is one, after the current function.
  void wake() { finish({}); }
  void cancel() override;
  // Destroys the waiting task. For when its execution context is being destroyed.
  void abandon() noexcept;

 private:
  friend class Wakeups;
  bool suspend(std::coroutine_handle<> task, TaskRoot& root);
  void finish(error_code result);
  void resume();

  Wakeups::State* wakeups_;
  std::coroutine_handle<> task_;
  TaskRoot* root_ = nullptr;
  error_code result_;
};

}  // namespace comet::inline v0_1
