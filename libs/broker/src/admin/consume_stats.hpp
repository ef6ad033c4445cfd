#pragma once

#include "clients/client_registry.hpp"
#include "comet/base/address.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/message_store.hpp"
#include "request/helper_thread.hpp"
#include "stats/traffic.hpp"
#include "subscriptions/consumer_filters.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Where queues and consumer groups stand (Apache: AdminBrokerProcessor): GET_TOPIC_STATS_INFO,
// GET_CONSUME_STATS, GET_BROKER_CONSUME_STATS, QUERY_CONSUME_TIME_SPAN, QUERY_CONSUME_QUEUE.
class ConsumeStatsFeature {
 public:
  ConsumeStatsFeature(const BrokerConfig& config, TimeSource& time, const IpEndpoint& store_host,
                      store::MessageStore& store, TopicTable& topics, GroupTable& groups,
                      OffsetTable& offsets, ClientRegistry& clients, ConsumerFilters& filters,
                      TrafficTable& traffic, HelperThread& helper)
      : config_(config),
        time_(time),
        store_host_(store_host),
        store_(store),
        topics_(topics),
        groups_(groups),
        offsets_(offsets),
        clients_(clients),
        filters_(filters),
        traffic_(traffic),
        helper_(helper) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  // What a group has committed in a topic.
  struct Standing {
    std::string topic;
    OffsetTable::Queues queues;
  };

  // Messages that a group has not acknowledged, and those of them that were given to it.
  struct Backlog {
    std::int64_t behind = 0;
    std::int64_t in_flight = 0;
  };

  [[nodiscard]] remoting::RemotingCommand topic_stats(const remoting::Request& request,
                                                      const remoting::TopicHeader& header);
  [[nodiscard]] bool may_consume(std::string_view group, std::string_view topic) const;
  Backlog write_queues(JsonWriter& json, std::string_view group, const Standing& standing,
                       std::int32_t queues) const;
  [[nodiscard]] remoting::RemotingCommand consume_stats(const remoting::Request& request,
                                                        const remoting::ConsumeStatsHeader& header);
  [[nodiscard]] remoting::RemotingCommand broker_consume_stats(
      const remoting::Request& request, const remoting::BrokerConsumeStatsHeader& header);
  void write_time_span(JsonWriter& json, std::string_view topic, std::int32_t queue_id,
                       std::int64_t consumer_offset) const;
  [[nodiscard]] remoting::RemotingCommand consume_time_span(
      const remoting::Request& request, const remoting::ConsumeTimeSpanHeader& header);
  [[nodiscard]] remoting::RemotingCommand query_queue(
      const remoting::Request& request, const remoting::QueryConsumeQueueHeader& header);

  const BrokerConfig& config_;
  TimeSource& time_;
  const IpEndpoint& store_host_;
  store::MessageStore& store_;
  TopicTable& topics_;
  GroupTable& groups_;
  OffsetTable& offsets_;
  ClientRegistry& clients_;
  ConsumerFilters& filters_;
  TrafficTable& traffic_;
  HelperThread& helper_;
};

}  // namespace comet::inline v0_1::broker
