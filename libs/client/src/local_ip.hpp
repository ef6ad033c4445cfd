#pragma once

#include <string>

namespace comet::inline v0_1::client {

// The address by which this machine names itself in client ids: an IPv4 address that is neither
// loopback nor 192.168.*, if there is one (Apache: NetworkUtil.getLocalAddress).
[[nodiscard]] std::string local_ip();

}  // namespace comet::inline v0_1::client
