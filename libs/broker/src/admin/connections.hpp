#pragma once

#include "clients/client_registry.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/helper_thread.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Who is connected, and who consumes what (Apache: AdminBrokerProcessor):
// GET_CONSUMER_CONNECTION_LIST, GET_PRODUCER_CONNECTION_LIST, GET_ALL_PRODUCER_INFO,
// QUERY_TOPIC_CONSUME_BY_WHO, QUERY_TOPICS_BY_CONSUMER, QUERY_SUBSCRIPTION_BY_CONSUMER,
// GET_SYSTEM_TOPIC_LIST_FROM_BROKER.
class ConnectionsFeature {
 public:
  ConnectionsFeature(const BrokerConfig& config, TopicTable& topics, OffsetTable& offsets,
                     ClientRegistry& clients, HelperThread& helper)
      : config_(config), topics_(topics), offsets_(offsets), clients_(clients), helper_(helper) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] remoting::RemotingCommand consumer_connections(
      const remoting::Request& request, const remoting::ConsumerGroupHeader& header);
  [[nodiscard]] remoting::RemotingCommand producer_connections(
      const remoting::Request& request, const remoting::ProducerGroupHeader& header);
  [[nodiscard]] remoting::RemotingCommand all_producers(const remoting::Request& request);
  [[nodiscard]] remoting::RemotingCommand list_answer(const remoting::Request& request,
                                                      std::string_view name,
                                                      const std::set<std::string>& items) const;
  [[nodiscard]] remoting::RemotingCommand groups_of_topic(const remoting::Request& request,
                                                          const remoting::TopicHeader& header);
  [[nodiscard]] remoting::RemotingCommand topics_of_group(const remoting::Request& request,
                                                          const remoting::GroupHeader& header);
  [[nodiscard]] remoting::RemotingCommand subscription_of_group(
      const remoting::Request& request, const remoting::ConsumeTimeSpanHeader& header);
  [[nodiscard]] remoting::RemotingCommand system_topics(const remoting::Request& request);

  const BrokerConfig& config_;
  TopicTable& topics_;
  OffsetTable& offsets_;
  ClientRegistry& clients_;
  HelperThread& helper_;
};

}  // namespace comet::inline v0_1::broker
