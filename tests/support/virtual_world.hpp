#pragma once
// One thread, virtual time and a network in memory: a whole cluster in a test, always the same way.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <exception>
#include <optional>
#include <stdexcept>

#include "comet/base/memory_network.hpp"
#include "comet/base/timer.hpp"

namespace comet::inline v0_1::test {

class VirtualWorld {
 public:
  VirtualTime time;
  MemoryNetwork network{time};
  asio::io_context context{1};  // goes first: what is suspended in it refers to the others

  asio::any_io_executor executor() { return context.get_executor(); }

  // Runs everything until `task` has ended and returns its result or throws its exception. Virtual
  // time jumps from timer to timer; the task must end within `limit` of it.
  template <class T>
  T run(asio::awaitable<T> task, Duration limit = std::chrono::hours(24)) {
    bool done = false;
    std::exception_ptr problem;
    std::optional<T> result;
    auto on_end = [&](std::exception_ptr error) {
      done = true;
      problem = error;
    };
    asio::co_spawn(context, keep(std::move(task), result), on_end);
    run_until([&done] { return done; }, limit);
    if (problem) std::rethrow_exception(problem);
    return std::move(*result);
  }

  void run(asio::awaitable<void> task, Duration limit = std::chrono::hours(24)) {
    bool done = false;
    std::exception_ptr problem;
    auto on_end = [&](std::exception_ptr error) {
      done = true;
      problem = error;
    };
    asio::co_spawn(context, std::move(task), on_end);
    run_until([&done] { return done; }, limit);
    if (problem) std::rethrow_exception(problem);
  }

  // The same for a task that waits for another thread: virtual time stands still, real time is
  // limited.
  template <class T>
  T run_with_threads(asio::awaitable<T> task,
                     std::chrono::seconds limit = std::chrono::seconds(60)) {
    bool done = false;
    std::exception_ptr problem;
    std::optional<T> result;
    auto on_end = [&](std::exception_ptr error) {
      done = true;
      problem = error;
    };
    asio::co_spawn(context, keep(std::move(task), result), on_end);
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done) {
      if (std::chrono::steady_clock::now() > end)
        throw std::runtime_error("did not finish: no thread came back");
      context.restart();
      context.run_one_for(std::chrono::milliseconds(10));
    }
    if (problem) std::rethrow_exception(problem);
    return std::move(*result);
  }

  template <class Condition>
  void run_until(Condition condition, Duration limit = std::chrono::hours(24)) {
    const Instant end = time.now() + limit;
    for (;;) {
      settle();
      if (condition()) return;
      if (!time.advance_to_next(end)) {
        settle();
        if (condition()) return;
        throw std::runtime_error(
            "did not finish: nothing is left to happen, or the time limit is reached");
      }
    }
  }

  // Lets that much virtual time pass.
  void pass(Duration duration) {
    const Instant end = time.now() + duration;
    settle();
    while (time.advance_to_next(end)) settle();
    settle();
  }

  // Runs what is ready, without moving time.
  void settle() {
    do {
      context.restart();
    } while (context.poll() != 0);
  }

 private:
  // co_spawn asks its result for a default constructor.
  template <class T>
  static asio::awaitable<void> keep(asio::awaitable<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
};

}  // namespace comet::inline v0_1::test
