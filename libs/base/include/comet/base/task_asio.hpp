#pragma once
// Tasks that await Asio's coroutines, and the other way round.

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <memory>
#include <optional>
#include <type_traits>
#include <variant>

#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"
#include "comet/base/spawn.hpp"
#include "comet/base/task.hpp"

namespace comet::inline v0_1 {

// co_await FromAsio(executor, coroutine) in a task of that executor.
template <class T>
class [[nodiscard]] FromAsio final : public TaskWait {
 public:
  FromAsio(const asio::any_io_executor& executor, asio::awaitable<T> coroutine) noexcept
      : executor_(executor), coroutine_(std::move(coroutine)) {}
  FromAsio(const FromAsio&) = delete;
  FromAsio& operator=(const FromAsio&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> by) {
    by_ = by;
    root_ = &by.promise().root();
    if (root_->is_cancelled()) {
      problem_ = std::make_exception_ptr(
          boost::system::system_error(error_code(asio::error::operation_aborted)));
      return false;
    }
    root_->waits_for(this);
    // Nothing of this object may be used behind this: it may have ended.
    spawn(executor_, with_result_kept(), End(*this), signal_.slot());
    return true;
  }
  T await_resume() {
    if (problem_) std::rethrow_exception(problem_);
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }
  void cancel() override { signal_.emit(asio::cancellation_type::terminal); }

 private:
  asio::awaitable<void> with_result_kept() {
    if constexpr (std::is_void_v<T>) {
      return std::move(coroutine_);
    } else {
      return keep(std::move(coroutine_), value_);
    }
  }
  static asio::awaitable<void> keep(asio::awaitable<T> coroutine, auto& value) {
    value.emplace(co_await std::move(coroutine));
  }

  // Called once; destroyed without a call when the execution context goes away.
  class End {
   public:
    explicit End(FromAsio& wait) noexcept : wait_(&wait) {}
    End(End&& other) noexcept : wait_(std::exchange(other.wait_, nullptr)) {}
    End& operator=(End&&) = delete;
    ~End() {
      if (wait_ != nullptr) wait_->root_->abandon();
    }
    void operator()(std::exception_ptr problem) {
      FromAsio& wait = *std::exchange(wait_, nullptr);
      wait.problem_ = problem;
      wait.root_->waits_for(nullptr);
      wait.by_.resume();
    }

   private:
    FromAsio* wait_;
  };
  using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  const asio::any_io_executor& executor_;
  asio::awaitable<T> coroutine_;
  asio::cancellation_signal signal_;
  std::coroutine_handle<> by_;
  TaskRoot* root_ = nullptr;
  std::exception_ptr problem_;
  std::optional<Stored> value_;
};

// The root of a task that a coroutine of Asio's awaits, in whose frame it lies.
class AwaitedTask final : public TaskRoot {
 public:
  explicit AwaitedTask(const asio::any_io_executor& executor) noexcept : executor_(executor) {}

  // Returns when the task has ended. Cancelling the caller cancels it.
  [[nodiscard]] asio::awaitable<void> wait();
  void abandon() noexcept override;

 private:
  using Handler = asio::any_completion_handler<void()>;
  void ended() noexcept override;

  const asio::any_io_executor& executor_;
  bool done_ = false;
  // Constructed in place and moved out only: assignment of these handlers is broken in Boost 1.81.
  std::optional<Handler> handler_;
};

// Runs the task on the caller's executor, which is this one.
template <class T>
[[nodiscard]] asio::awaitable<T> to_asio(asio::any_io_executor executor, Task<T> task) {
  AwaitedTask root(executor);
  task.start(root);
  co_await root.wait();
  co_return task.result();
}

}  // namespace comet::inline v0_1
