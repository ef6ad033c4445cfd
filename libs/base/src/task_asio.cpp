#include "comet/base/task_asio.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace comet::inline v0_1 {

asio::awaitable<void> AwaitedTask::wait() {
  if (done_) co_return;
  asio::cancellation_slot slot;
  auto suspend = [this, &slot](auto handler) {
    slot = asio::get_associated_cancellation_slot(handler);
    handler_.emplace(std::move(handler));
    if (slot.is_connected()) slot.assign([this](asio::cancellation_type) { cancel(); });
  };
  auto waiting =
      asio::async_initiate<const asio::use_awaitable_t<>, void()>(suspend, asio::use_awaitable);
  co_await std::move(waiting);
  slot.clear();  // it must not lead to this object any longer
}

// Posted: whoever ends the task is not to run what comes after it.
void AwaitedTask::ended() noexcept {
  done_ = true;
  if (!handler_) return;
  Handler handler = std::move(*handler_);
  handler_.reset();
  asio::post(executor_, std::move(handler));
}

void AwaitedTask::abandon() noexcept {
  if (!handler_) return;
  Handler handler = std::move(*handler_);  // its destruction destroys this object
  handler_.reset();
}

}  // namespace comet::inline v0_1
