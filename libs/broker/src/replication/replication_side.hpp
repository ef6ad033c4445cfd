#pragma once

#include <memory>
#include <optional>
#include <string>

#include "comet/base/async.hpp"
#include "comet/base/stream.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/replication/ha_client.hpp"
#include "comet/replication/ha_service.hpp"
#include "comet/replication/store_log.hpp"
#include "replication/master_poll.hpp"
#include "replication/newer_offsets.hpp"
#include "replication/replication_files.hpp"
#include "replication/slave_tables.hpp"
#include "replication/table_source.hpp"
#include "request/copy_waits.hpp"

namespace comet::inline v0_1::broker {

// What becomes of an operator's order.
class OrderOutcome {
 public:
  bool is_taken = false;  // the next start obeys it
  std::string text;       // for the operator
};

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
        history(replication::disk_state_file(replication_history_path(config.store.root))),
        files_(tables.files),
        confirmed_file_(
            replication::disk_state_file(replication_confirmed_path(config.store.root))) {
    read_confirmed();
  }
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
  [[nodiscard]] virtual NewerOffsets* newer_offsets() { return nullptr; }
  // A slave's: to be the master, to copy the log anew (cometctl promote, resync). `force`: whatever
  // speaks against it.
  [[nodiscard]] virtual asio::awaitable<OrderOutcome> promote(BrokerRole role, bool force);
  [[nodiscard]] virtual asio::awaitable<OrderOutcome> resync(bool force);
  // What is known to be confirmed, when that has moved, for the next start. Does not wait.
  void save_confirmed();

 protected:
  asio::any_io_executor home;
  Network& network;
  TimeSource& time;
  const BrokerConfig& config;
  replication::StoreLog log;
  replication::History history;

 private:
  void read_confirmed();

 protected:
  HelperThread& files_;

 private:
  const std::shared_ptr<replication::StateFile> confirmed_file_;
  std::int64_t saved_confirmed_ = 0;
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
  [[nodiscard]] NewerOffsets* newer_offsets() override { return &*newer_offsets_; }

 private:
  [[nodiscard]] bool is_sync() const { return config.replication.role == BrokerRole::sync_master; }

  const ReplicatedTables tables_;
  CopyWaits& copies_;
  // Since begin(), in this order.
  std::optional<replication::LocalCoordinator> coordinator_;
  std::optional<replication::InSyncSet> set_;
  std::optional<TableSource> source_;
  std::optional<NewerOffsets> newer_offsets_;
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
  [[nodiscard]] asio::awaitable<OrderOutcome> promote(BrokerRole role, bool force) override;
  [[nodiscard]] asio::awaitable<OrderOutcome> resync(bool force) override;

 private:
  [[nodiscard]] bool hears_the_master() const;
  [[nodiscard]] asio::awaitable<bool> does_master_answer();
  [[nodiscard]] std::string positions() const;
  [[nodiscard]] bool is_on_apaches_wire() const;
  [[nodiscard]] asio::awaitable<void> watch();
  void look();
  void note_progress();

  SlaveTables tables_;
  TableSink sink_;
  MasterPoll poll_;
  std::optional<replication::HaClient> client_;  // since start()
  Instant alone_since_;                          // it has had no working connection since then
  bool shows_all_ = false;
  Instant progress_;  // it has copied something, or had everything, then
  std::int64_t last_end_ = -1;
  std::string failure_;  // why it could take nothing, since its last progress
};

}  // namespace comet::inline v0_1::broker
