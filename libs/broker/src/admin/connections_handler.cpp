// Who is connected, and who consumes what (Apache: AdminBrokerProcessor).

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "admin/admin_answers.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/message_headers.hpp"

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

RemotingCommand consumer_connections(BrokerContext& context, const Request& request,
                                     const remoting::ConsumerGroupHeader& header) {
  const auto group = context.clients.consumer_group(header.consumer_group);
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
  check_size(context, json);
  return json_answer(request.command, json.take());
}

RemotingCommand producer_connections(BrokerContext& context, const Request& request,
                                     const remoting::ProducerGroupHeader& header) {
  const auto clients = context.clients.producer_group(header.producer_group);
  if (!clients) {
    return refusal(request, fmt::format("the producer group[{}] not exist", header.producer_group));
  }
  JsonWriter json;
  json.begin_object();
  write_connections(json, *clients);
  json.end_object();
  check_size(context, json);
  return json_answer(request.command, json.take());
}

RemotingCommand all_producers(BrokerContext& context, const Request& request) {
  JsonWriter json;
  json.begin_object();
  json.key("data");
  json.begin_object();
  std::string last;
  for (;;) {
    const auto groups = context.clients.next_producer_groups(last);
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
    check_size(context, json);
  }
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

RemotingCommand list_answer(const BrokerContext& context, const Request& request,
                            std::string_view name, const std::set<std::string>& items) {
  JsonWriter json;
  json.begin_object();
  json.key(name);
  json.begin_array();
  for (const std::string& item : items) json.value(item);
  json.end_array();
  json.end_object();
  check_size(context, json);
  return json_answer(request.command, json.take());
}

// Those that are connected, and those that have committed an offset.
RemotingCommand groups_of_topic(BrokerContext& context, const Request& request,
                                const remoting::TopicHeader& header) {
  std::vector<std::string> connected;
  std::string last;
  while (context.clients.next_subscribers(header.topic, last, connected)) {
  }
  std::set<std::string> groups(connected.begin(), connected.end());
  for (OffsetTable::Group& group : context.offsets.groups_of_topic(header.topic)) {
    groups.insert(std::move(group.name));
  }
  return list_answer(context, request, "groupList", groups);
}

RemotingCommand topics_of_group(BrokerContext& context, const Request& request,
                                const remoting::GroupHeader& header) {
  std::set<std::string> topics;
  std::string last;
  for (;;) {
    const auto groups = context.offsets.next_groups(last);
    if (groups.empty()) break;
    for (const OffsetTable::Group& group : groups) {
      if (group.name == header.group) topics.insert(group.topic);
    }
  }
  return list_answer(context, request, "topicList", topics);
}

RemotingCommand subscription_of_group(BrokerContext& context, const Request& request,
                                      const remoting::ConsumeTimeSpanHeader& header) {
  const auto found = context.clients.find_subscription(header.group, header.topic);
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

RemotingCommand system_topics(BrokerContext& context, const Request& request) {
  std::set<std::string> topics;
  std::string last;
  for (;;) {
    const auto some = context.topics.slice(last, 1000);
    if (some.empty()) break;
    last = some.back().topic_name;
    for (const routing::TopicConfig& topic : some) {
      if (context.topics.is_reserved(topic.topic_name)) topics.insert(topic.topic_name);
    }
  }
  // Those that come into being when they are needed belong to the system before.
  for (const char* topic :
       {"TBW102", "SCHEDULE_TOPIC_XXXX", "BenchmarkTest", "SELF_TEST_TOPIC",
        "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC",
        "RMQ_SYS_TRACE_TOPIC", "OFFSET_MOVED_EVENT"}) {
    topics.insert(topic);
  }
  topics.insert(context.config.cluster_name + "_REPLY_TOPIC");
  return list_answer(context, request, "topicList", topics);
}

}  // namespace

void install_connection_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context) {
  using remoting::RequestCode;
  on_header_later<remoting::ConsumerGroupHeader>(
      dispatcher, RequestCode::get_consumer_connection_list, context, consumer_connections);
  on_header_later<remoting::ProducerGroupHeader>(
      dispatcher, RequestCode::get_producer_connection_list, context, producer_connections);
  on_request_later(dispatcher, RequestCode::get_all_producer_info, context, all_producers);
  on_header_later<remoting::TopicHeader>(dispatcher, RequestCode::query_topic_consume_by_who,
                                         context, groups_of_topic);
  on_header_later<remoting::GroupHeader>(dispatcher, RequestCode::query_topics_by_consumer, context,
                                         topics_of_group);
  on_header_later<remoting::ConsumeTimeSpanHeader>(
      dispatcher, RequestCode::query_subscription_by_consumer, context, subscription_of_group);
  on_request_later(dispatcher, RequestCode::get_system_topic_list_from_broker, context,
                   system_topics);
}

}  // namespace comet::inline v0_1::broker
