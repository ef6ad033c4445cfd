#pragma once

#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/awaitable.hpp"
#include "comet/base/stream.hpp"
#include "comet/remoting/address_server.hpp"

namespace comet::inline v0_1::remoting {

// The addresses in the first line of what the server answers, in its order; never empty.
// Throws Error naming the URL: the system's reason, asio::error::timed_out, what is wrong with an
// answer that is no HTTP or has more than 64 KiB, or BaseErrc::bad_address for one that is not 200
// or whose first line is no list of addresses.
[[nodiscard]] asio::awaitable<std::vector<Address>> fetch_name_servers(AddressServer from,
                                                                       Network& network,
                                                                       TimeSource& time,
                                                                       Instant deadline);

}  // namespace comet::inline v0_1::remoting
