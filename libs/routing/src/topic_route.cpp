#include "comet/routing/topic_route.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "comet/routing/errors.hpp"
#include "comet/routing/json.hpp"
#include "comet/routing/json_writer.hpp"
#include "narrow.hpp"

namespace comet::routing {
namespace {

void write(JsonWriter& json, const QueueData& queue) {
  json.begin_object();
  json.member("brokerName", queue.broker_name);
  json.member("perm", queue.perm);
  json.member("readQueueNums", queue.read_queue_nums);
  json.member("topicSysFlag", queue.topic_sys_flag);
  json.member("writeQueueNums", queue.write_queue_nums);
  json.end_object();
}

std::optional<std::int64_t> parse_broker_id(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

BrokerData read_broker(const boost::json::object& object) {
  BrokerData broker;
  broker.cluster = get_string(object, "cluster");
  broker.broker_name = get_string(object, "brokerName");
  const boost::json::value* addresses = object.if_contains("brokerAddrs");
  if (addresses == nullptr || !addresses->is_object()) return broker;
  for (const auto& [key, address] : addresses->get_object()) {
    const std::optional<std::int64_t> id = parse_broker_id(key);
    if (id && address.is_string()) broker.broker_addrs[*id] = address.get_string();
  }
  return broker;
}

QueueData read_queue(const boost::json::object& object) {
  QueueData queue;
  queue.broker_name = get_string(object, "brokerName");
  queue.read_queue_nums = get_int32(object, "readQueueNums", 0);
  queue.write_queue_nums = get_int32(object, "writeQueueNums", 0);
  queue.perm = get_int32(object, "perm", 0);
  // Name servers before 4.9 wrote topicSynFlag.
  queue.topic_sys_flag = get_int32(object, "topicSysFlag", get_int32(object, "topicSynFlag", 0));
  return queue;
}

// Calls read(object) for every object in the member's array; other elements are passed over.
template <class Read>
void for_each_object(const boost::json::object& object, std::string_view key, Read read) {
  const boost::json::value* member = object.if_contains(key);
  if (member == nullptr || !member->is_array()) return;
  for (const boost::json::value& element : member->get_array()) {
    if (const boost::json::object* item = element.if_object()) read(*item);
  }
}

}  // namespace

void write_json(JsonWriter& json, const BrokerData& broker, IntegerKeys keys) {
  json.begin_object();
  json.key("brokerAddrs");
  json.begin_object();
  for (const auto& [id, address] : broker.broker_addrs) {
    json.key(id, keys == IntegerKeys::quoted);
    json.value(address);
  }
  json.end_object();
  json.member("brokerName", broker.broker_name);
  json.member("cluster", broker.cluster);
  json.end_object();
}

std::string to_json(const TopicRouteData& route, IntegerKeys keys) {
  JsonWriter json(keys == IntegerKeys::quoted ? Charset::ascii : Charset::utf8);
  json.begin_object();
  json.key("brokerDatas");
  json.begin_array();
  for (const BrokerData& broker : route.brokers) write_json(json, broker, keys);
  json.end_array();
  json.key("filterServerTable");
  json.begin_object();
  for (const auto& [address, servers] : route.filter_servers) {
    json.key(address);
    json.begin_array();
    for (const std::string& server : servers) json.value(server);
    json.end_array();
  }
  json.end_object();
  if (!route.order_topic_conf.empty()) json.member("orderTopicConf", route.order_topic_conf);
  json.key("queueDatas");
  json.begin_array();
  for (const QueueData& queue : route.queues) write(json, queue);
  json.end_array();
  json.end_object();
  return json.take();
}

Result<TopicRouteData> parse_topic_route(std::string_view json) {
  const Result<boost::json::value> value = parse_json(json);
  if (!value) return value.error();
  const boost::json::object* object = value->if_object();
  if (object == nullptr) return RoutingErrc::malformed;

  TopicRouteData route;
  route.order_topic_conf = get_string(*object, "orderTopicConf");
  for_each_object(*object, "brokerDatas", [&](const boost::json::object& item) {
    route.brokers.push_back(read_broker(item));
  });
  for_each_object(*object, "queueDatas", [&](const boost::json::object& item) {
    route.queues.push_back(read_queue(item));
  });
  const boost::json::value* filters = object->if_contains("filterServerTable");
  if (filters != nullptr && filters->is_object()) {
    for (const auto& [address, servers] : filters->get_object()) {
      if (servers.is_array()) route.filter_servers[address] = strings(servers.get_array());
    }
  }
  return route;
}

}  // namespace comet::routing
