#include <fmt/format.h>

#include "comet/base/log.hpp"
#include "replication/replication_side.hpp"

namespace comet::inline v0_1::broker {
namespace {

replication::InSyncConfig set_config(const ReplicationConfig& config) {
  replication::InSyncConfig set = config.in_sync;
  if (config.role == BrokerRole::sync_master) return set;
  set.limits_readers = false;
  set.in_sync_replicas = 1;  // nobody waits for a copy
  set.min_in_sync_replicas = 1;
  return set;
}

// One that has just come has all of the log before it.
constexpr Duration kBehindTooLong = std::chrono::minutes(1);

std::string far_behind(const replication::MasterStatus& status, std::int64_t limit) {
  for (const replication::ReplicaStatus& replica : status.replicas) {
    if (replica.state != replication::PeerState::transfer) continue;
    if (replica.lag_bytes <= limit || replica.lag_time < kBehindTooLong) continue;
    return fmt::format("slave {} at {} is {} bytes behind, more than haSlaveFallbehindMax",
                       replica.name, replica.address, replica.lag_bytes);
  }
  return {};
}

}  // namespace

MasterSide::MasterSide(asio::any_io_executor home_in, Network& network_in, TimeSource& time_in,
                       const BrokerConfig& config_in, const ReplicatedTables& tables,
                       CopyWaits& copies)
    : ReplicationSide(std::move(home_in), network_in, time_in, config_in, tables),
      tables_(tables),
      copies_(copies) {}

void MasterSide::begin() {
  coordinator_.emplace(history, log);
  set_.emplace(home, time, set_config(config.replication), log, *coordinator_, history);
  source_.emplace(home, time, tables_);
  newer_offsets_.emplace(home, network, time, config.replication, tables_.offsets, tables_.files,
                         history.replicas());
  set_->start();
  if (is_sync()) copies_.follow(*set_, *source_);
}

std::uint16_t MasterSide::start(const replication::PeerName& self, std::uint16_t port,
                                TaskGroup& tasks) {
  replication::HaServiceConfig service = config.replication.service;
  service.self = self;
  const Address& at = *config.replication.listen_at;
  // By default the port behind the one that clients connect to, wherever that is.
  const bool is_free = config.listen_at.port() == 0 && at.port() == 0;
  const auto next = static_cast<std::uint16_t>(is_free ? 0 : port + 1);
  service.listen_at = Address(at.host(), at.port() != 0 ? at.port() : next);
  service_.emplace(home, network, time, service,
                   replication::HaServiceParts(log, history, *coordinator_, *set_, &*source_));
  try {
    service_->start();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("haListenPort: {}", error.context()));
  }
  tasks.spawn("tables for slaves", source_->run());
  if (newer_offsets_->is_pending()) tasks.spawn("newer offsets", newer_offsets_->run());
  if (is_sync()) tasks.spawn("waits for copies", copies_.run());
  log::info("HA port on {}, epoch {}", service_->local().to_string(),
            coordinator_->mastership().epoch);
  return service_->local().port();
}

asio::awaitable<void> MasterSide::stop() {
  source_->stop();
  co_await newer_offsets_->stop();
  if (service_) co_await service_->stop();
  co_await set_->stop();
  log.set_read_limit(replication::kNoLimit);
}

void MasterSide::add_stats(ReplicationStats& stats) const {
  stats.master = set_->status();
  stats.counters = set_->counters();
  stats.connections = service_ ? service_->connections() : 0;
  stats.log_end = log.end();
  const CopyWaits::Counts answers = copies_.counts();
  stats.put_ok = answers.put_ok;
  stats.slave_not_available = answers.slave_not_available;
  stats.flush_slave_timeout = answers.flush_slave_timeout;
  stats.waiting = copies_.size();
  if (!stats.master.is_master) {
    stats.problem =
        "another broker of this name is master in a higher epoch: nothing is confirmed "
        "here any more; start this one as its slave";
  } else if (is_sync() && stats.master.in_sync < stats.master.in_sync_wanted) {
    stats.problem =
        fmt::format("{} of {} copies are in sync: sends are answered SLAVE_NOT_AVAILABLE",
                    stats.master.in_sync, stats.master.in_sync_wanted);
  } else {
    stats.problem = far_behind(stats.master, config.replication.lag_limit);
  }
}

}  // namespace comet::inline v0_1::broker
