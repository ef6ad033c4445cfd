#pragma once

#include "comet/base/config.hpp"

namespace comet::inline v0_1::daemon {

// Name servers on other machines send clients from anywhere to the address that this broker
// announces. Where neither brokerIP1 nor bindAddress is set, that is this machine's address from
// which the first of namesrvAddr is reached (nothing is sent to find that out; a name is resolved),
// and there it listens, and nowhere else. Where that is loopback nothing changes;
// where it cannot be found out, neither, with a warning.
void announce_where_name_servers_reach(Config& settings);

// Whether it has.
[[nodiscard]] bool is_found_by_name_server(const Config& settings);

}  // namespace comet::inline v0_1::daemon
