#pragma once

#include "context.hpp"

namespace comet::inline v0_1::ctl {

// Sends a stored message once more, as a new one: topic, body and what its sender has set, without
// what clients and brokers have added. Prints where it went.
[[nodiscard]] asio::awaitable<int> resend(Context& context, MessageExt message);

}  // namespace comet::inline v0_1::ctl
