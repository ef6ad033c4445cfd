#pragma once

#include <string>

#include "comet/base/config.hpp"
#include "comet/broker/config.hpp"

namespace comet::inline v0_1::daemon {

// The keys of replication. `ip` is what the broker listens on. Throws Error for values that do not
// fit together.
void take_replication(const Config& settings, const std::string& ip, broker::BrokerConfig& config);
// What an operator who comes from Apache's should know of them becomes a warning.
void explain_replication(Config& settings);

}  // namespace comet::inline v0_1::daemon
