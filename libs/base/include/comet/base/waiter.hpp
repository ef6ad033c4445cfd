#pragma once
// The cheapest way for one task to wait for another on the same executor: no timer, no allocation.

#include <coroutine>

#include "comet/base/error.hpp"
#include "comet/base/task.hpp"
#include "comet/base/turns.hpp"

namespace comet::inline v0_1 {

// One wait at a time. The waiting task belongs to this object: whoever owns the Waiter must see to
// it that the wait ends before the Waiter dies, or abandon() it.
class Waiter final : public TaskWait, public Turns::Item {
 public:
  // `turns`, in which it is resumed, outlives it.
  explicit Waiter(const Turns& turns) noexcept : turns_(turns) {}
  ~Waiter() = default;

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
  bool suspend(std::coroutine_handle<> task, TaskRoot& root);
  void finish(error_code result);
  void take_turn() override;
  void drop() noexcept override { abandon(); }

  const Turns& turns_;
  std::coroutine_handle<> task_;
  TaskRoot* root_ = nullptr;
  error_code result_;
};

}  // namespace comet::inline v0_1
