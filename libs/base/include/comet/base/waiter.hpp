#pragma once
// The cheapest way for one coroutine to wait for another on the same executor: no timer.

#include <boost/asio/any_completion_handler.hpp>
#include <optional>

#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"

namespace comet {

// One wait at a time. The waiting coroutine is owned by this object: whoever owns the Waiter must
// see to it that the wait ends before the Waiter dies, or abandon() it.
class Waiter {
 public:
  explicit Waiter(asio::any_io_executor executor) noexcept : executor_(std::move(executor)) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Until wake(), or, with operation_aborted as the result, until the coroutine is cancelled.
  [[nodiscard]] asio::awaitable<error_code> wait();
  // Resumes the waiting coroutine, if there is one, after the current function.
  void wake() { finish({}); }
  // Destroys the waiting coroutine. For when its execution context is being destroyed.
  void abandon() noexcept;

 private:
  using Handler = asio::any_completion_handler<void(error_code)>;

  void finish(error_code result);

  asio::any_io_executor executor_;
  // Constructed in place and moved out only: assignment of these handlers is broken in Boost 1.81.
  std::optional<Handler> handler_;
};

}  // namespace comet
