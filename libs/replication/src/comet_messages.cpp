#include "comet_messages.hpp"

namespace comet::inline v0_1::replication {

asio::awaitable<std::optional<MessageView>> next_message(PeerConnection& connection,
                                                         std::size_t max_size) {
  for (;;) {
    const Result<MessageView> message = inspect_message(connection.received(), max_size);
    if (!message) {
      connection.end(PeerState::bad_bytes, "what it sent is no message, or was changed on the way");
      co_return std::nullopt;
    }
    if (message->size > 0) co_return *message;
    if (!co_await connection.fill()) co_return std::nullopt;
  }
}

}  // namespace comet::inline v0_1::replication
