#pragma once

#include <optional>
#include <string>

#include "comet/base/async.hpp"
#include "comet/base/stream.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/replication/ha_client.hpp"
#include "comet/replication/ha_service.hpp"
#include "comet/replication/store_log.hpp"
#include "replication/async_master_log.hpp"
#include "replication/master_poll.hpp"
#include "replication/slave_tables.hpp"
#include "replication/table_source.hpp"
#include "request/copy_waits.hpp"

namespace comet::inline v0_1::broker {

// What both roles have, on the home executor.
class ReplicationSide {
 public:
  ReplicationSide(asio::any_io_executor home_in, Network& network_in, TimeSource& time_in,
                  const BrokerConfig& config_in, const ReplicatedTables& tables)
      : home(std::move(home_in)),
        network(network_in),
        time(time_in),
        config(config_in),
        log(tables.store.raw_log()),
        history(replication::disk_state_file(config.store.root + "/config/replication")) {}
  virtual ~ReplicationSide() = default;
  ReplicationSide(const ReplicationSide&) = delete;
  ReplicationSide& operator=(const ReplicationSide&) = delete;

  virtual void begin() = 0;
  // Returns the port of the HA address.
  virtual std::uint16_t start(const replication::PeerName& self, std::uint16_t port,
                              TaskGroup& tasks) = 0;
  [[nodiscard]] virtual asio::awaitable<void> stop() = 0;
  virtual void add_stats(ReplicationStats& stats) const = 0;
  virtual void master_is(const std::optional<Address>& /*address*/,
                         const std::optional<Address>& /*ha_address*/) {}
  [[nodiscard]] virtual bool looks_for_master() const { return false; }
  [[nodiscard]] virtual TableSource* source() { return nullptr; }

 protected:
  asio::any_io_executor home;
  Network& network;
  TimeSource& time;
  const BrokerConfig& config;
  replication::StoreLog log;
  replication::History history;
};

class MasterSide final : public ReplicationSide {
 public:
  MasterSide(asio::any_io_executor home_in, Network& network_in, TimeSource& time_in,
             const BrokerConfig& config_in, const ReplicatedTables& tables, CopyWaits& copies);

  void begin() override;
  std::uint16_t start(const replication::PeerName& self, std::uint16_t port,
                      TaskGroup& tasks) override;
  [[nodiscard]] asio::awaitable<void> stop() override;
  void add_stats(ReplicationStats& stats) const override;
  [[nodiscard]] TableSource* source() override { return &*source_; }

 private:
  [[nodiscard]] bool is_sync() const { return config.replication.role == BrokerRole::sync_master; }
  [[nodiscard]] replication::ReplicaLog& visible_log() {
    return is_sync() ? static_cast<replication::ReplicaLog&>(log) : async_log_;
  }

  const ReplicatedTables tables_;
  CopyWaits& copies_;
  AsyncMasterLog async_log_;
  // Since begin(), in this order.
  std::optional<replication::LocalCoordinator> coordinator_;
  std::optional<replication::InSyncSet> set_;
  std::optional<TableSource> source_;
  std::optional<replication::HaService> service_;  // since start()
};

class SlaveSide final : public ReplicationSide {
 public:
  SlaveSide(asio::any_io_executor home_in, Network& network_in, TimeSource& time_in,
            const BrokerConfig& config_in, const ReplicatedTables& tables);

  void begin() override {}
  std::uint16_t start(const replication::PeerName& self, std::uint16_t port,
                      TaskGroup& tasks) override;
  [[nodiscard]] asio::awaitable<void> stop() override;
  void add_stats(ReplicationStats& stats) const override;
  void master_is(const std::optional<Address>& address,
                 const std::optional<Address>& ha_address) override;
  [[nodiscard]] bool looks_for_master() const override;

 private:
  [[nodiscard]] bool is_on_apaches_wire() const;
  [[nodiscard]] asio::awaitable<void> watch();
  void look();

  SlaveTables tables_;
  TableSink sink_;
  MasterPoll poll_;
  std::optional<replication::HaClient> client_;  // since start()
  Instant alone_since_;                          // it has had no working connection since then
  bool shows_all_ = false;
};

}  // namespace comet::inline v0_1::broker
