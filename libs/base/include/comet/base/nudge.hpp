#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace comet::inline v0_1 {

namespace asio = boost::asio;

// Calls a function on an executor when any thread says so: once for all who say so before the call
// begins. Belongs to the executor; once destroyed there, it calls no more.
class Nudge {
 public:
  Nudge(asio::any_io_executor executor, std::function<void()> function)
      : state_(std::make_shared<State>(std::move(executor), std::move(function))) {}
  Nudge(const Nudge&) = delete;
  Nudge& operator=(const Nudge&) = delete;
  ~Nudge() { state_->function = nullptr; }

  // Thread-safe.
  void operator()() const {
    if (state_->is_due.exchange(true, std::memory_order_acq_rel)) return;
    asio::post(state_->executor, [state = state_] {
      state->is_due.store(false, std::memory_order_release);
      if (state->function) state->function();
    });
  }

 private:
  struct State {
    State(asio::any_io_executor executor_in, std::function<void()> function_in)
        : executor(std::move(executor_in)), function(std::move(function_in)) {}
    const asio::any_io_executor executor;
    std::function<void()> function;  // null: nobody is there any more
    std::atomic<bool> is_due{false};
  };
  std::shared_ptr<State> state_;
};

}  // namespace comet::inline v0_1
