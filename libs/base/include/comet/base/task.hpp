#pragma once
// Coroutines for the path of every message. A Task is not tied to an executor: it goes on where
// what it waits for ends, and all of that is on one executor. It costs a fraction of an
// asio::awaitable, and its frames are recycled whatever their number. For what is done seldom,
// awaitables are right; task_asio.hpp leads from one to the other.

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "comet/base/small_blocks.hpp"

namespace comet::inline v0_1 {

// Something that a task waits for and that can be told to end.
class TaskWait {
 public:
  // The wait ends at once or soon, as cancelled.
  virtual void cancel() = 0;

 protected:
  ~TaskWait() = default;
};

// What a task and those that it awaits belong to. All on one executor.
class TaskRoot {
 public:
  TaskRoot(const TaskRoot&) = delete;
  TaskRoot& operator=(const TaskRoot&) = delete;

  // Ends the wait in progress; those that come later end at once.
  void cancel() {
    is_cancelled_ = true;
    if (wait_ != nullptr) wait_->cancel();
  }
  [[nodiscard]] bool is_cancelled() const noexcept { return is_cancelled_; }
  // The execution context goes away: destroys the tasks, which wait.
  virtual void abandon() noexcept = 0;

  // For waits.
  void waits_for(TaskWait* wait) noexcept { wait_ = wait; }

 protected:
  TaskRoot() = default;
  ~TaskRoot() = default;

 private:
  template <class T>
  friend class Task;
  friend class TaskPromiseBase;
  // The task has ended; it may be destroyed.
  virtual void ended() noexcept = 0;

  TaskWait* wait_ = nullptr;
  bool is_cancelled_ = false;
};

class TaskPromiseBase {
 public:
  static void* operator new(std::size_t size) { return small_blocks::take(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    small_blocks::give_back(frame, size);
  }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  class AtEnd {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> task) const noexcept {
      TaskPromiseBase& promise = task.promise();
      if (promise.awaited_by_) return promise.awaited_by_;
      promise.root_->ended();
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] AtEnd final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { problem_ = std::current_exception(); }

  [[nodiscard]] TaskRoot& root() const noexcept { return *root_; }

 protected:
  void rethrow() const {
    if (problem_) std::rethrow_exception(problem_);
  }

 private:
  template <class T>
  friend class Task;

  TaskRoot* root_ = nullptr;
  std::coroutine_handle<> awaited_by_;
  std::exception_ptr problem_;
};

template <class T>
class TaskPromise : public TaskPromiseBase {
 public:
  [[nodiscard]] std::coroutine_handle<TaskPromise> get_return_object() noexcept {
    return std::coroutine_handle<TaskPromise>::from_promise(*this);
  }
  template <class Value>
  void return_value(Value&& value) {
    value_.emplace(std::forward<Value>(value));
  }
  [[nodiscard]] T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> : public TaskPromiseBase {
 public:
  [[nodiscard]] std::coroutine_handle<TaskPromise> get_return_object() noexcept {
    return std::coroutine_handle<TaskPromise>::from_promise(*this);
  }
  void return_void() const noexcept {}
  void take() const { rethrow(); }
};

// Begins when it is awaited, by another Task, or started by its root. Awaited once.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Handle handle) noexcept : handle_(handle) {}  // NOLINT(google-explicit-constructor)
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Runs until it waits or ends, in which case root.ended() is called.
  void start(TaskRoot& root) {
    handle_.promise().root_ = &root;
    handle_.resume();
  }
  // When it has ended. Throws what ended it.
  [[nodiscard]] T result() { return handle_.promise().take(); }

  // For co_await in another task.
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> by) noexcept {
    handle_.promise().root_ = &by.promise().root();
    handle_.promise().awaited_by_ = by;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

}  // namespace comet::inline v0_1
