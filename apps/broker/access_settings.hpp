#pragma once

#include <string>

#include "comet/base/config.hpp"
#include "comet/broker/config.hpp"

namespace comet::inline v0_1::daemon {

// Where rocketmqHome is when no key says so: ROCKETMQ_HOME, else the directory above the
// configuration file's if that one is named conf, else unknown.
void default_home(Config& settings, const std::string& config_file);

// aclEnable and what belongs to it: reads the files of accounts (blocking), makes the signer of
// innerClientAuthenticationCredentials, and gives the HA port its secret. Behind
// take_replication(). Throws Error for all that would leave a door open: a fault in the files, with
// file and line; an HA port that others reach and that demands no secret.
void take_access(const Config& settings, broker::BrokerConfig& config);

// The warning that others reach the port at `listen_ip`, and nobody is asked who he is; empty: none
// is due.
[[nodiscard]] std::string open_port_warning(const Config& settings, const std::string& listen_ip);

}  // namespace comet::inline v0_1::daemon
