#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "comet/remoting/handling.hpp"

namespace comet::inline v0_1::broker {

// What an awaitable came to.
template <class T>
class CallOutcome {
 public:
  std::exception_ptr problem;
  T value{};
};

// Waits for an awaitable, of another connection or of the store: on `where`, or where the request's
// connection runs. It cannot be cancelled; a deadline, if it needs one, is its own. Throws what it
// throws.
template <class T>
class AwaitCall {
 public:
  explicit AwaitCall(asio::awaitable<T> call, asio::any_io_executor where = {})
      : call_(std::move(call)), where_(std::move(where)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(remoting::Handling::Handle waiting) {
    const remoting::Handling::Wait wait(waiting);
    const asio::any_io_executor home = waiting.promise().connection()->executor();
    const asio::any_io_executor where = where_ ? where_ : home;
    Done done(remoting::Resume<CallOutcome<T>>(waiting, outcome_));
    asio::co_spawn(where, std::move(call_), asio::bind_executor(home, std::move(done)));
  }
  [[nodiscard]] T await_resume() {
    if (outcome_.problem) std::rethrow_exception(outcome_.problem);
    return std::move(outcome_.value);
  }

 private:
  class Done {
   public:
    explicit Done(remoting::Resume<CallOutcome<T>> resume) : resume_(std::move(resume)) {}
    void operator()(std::exception_ptr problem, T value) {
      CallOutcome<T> outcome;
      outcome.problem = std::move(problem);
      outcome.value = std::move(value);
      resume_(std::move(outcome));
    }

   private:
    remoting::Resume<CallOutcome<T>> resume_;
  };

  asio::awaitable<T> call_;
  asio::any_io_executor where_;
  CallOutcome<T> outcome_;
};

}  // namespace comet::inline v0_1::broker
