#pragma once

#include <vector>

#include "comet/base/config.hpp"

namespace comet::inline v0_1::daemon {

// The keys of RocketMQ's broker, 4.9.8 to 5.5.0 (BrokerConfig, MessageStoreConfig,
// NettyServerConfig, NettyClientConfig, AuthConfig), that do nothing here.
[[nodiscard]] std::vector<ConfigKey> apache_broker_keys();

}  // namespace comet::inline v0_1::daemon
