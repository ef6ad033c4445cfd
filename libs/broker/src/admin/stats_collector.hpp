#pragma once

#include "clients/client_registry.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/store/message_store.hpp"
#include "pull/pull_hold.hpp"
#include "request/sends_in_flight.hpp"
#include "stats/traffic.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"
#include "transaction/transaction_service.hpp"

namespace comet::inline v0_1::broker {

// What the whole broker says of itself, gathered from its features. Thread-safe.
class StatsCollector {
 public:
  StatsCollector(const BrokerConfig& config, TimeSource& time, store::MessageStore& store,
                 TopicTable& topics, GroupTable& groups, OffsetTable& offsets,
                 ClientRegistry& clients, TransactionService& transactions, PullHold& hold,
                 SendsInFlight& sends, TrafficTable& traffic)
      : config_(config),
        time_(time),
        store_(store),
        topics_(topics),
        groups_(groups),
        offsets_(offsets),
        clients_(clients),
        transactions_(transactions),
        hold_(hold),
        sends_(sends),
        traffic_(traffic) {}

  // Reads the tables one after the other, and for each group and queue that lags one record's time.
  [[nodiscard]] BrokerStats collect() const;

 private:
  void add_queue(const OffsetTable::Group& group, std::int32_t queue_id, std::int64_t committed,
                 ConsumerLag& lag) const;
  [[nodiscard]] std::vector<ConsumerLag> lags() const;

  const BrokerConfig& config_;
  TimeSource& time_;
  store::MessageStore& store_;
  TopicTable& topics_;
  GroupTable& groups_;
  OffsetTable& offsets_;
  ClientRegistry& clients_;
  TransactionService& transactions_;
  PullHold& hold_;
  SendsInFlight& sends_;
  TrafficTable& traffic_;
};

}  // namespace comet::inline v0_1::broker
