#include "comet/routing/topic_config.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <utility>

#include "comet/base/body_error.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "narrow.hpp"
#include "plain_topics.hpp"

namespace comet::inline v0_1::routing {
namespace {

void write(JsonWriter& json, const DataVersion& version) {
  json.begin_object();
  json.member("counter", version.counter);
  if (version.state_version != 0) json.member("stateVersion", version.state_version);
  json.member("timestamp", version.timestamp);
  json.end_object();
}

void write(JsonWriter& json, const TopicConfig& topic) {
  json.begin_object();
  if (!topic.attributes.empty()) {
    json.key("attributes");
    json.begin_object();
    for (const auto& [name, value] : topic.attributes) json.member(name, value);
    json.end_object();
  }
  json.member("order", topic.order);
  json.member("perm", topic.perm);
  json.member("readQueueNums", topic.read_queue_nums);
  json.member("topicFilterType", topic.topic_filter_type);
  json.member("topicName", topic.topic_name);
  json.member("topicSysFlag", topic.topic_sys_flag);
  json.member("writeQueueNums", topic.write_queue_nums);
  json.end_object();
}

void write_members(JsonWriter& json, const TopicConfigTable& table) {
  json.key("dataVersion");
  write(json, table.data_version);
  json.key("topicConfigTable");
  json.begin_object();
  for (const auto& [name, topic] : table.topics) {
    json.key(name);
    write(json, topic);
  }
  json.end_object();
}

void write_members(JsonWriter& json, const std::map<std::string, TopicQueueMapping>& mappings) {
  if (mappings.empty()) return;
  json.key("topicQueueMappingInfoMap");
  json.begin_object();
  for (const auto& [topic, mapping] : mappings) {
    json.key(topic);
    write_json(json, mapping, IntegerKeys::unquoted);
  }
  json.end_object();
}

DataVersion read_data_version(const boost::json::object& object) {
  DataVersion version;
  version.state_version = get_int(object, "stateVersion", 0);
  version.timestamp = get_int(object, "timestamp", 0);
  version.counter = get_int(object, "counter", 0);
  return version;
}

TopicConfig read_topic(std::string_view name, const boost::json::object& object) {
  TopicConfig topic;
  topic.topic_name = get_string(object, "topicName", name);
  topic.read_queue_nums = get_int32(object, "readQueueNums", topic.read_queue_nums);
  topic.write_queue_nums = get_int32(object, "writeQueueNums", topic.write_queue_nums);
  topic.perm = get_int32(object, "perm", topic.perm);
  topic.topic_filter_type = get_string(object, "topicFilterType", topic.topic_filter_type);
  topic.topic_sys_flag = get_int32(object, "topicSysFlag", topic.topic_sys_flag);
  topic.order = get_bool(object, "order", topic.order);
  const boost::json::value* attributes = object.if_contains("attributes");
  if (attributes != nullptr && attributes->is_object()) {
    for (const auto& [key, value] : attributes->get_object()) {
      if (value.is_string()) topic.attributes.emplace(key, value.get_string());
    }
  }
  return topic;
}

TopicConfigTable read_table(const boost::json::object& object) {
  TopicConfigTable table;
  if (const boost::json::value* version = object.if_contains("dataVersion")) {
    if (version->is_object()) table.data_version = read_data_version(version->get_object());
  }
  const boost::json::value* topics = object.if_contains("topicConfigTable");
  if (topics == nullptr || !topics->is_object()) return table;
  for (const auto& [name, value] : topics->get_object()) {
    if (!value.is_object()) continue;
    TopicConfig topic = read_topic(name, value.get_object());
    std::string key = topic.topic_name;
    table.topics.insert_or_assign(std::move(key), std::move(topic));
  }
  return table;
}

// The object that the text holds: calls read(object).
template <class T, class Read>
Result<T> parse_object(std::string_view json, Read read) {
  const Result<boost::json::value> value = parse_json(json);
  if (!value) return value.error();
  const boost::json::object* object = value->if_object();
  if (object == nullptr) return BodyErrc::malformed;
  return read(*object);
}

std::map<std::string, TopicQueueMapping> read_queue_mappings(const boost::json::object& wrapper) {
  std::map<std::string, TopicQueueMapping> mappings;
  const boost::json::value* all = wrapper.if_contains("topicQueueMappingInfoMap");
  if (all == nullptr || !all->is_object()) return mappings;
  for (const auto& [topic, mapping] : all->get_object()) {
    if (mapping.is_object()) mappings[topic] = read_queue_mapping(mapping.get_object());
  }
  return mappings;
}

RegisterBrokerBody read_body(const boost::json::object& object) {
  RegisterBrokerBody body;
  const boost::json::value* wrapper = object.if_contains("topicConfigSerializeWrapper");
  if (wrapper != nullptr && wrapper->is_object()) {
    body.topic_config = read_table(wrapper->get_object());
    body.queue_mappings = read_queue_mappings(wrapper->get_object());
  } else {  // brokers before 3.0.11 send the bare table
    body.topic_config = read_table(object);
  }
  const boost::json::value* servers = object.if_contains("filterServerList");
  if (servers != nullptr && servers->is_array())
    body.filter_servers = strings(servers->get_array());
  return body;
}

}  // namespace

std::string to_json(const DataVersion& version) {
  JsonWriter json;
  write(json, version);
  return json.take();
}

std::string to_json(const TopicConfig& topic) {
  JsonWriter json;
  write(json, topic);
  return json.take();
}

std::string to_json(const TopicConfigTable& table) {
  JsonWriter json;
  json.begin_object();
  write_members(json, table);
  json.end_object();
  return json.take();
}

std::string to_json(const RegisterBrokerBody& body) {
  JsonWriter json;
  json.begin_object();
  json.key("filterServerList");
  json.begin_array();
  for (const std::string& server : body.filter_servers) json.value(server);
  json.end_array();
  json.key("topicConfigSerializeWrapper");
  json.begin_object();
  write_members(json, body.topic_config);
  write_members(json, body.queue_mappings);
  json.end_object();
  json.end_object();
  return json.take();
}

Result<DataVersion> parse_data_version(std::string_view json) {
  return parse_object<DataVersion>(json, read_data_version);
}

Result<TopicConfigTable> parse_topic_config_table(std::string_view json) {
  return parse_object<TopicConfigTable>(json, read_table);
}

Result<RegisterBrokerBody> parse_register_broker_body(std::string_view json) {
  std::optional<PlainTopics> parts = cut_plain_topics(json);
  if (!parts) return parse_object<RegisterBrokerBody>(json, read_body);
  Result<RegisterBrokerBody> body = parse_object<RegisterBrokerBody>(parts->rest, read_body);
  if (body) body->topic_config.topics = std::move(parts->topics);
  return body;
}

}  // namespace comet::inline v0_1::routing
