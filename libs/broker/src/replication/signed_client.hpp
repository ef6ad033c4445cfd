#pragma once

#include "comet/broker/replication_config.hpp"
#include "comet/remoting/client.hpp"

namespace comet::inline v0_1::broker {

// Of a client that asks other brokers of this one's name: what it asks is signed where the
// configuration has an account for that.
[[nodiscard]] inline remoting::ClientConfig signed_client(const ReplicationConfig& replication) {
  remoting::ClientConfig config;
  if (replication.signer) config.hooks.push_back(replication.signer);
  return config;
}

}  // namespace comet::inline v0_1::broker
