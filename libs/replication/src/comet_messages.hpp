#pragma once

#include "comet_wire.hpp"
#include "peer_connection.hpp"

namespace comet::inline v0_1::replication {

// The next whole message; the caller consumes it. Nullopt: the connection has ended, maybe because
// what came is no message.
[[nodiscard]] asio::awaitable<std::optional<MessageView>> next_message(PeerConnection& connection,
                                                                       std::size_t max_size);

}  // namespace comet::inline v0_1::replication
