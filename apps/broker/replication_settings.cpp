#include "replication_settings.hpp"

#include <fmt/format.h>

namespace comet::inline v0_1::daemon {
namespace {

using broker::BrokerRole;
using replication::WirePolicy;

std::chrono::milliseconds ha_millis(const Config& settings, std::string_view key) {
  return std::chrono::milliseconds(settings.integer(key));
}

// Apache gives a master the id 0 whatever the file says; one that was meant as a slave would then
// be a second master of its name.
BrokerRole role_of(const Config& settings) {
  const std::string& name = settings.text("brokerRole");
  const std::int64_t id = settings.integer("brokerId");
  if (name == "SLAVE") {
    if (id <= 0 && !settings.is_set("brokerId")) {
      throw settings.error("brokerRole", "needs a brokerId of 1 or more");
    }
    if (id <= 0) {
      throw settings.error("brokerId",
                           "is a master's, and brokerRole is SLAVE; a slave has 1 or more");
    }
    return BrokerRole::slave;
  }
  if (id != 0) {
    throw settings.error(
        "brokerId", fmt::format("is a slave's, and brokerRole is {}; a master has brokerId = 0, "
                                "a slave brokerRole = SLAVE",
                                name));
  }
  return name == "SYNC_MASTER" ? BrokerRole::sync_master : BrokerRole::async_master;
}

void take_addresses(const Config& settings, const std::string& ip,
                    broker::ReplicationConfig& replication) {
  replication.listen_at = Address(ip, static_cast<std::uint16_t>(settings.integer("haListenPort")));
  if (const std::string& announced = settings.text("brokerIP2"); !announced.empty()) {
    const auto endpoint = IpEndpoint::parse_ip(announced, 0);
    if (!endpoint) throw settings.error("brokerIP2", "must be a numeric IP address");
    replication.announced_ip = endpoint->ip_text();
  }
  const std::string& master = settings.text("haMasterAddress");
  if (master.empty()) return;
  const Result<Address> address = Address::parse(master);
  if (!address) throw settings.error("haMasterAddress", "must be host:port");
  replication.master = *address;
}

WirePolicy wire_of(const Config& settings) {
  const std::string& name = settings.text("haHandshake");
  if (name == "comet") return WirePolicy::comet;
  return name == "apache" ? WirePolicy::apache : WirePolicy::automatic;
}

bool is_sync_master(const Config& settings) { return settings.text("brokerRole") == "SYNC_MASTER"; }

}  // namespace

void take_replication(const Config& settings, const std::string& ip, broker::BrokerConfig& config) {
  broker::ReplicationConfig& replication = config.replication;
  replication.role = role_of(settings);
  take_addresses(settings, ip, replication);
  replication.slave_timeout = ha_millis(settings, "slaveTimeout");
  replication.slave_read = settings.boolean("slaveReadEnable");
  replication.offset_check_in_slave = settings.boolean("offsetCheckInSlave");
  replication.lag_limit = settings.integer("haSlaveFallbehindMax");

  replication::HaServiceConfig& service = replication.service;
  service.transfer_batch = settings.integer("haTransferBatchSize");
  service.heartbeat = ha_millis(settings, "haSendHeartbeatInterval");
  service.housekeeping = ha_millis(settings, "haHousekeepingInterval");
  service.sync_from_last_file = settings.boolean("syncFromLastFile");
  service.keep_for_replica_bytes = settings.integer("haKeepForReplicaBytes");
  service.secret = settings.text("haSecret");

  replication::HaClientConfig& client = replication.client;
  client.wire = wire_of(settings);
  client.heartbeat = service.heartbeat;
  client.housekeeping = service.housekeeping;
  client.secret = service.secret;
  if (!client.secret.empty() && client.wire == WirePolicy::apache) {
    throw settings.error("haHandshake", "cannot prove a haSecret; it is CometMQ's alone");
  }

  replication::InSyncConfig& in_sync = replication.in_sync;
  in_sync.in_sync_replicas = static_cast<int>(settings.integer("inSyncReplicas"));
  in_sync.min_in_sync_replicas = static_cast<int>(settings.integer("minInSyncReplicas"));
  in_sync.count_unflushed_reports = settings.boolean("countUnflushedReports");
  in_sync.read_confirmed_only = settings.text("readConfirmedOnly") == "strict";
}

void explain_replication(Config& settings) {
  const std::int64_t ha_port = settings.integer("haListenPort");
  const std::int64_t next = settings.integer("listenPort") + 1;
  if (ha_port != 0 && next != 1 && ha_port != next) {
    settings.warn(fmt::format(
        "haListenPort = {} is used; Apache's brokers up to 4.9 ignore the key and have {}: check "
        "that firewalls and haMasterAddress say so, too",
        ha_port, next));
  }
  if (!is_sync_master(settings)) return;
  if (settings.is_set("inSyncReplicas") && settings.integer("inSyncReplicas") == 1) {
    settings.warn(
        "inSyncReplicas = 1: this SYNC_MASTER acknowledges messages that no slave has; the "
        "default, "
        "2, does not");
  }
}

}  // namespace comet::inline v0_1::daemon
