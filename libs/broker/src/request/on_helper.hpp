#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "request/helper_thread.hpp"

namespace comet::inline v0_1::broker {

// Asio's initiation; a class, because g++ 12.2 destroys capturing lambdas twice in expressions that
// are awaited.
class StartOnHelper {
 public:
  StartOnHelper(HelperThread& helper, std::function<void()> work)
      : helper_(helper), work_(std::move(work)) {}
  template <class Handler>
  void operator()(Handler&& handler) {
    const asio::any_io_executor executor = asio::get_associated_executor(handler);
    const auto kept = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    helper_.post([kept, executor, work = std::move(work_)] {
      std::exception_ptr problem;
      try {
        work();
      } catch (...) {
        problem = std::current_exception();
      }
      asio::post(executor, [kept, problem] { std::move (*kept)(problem); });
    });
  }

 private:
  HelperThread& helper_;
  std::function<void()> work_;
};

// Returns when the helper thread has done the work; throws what it throws. Cannot be cancelled.
[[nodiscard]] inline asio::awaitable<void> on_helper(HelperThread& helper,
                                                     std::function<void()> work) {
  StartOnHelper initiation(helper, std::move(work));
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      std::move(initiation), asio::use_awaitable);
}

}  // namespace comet::inline v0_1::broker
