#include "comet/base/waiter.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace comet {

asio::awaitable<error_code> Waiter::wait() {
  auto suspend = [this](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    handler_.emplace(std::move(handler));
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type) { finish(asio::error::operation_aborted); });
    }
  };
  constexpr auto token = asio::as_tuple(asio::use_awaitable);
  auto waiting = asio::async_initiate<decltype(token), void(error_code)>(suspend, token);
  auto [result] = co_await std::move(waiting);
  co_return result;
}

void Waiter::finish(error_code result) {
  if (!handler_) return;
  Handler handler = std::move(*handler_);
  handler_.reset();
  auto resume = [handler = std::move(handler), result]() mutable { std::move(handler)(result); };
  asio::post(executor_, std::move(resume));
}

void Waiter::abandon() noexcept {
  if (!handler_) return;
  Handler handler = std::move(*handler_);  // its destruction may destroy this object
  handler_.reset();
}

}  // namespace comet
