#pragma once

#include <boost/asio/post.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "comet/remoting/handling.hpp"
#include "request/helper_thread.hpp"

namespace comet::inline v0_1::broker {

// Has the helper thread do something that would hold up the event loop. Throws what it throws.
class AwaitWork {
 public:
  AwaitWork(HelperThread& helper, std::function<void()> work)
      : helper_(helper), work_(std::move(work)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(remoting::Handling::Handle waiting) {
    const remoting::Handling::Wait wait(waiting);
    const asio::any_io_executor executor = waiting.promise().connection()->executor();
    const auto resume = std::make_shared<remoting::Resume<std::exception_ptr>>(waiting, problem_);
    helper_.post([work = std::move(work_), resume, executor] {
      std::exception_ptr problem;
      try {
        work();
      } catch (...) {
        problem = std::current_exception();
      }
      asio::post(executor, [resume, problem] { (*resume)(problem); });
    });
  }
  void await_resume() const {
    if (problem_) std::rethrow_exception(problem_);
  }

 private:
  HelperThread& helper_;
  std::function<void()> work_;
  std::exception_ptr problem_;
};

}  // namespace comet::inline v0_1::broker
