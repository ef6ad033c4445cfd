#pragma once
// What a broker's replication is set to: data only (docs/replication.md).

#include <memory>
#include <optional>
#include <string>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/replication/config.hpp"

namespace comet::inline v0_1::remoting {
class RpcHook;
}

namespace comet::inline v0_1::broker {

enum class BrokerRole {
  async_master,  // answers a send when it has the message itself
  sync_master,   // answers 0 when every member of its in-sync set has it (InSyncConfig)
  slave,         // follows the master of its name; stores nothing of its own
};

// Names in comments are broker.conf's keys.
class ReplicationConfig {
 public:
  BrokerRole role = BrokerRole::async_master;  // brokerRole
  // haListenPort: where a master serves replicas; port 0: the one behind the port for clients, or a
  // free one when that one is free as well. Nullopt: nowhere.
  std::optional<Address> listen_at;
  std::string announced_ip;       // brokerIP2: host of the HA address; empty: brokerIP1
  std::optional<Address> master;  // haMasterAddress: in place of what the name servers say
  // Who this broker is to its peers (`self`), and where it listens, is filled in by the broker.
  replication::HaServiceConfig service;
  replication::InSyncConfig in_sync;
  replication::HaClientConfig client;
  Duration slave_timeout = std::chrono::seconds(3);  // slaveTimeout: patience of a send
  // slaveReadEnable: who lags behind by more than the memory holds is sent to the slave.
  bool slave_read = false;
  bool offset_check_in_slave = false;  // offsetCheckInSlave: 21 there as at a master, not 20
  // haSlaveFallbehindMax, bytes: a slave that has less of the log than that is a problem of its
  // own, and of its master when it has had less for a minute.
  std::int64_t lag_limit = 256 << 20;
  // When a slave asks a Java master for its tables (Apache: SlaveSynchronize, 4.9).
  Duration first_poll = std::chrono::seconds(3);
  Duration poll_period = std::chrono::seconds(10);
  std::shared_ptr<remoting::RpcHook> signer;  // of what a slave asks its master; null: unsigned

  [[nodiscard]] bool is_slave() const noexcept { return role == BrokerRole::slave; }
};

}  // namespace comet::inline v0_1::broker
