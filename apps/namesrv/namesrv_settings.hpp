#pragma once
// The keys of namesrv.conf and what they do here.

#include <span>
#include <string>

#include "comet/base/config.hpp"
#include "comet/namesrv/config.hpp"

namespace comet::inline v0_1::daemon {

// Apache's NamesrvConfig, NettyServerConfig, NettyClientConfig and ControllerConfig keys, and ours.
[[nodiscard]] std::span<const ConfigKey> namesrv_keys();
// The table of keys with the defaults of this machine.
[[nodiscard]] Config make_namesrv_settings();
// Throws Error naming the key that is wrong.
[[nodiscard]] namesrv::NameServerConfig to_name_server_config(const Config& settings);
// "loopback only; ...": for the start line, behind the address.
[[nodiscard]] std::string explain_namesrv_address(const IpEndpoint& local);

}  // namespace comet::inline v0_1::daemon
