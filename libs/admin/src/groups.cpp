#include "comet/admin/groups.hpp"

#include <boost/json/serialize.hpp>

#include "body.hpp"
#include "comet/base/json_writer.hpp"

namespace comet::inline v0_1::admin {
namespace {

using namespace body;

GroupConfig read_group(std::string_view name, const json::object& object) {
  GroupConfig group;
  group.group_name = get_string(object, "groupName", name);
  group.consume_enable = get_bool(object, "consumeEnable", true);
  group.consume_from_min_enable = get_bool(object, "consumeFromMinEnable", true);
  group.consume_broadcast_enable = get_bool(object, "consumeBroadcastEnable", true);
  group.consume_message_orderly = get_bool(object, "consumeMessageOrderly", false);
  group.retry_queue_nums = get_int32(object, "retryQueueNums", 1);
  group.retry_max_times = get_int32(object, "retryMaxTimes", 16);
  group.broker_id = get_int(object, "brokerId", 0);
  group.which_broker_when_consume_slowly = get_int(object, "whichBrokerWhenConsumeSlowly", 1);
  group.notify_consumer_ids_changed_enable =
      get_bool(object, "notifyConsumerIdsChangedEnable", true);
  return group;
}

}  // namespace

std::string to_json(const GroupConfig& group) {
  JsonWriter json;
  json.begin_object();
  json.member("brokerId", group.broker_id);
  json.member("consumeBroadcastEnable", group.consume_broadcast_enable);
  json.member("consumeEnable", group.consume_enable);
  json.member("consumeFromMinEnable", group.consume_from_min_enable);
  if (group.consume_message_orderly) json.member("consumeMessageOrderly", true);
  json.member("groupName", group.group_name);
  json.member("notifyConsumerIdsChangedEnable", group.notify_consumer_ids_changed_enable);
  json.member("retryMaxTimes", group.retry_max_times);
  json.member("retryQueueNums", group.retry_queue_nums);
  json.member("whichBrokerWhenConsumeSlowly", group.which_broker_when_consume_slowly);
  json.end_object();
  return json.take();
}

Result<GroupConfig> parse_group_config(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  return read_group({}, *root);
}

Result<GroupTable> parse_group_table(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  GroupTable table;
  bool ok = true;
  for (const auto& member : get_object(*root, "subscriptionGroupTable", ok)) {
    const json::object* object = member.value().if_object();
    if (object == nullptr) return BodyErrc::malformed;
    table.groups.emplace(member.key(), read_group(member.key(), *object));
  }
  if (!ok) return BodyErrc::malformed;
  const json::value* version = root->if_contains("dataVersion");
  if (version != nullptr && version->is_object()) {
    const auto read = routing::parse_data_version(json::serialize(*version));
    if (read) table.data_version = *read;
  }
  return table;
}

}  // namespace comet::inline v0_1::admin
