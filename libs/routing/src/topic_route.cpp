#include "comet/routing/topic_route.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <utility>

#include "comet/base/ascii.hpp"
#include "comet/base/body_error.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "narrow.hpp"

namespace comet::inline v0_1::routing {
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

BrokerData read_broker(const boost::json::object& object) {
  BrokerData broker;
  broker.cluster = get_string(object, "cluster");
  broker.broker_name = get_string(object, "brokerName");
  broker.enable_acting_master = get_bool(object, "enableActingMaster", false);
  broker.zone_name = get_string(object, "zoneName");
  const boost::json::value* addresses = object.if_contains("brokerAddrs");
  if (addresses == nullptr || !addresses->is_object()) return broker;
  for (const auto& [key, address] : addresses->get_object()) {
    const std::optional<std::int64_t> id = parse_number<std::int64_t>(key);
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
  // rocketmq-client-rust 1.0.0 reads no route without it.
  json.member("enableActingMaster", broker.enable_acting_master);
  if (!broker.zone_name.empty()) json.member("zoneName", broker.zone_name);
  json.end_object();
}

void write_json(JsonWriter& json, const TopicQueueMapping& mapping, IntegerKeys keys) {
  json.begin_object();
  json.member("bname", mapping.broker_name);
  json.key("currIdMap");
  json.begin_object();
  for (const auto& [global, local] : mapping.current_ids) {
    json.key(global, keys == IntegerKeys::quoted);
    json.value(std::int64_t{local});
  }
  json.end_object();
  json.member("dirty", mapping.dirty);
  json.member("epoch", mapping.epoch);
  json.member("scope", mapping.scope);
  json.member("topic", mapping.topic);
  json.member("totalQueues", mapping.total_queues);
  json.end_object();
}

std::string to_json(const TopicRouteData& route, IntegerKeys keys) {
  JsonWriter json(keys == IntegerKeys::quoted ? JsonCharset::ascii : JsonCharset::utf8);
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
  if (!route.queue_mappings.empty()) {
    json.key("topicQueueMappingByBroker");
    json.begin_object();
    for (const auto& [broker, mapping] : route.queue_mappings) {
      json.key(broker);
      write_json(json, mapping, keys);
    }
    json.end_object();
  }
  json.end_object();
  return json.take();
}

Result<TopicRouteData> parse_topic_route(std::string_view json) {
  const Result<boost::json::value> value = parse_json(json);
  if (!value) return value.error();
  const boost::json::object* object = value->if_object();
  if (object == nullptr) return BodyErrc::malformed;

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
  const boost::json::value* mappings = object->if_contains("topicQueueMappingByBroker");
  if (mappings != nullptr && mappings->is_object()) {
    for (const auto& [broker, mapping] : mappings->get_object()) {
      if (const auto* item = mapping.if_object()) {
        route.queue_mappings[broker] = read_queue_mapping(*item);
      }
    }
  }
  return route;
}

void keep_zone(TopicRouteData& route, std::string_view zone) {
  const auto elsewhere = [zone](const BrokerData& broker) {
    return broker.broker_addrs.contains(kMasterId) && !equal_in_any_case(broker.zone_name, zone);
  };
  for (const BrokerData& broker : route.brokers) {
    if (!elsewhere(broker)) continue;
    std::erase_if(route.queues,
                  [&](const QueueData& queue) { return queue.broker_name == broker.broker_name; });
    for (const auto& [id, address] : broker.broker_addrs) route.filter_servers.erase(address);
  }
  std::erase_if(route.brokers, elsewhere);
}

}  // namespace comet::inline v0_1::routing
