// Replication.

#include "context.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Brokers";

constexpr Option kOptions[] = {
    {"brokerAddr", 'b', "ADDRESS", "this broker alone, a slave as well"},
    {"clusterName", 'c', "CLUSTER", "all masters of this cluster"},
};

void describe_master(const std::string& address, const admin::HaStatus& status, Report& report) {
  report.field("Master", "masterAddr", address);
  report.field("Log end", "masterCommitLogMaxOffset", status.log_end);
  report.field("Slaves", "slaveNum", status.replicas.size());
  report.field("In sync", "inSyncSlaveNums", status.in_sync);
  Table table("replicas", {{"SLAVE", "addr"},
                           {"NAME", "name"},
                           {"CONFIRMED", "slaveAckOffset"},
                           {"LAG", "diff"},
                           {"SENT", "transferFromWhere"},
                           {"BYTES/S", "transferredByteInSecond"},
                           {"IN SYNC", "inSync"},
                           {"FLUSHED", "flushed"},
                           {"STATE", "state"}});
  for (const admin::HaReplica& replica : status.replicas) {
    table.row({replica.address, replica.name, replica.confirmed, replica.lag, replica.sent,
               replica.bytes_per_second, replica.in_sync, replica.flushed, replica.state});
  }
  report.table(std::move(table));
}

void describe_slave(const std::string& address, const admin::HaStatus& status, Report& report) {
  report.field("Slave", "slaveAddr", address);
  report.field("Master's HA port", "masterAddr", status.master_address);
  report.field("Log end", "maxOffset", status.own_end);
  report.field("Master's log end", "masterFlushOffset", status.master_end);
  report.field("Bytes/s", "transferredByteInSecond", status.bytes_per_second);
  report.field("Last read", "lastReadTimestamp", Cell::time(status.last_read));
  report.field("Last report", "lastWriteTimestamp", Cell::time(status.last_write));
}

asio::awaitable<int> ha_status(Context& context) {
  const std::vector<admin::BrokerNode> brokers = co_await context.admin.brokers(context.scope());
  for (const admin::BrokerNode& broker : brokers) {
    const admin::HaStatus status = co_await context.admin.ha_status(broker.address);
    const std::string address = broker.address.to_string();
    Report report;
    if (status.is_master) {
      describe_master(address, status, report);
    } else {
      describe_slave(address, status, report);
    }
    context.out.print(report);
  }
  co_return brokers.empty() ? kRefused : kOk;
}

constexpr Option kForce = {"force", 'f', "", "whatever speaks against it; see docs/replication.md"};

constexpr Option kPromoteOptions[] = {
    {"brokerAddr", 'b', "ADDRESS", "the slave", true},
    {"role", 'r', "ROLE", "SYNC_MASTER (the default) or ASYNC_MASTER"},
    kForce,
};

constexpr Option kResyncOptions[] = {
    {"brokerAddr", 'b', "ADDRESS", "the slave", true},
    kForce,
};

asio::awaitable<int> promote(Context& context) {
  const Address slave = context.arguments.address("brokerAddr");
  std::string role = context.arguments.text_or("role", "SYNC_MASTER");
  const std::string said =
      co_await context.admin.promote(slave, std::move(role), context.arguments.has("force"));
  Report report;
  report.field("Made the master", "brokerAddr", slave.to_string());
  report.field("It says", "remark", said);
  context.out.print(report);
  co_return kOk;
}

asio::awaitable<int> resync(Context& context) {
  const Address slave = context.arguments.address("brokerAddr");
  const std::string said = co_await context.admin.resync(slave, context.arguments.has("force"));
  Report report;
  report.field("Copies anew", "brokerAddr", slave.to_string());
  report.field("It says", "remark", said);
  context.out.print(report);
  co_return kOk;
}

constexpr Subcommand kSubcommands[] = {
    {"haStatus", kGroup, "How far slaves have their master's log.", kOptions, ha_status},
    {"promote", kGroup, "Makes a slave the master of its name (CometMQ).", kPromoteOptions,
     promote},
    {"resync", kGroup, "Has a slave copy its master's log from the first byte (CometMQ).",
     kResyncOptions, resync},
};

}  // namespace

std::span<const Subcommand> replication_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
