#pragma once
// broker.conf: which keys there are and what they set.

#include <span>

#include "comet/base/config.hpp"
#include "comet/broker/config.hpp"

namespace comet::inline v0_1::daemon {

// Apache's BrokerConfig, NettyServerConfig and MessageStoreConfig keys.
[[nodiscard]] std::span<const ConfigKey> broker_keys();
// Empty configuration with the defaults that depend on this machine.
[[nodiscard]] Config make_broker_settings();
// Throws Error for values that do not fit together.
[[nodiscard]] broker::BrokerConfig to_broker_config(const Config& settings);
// The warning that the port is open to everybody; empty: it is not. For the start.
[[nodiscard]] std::string open_port_warning(const Config& settings);
// Why it listens where it listens, for the start line.
[[nodiscard]] std::string explain_listen_address(const Config& settings);

}  // namespace comet::inline v0_1::daemon
