// Who is connected, and who consumes what (Apache: AdminBrokerProcessor).

#include "admin/connections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "comet/message/system_names.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;

void write_connections(JsonWriter& json,
                       const std::vector<ClientRegistry::ConnectedClient>& clients) {
  json.key("connectionSet");
  json.begin_array();
  for (const ClientRegistry::ConnectedClient& client : clients) {
    json.begin_object();
    json.member("clientAddr", client.connection->remote().to_string());
    json.member("clientId", client.info.id);
    json.member("language", to_string(client.info.language));
    json.member("version", client.info.version);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

RemotingCommand ConnectionsFeature::consumer_connections(
    const Request& request, const remoting::ConsumerGroupHeader& header) {
  const auto group = clients_.consumer_group(header.consumer_group);
  if (!group) {
    return refusal(request, ResponseCode::consumer_not_online,
                   fmt::format("the consumer group[{}] not online", header.consumer_group));
  }
  JsonWriter json;
  json.begin_object();
  write_connections(json, group->clients);
  json.member("consumeFromWhere", group->consume_from_where);
  json.member("consumeType", group->consume_type);
  json.member("messageModel", group->message_model);
  json.key("subscriptionTable");
  json.begin_object();
  for (const Subscription& subscription : group->subscriptions) {
    json.key(subscription.topic);
    subscription.write_json(json);
  }
  json.end_object();
  json.end_object();
  check_size(config_.connection.max_frame, json);
  return json_answer(request.command, json.take());
}

RemotingCommand ConnectionsFeature::producer_connections(
    const Request& request, const remoting::ProducerGroupHeader& header) {
  const auto clients = clients_.producer_group(header.producer_group);
  if (!clients) {
    return refusal(request, fmt::format("the producer group[{}] not exist", header.producer_group));
  }
  JsonWriter json;
  json.begin_object();
  write_connections(json, *clients);
  json.end_object();
  check_size(config_.connection.max_frame, json);
  return json_answer(request.command, json.take());
}

RemotingCommand ConnectionsFeature::all_producers(const Request& request) {
  JsonWriter json;
  json.begin_object();
  json.key("data");
  json.begin_object();
  std::string last;
  for (;;) {
    const auto groups = clients_.next_producer_groups(last);
    if (groups.empty()) break;
    for (const ClientRegistry::ProducerGroupView& group : groups) {
      json.key(group.name);
      json.begin_array();
      for (const ClientRegistry::ConnectedClient& client : group.clients) {
        json.begin_object();
        json.member("clientId", client.info.id);
        json.member("language", to_string(client.info.language));
        json.member("lastUpdateTimestamp", client.last_heartbeat_millis);
        json.member("remoteIP", "/" + client.connection->remote().to_string());
        json.member("version", client.info.version);
        json.end_object();
      }
      json.end_array();
    }
    check_size(config_.connection.max_frame, json);
  }
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

RemotingCommand ConnectionsFeature::list_answer(const Request& request, std::string_view name,
                                                const std::set<std::string>& items) const {
  JsonWriter json;
  json.begin_object();
  json.key(name);
  json.begin_array();
  for (const std::string& item : items) json.value(item);
  json.end_array();
  json.end_object();
  check_size(config_.connection.max_frame, json);
  return json_answer(request.command, json.take());
}

// Those that are connected, and those that have committed an offset.
RemotingCommand ConnectionsFeature::groups_of_topic(const Request& request,
                                                    const remoting::TopicHeader& header) {
  std::vector<std::string> connected;
  std::string last;
  while (clients_.next_subscribers(header.topic, last, connected)) {
  }
  std::set<std::string> groups(connected.begin(), connected.end());
  for (OffsetTable::Group& group : offsets_.groups_of_topic(header.topic)) {
    groups.insert(std::move(group.name));
  }
  return list_answer(request, "groupList", groups);
}

RemotingCommand ConnectionsFeature::topics_of_group(const Request& request,
                                                    const remoting::GroupHeader& header) {
  std::set<std::string> topics;
  std::string last;
  for (;;) {
    const auto groups = offsets_.next_groups(last);
    if (groups.empty()) break;
    for (const OffsetTable::Group& group : groups) {
      if (group.name == header.group) topics.insert(group.topic);
    }
  }
  return list_answer(request, "topicList", topics);
}

RemotingCommand ConnectionsFeature::subscription_of_group(
    const Request& request, const remoting::ConsumeTimeSpanHeader& header) {
  const auto found = clients_.find_subscription(header.group, header.topic);
  JsonWriter json;
  json.begin_object();
  json.member("group", header.group);
  if (found.status == ClientRegistry::Lookup::found) {
    json.key("subscriptionData");
    found.subscription.write_json(json);
  }
  json.member("topic", header.topic);
  json.end_object();
  return json_answer(request.command, json.take());
}

RemotingCommand ConnectionsFeature::system_topics(const Request& request) {
  std::set<std::string> topics;
  std::string last;
  for (;;) {
    const auto some = topics_.slice(last, 1000);
    if (some.empty()) break;
    last = some.back().topic_name;
    for (const routing::TopicConfig& topic : some) {
      if (topics_.is_reserved(topic.topic_name)) topics.insert(topic.topic_name);
    }
  }
  // Those that come into being when they are needed belong to the system before.
  topics.insert(kSystemTopics.begin(), kSystemTopics.end());
  topics.insert(config_.cluster_name + std::string(kReplyTopicSuffix));
  return list_answer(request, "topicList", topics);
}

void ConnectionsFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  on_header_later<remoting::ConsumerGroupHeader>(dispatcher, helper_,
                                                 RequestCode::get_consumer_connection_list, this,
                                                 &ConnectionsFeature::consumer_connections);
  on_header_later<remoting::ProducerGroupHeader>(dispatcher, helper_,
                                                 RequestCode::get_producer_connection_list, this,
                                                 &ConnectionsFeature::producer_connections);
  on_request_later(dispatcher, helper_, RequestCode::get_all_producer_info, this,
                   &ConnectionsFeature::all_producers);
  on_header_later<remoting::TopicHeader>(dispatcher, helper_,
                                         RequestCode::query_topic_consume_by_who, this,
                                         &ConnectionsFeature::groups_of_topic);
  on_header_later<remoting::GroupHeader>(dispatcher, helper_, RequestCode::query_topics_by_consumer,
                                         this, &ConnectionsFeature::topics_of_group);
  on_header_later<remoting::ConsumeTimeSpanHeader>(
      dispatcher, helper_, RequestCode::query_subscription_by_consumer, this,
      &ConnectionsFeature::subscription_of_group);
  on_request_later(dispatcher, helper_, RequestCode::get_system_topic_list_from_broker, this,
                   &ConnectionsFeature::system_topics);
}

}  // namespace comet::inline v0_1::broker
