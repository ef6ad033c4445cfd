#pragma once
// Small building blocks for coroutines on one executor. None of them is thread-safe.

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1 {

class Timer;

// Coroutines wait until somebody notifies: a condition variable for one executor.
class Event {
 public:
  Event(asio::any_io_executor executor, TimeSource& time);
  ~Event();
  // True when notified after the wait began, false at the deadline.
  [[nodiscard]] asio::awaitable<bool> wait(Instant deadline = Instant::max());
  void notify_all();

 private:
  asio::any_io_executor executor_;
  TimeSource& time_;
  std::list<Timer*> waiting_;
};

// Background coroutines of one component: started here, cancelled and joined together, so that
// nothing outlives the component. An exception that ends a task (other than operation_aborted) is
// logged with the task's name and goes no further.
class TaskGroup {
 public:
  TaskGroup(asio::any_io_executor executor, TimeSource& time);
  ~TaskGroup();  // join() must have completed, or the execution context must be gone
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(std::string name, asio::awaitable<void> task);
  // Asks every running task to end at its current suspension point.
  void cancel();
  // Returns when no task is left.
  [[nodiscard]] asio::awaitable<void> join();
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs `operation` until the deadline; then cancels it, waits for its end and throws Error with
// asio::error::timed_out and `what`. Cancelling the caller cancels the operation.
[[nodiscard]] asio::awaitable<void> with_deadline(asio::awaitable<void> operation, Instant deadline,
                                                  TimeSource& time, std::string what);

// Every `period`, first after `first`: co_await action(). Ends when cancelled. An exception from
// the action is logged with `name` and the loop goes on.
[[nodiscard]] asio::awaitable<void> repeat_every(TimeSource& time, Duration first, Duration period,
                                                 std::string name,
                                                 std::function<asio::awaitable<void>()> action);

}  // namespace comet::inline v0_1
