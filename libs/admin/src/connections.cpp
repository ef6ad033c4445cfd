#include "comet/admin/connections.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "body.hpp"
#include "read_subscription.hpp"

namespace comet::inline v0_1::admin {
namespace body {

Subscription read_subscription(std::string_view topic, const json::object& object) {
  Subscription subscription;
  subscription.topic = get_string(object, "topic", topic);
  subscription.expression_type = get_string(object, "expressionType", "TAG");
  subscription.expression = get_string(object, "subString");
  subscription.version = get_int(object, "subVersion", 0);
  return subscription;
}

}  // namespace body
namespace {

using namespace body;

ClientConnection read_connection(const json::object& object) {
  ClientConnection connection;
  connection.client_id = get_string(object, "clientId");
  connection.client_addr = get_string(object, "clientAddr");
  connection.language = get_string(object, "language");
  connection.version = get_int32(object, "version");
  return connection;
}

std::vector<ClientConnection> read_connections(const json::object& object, bool& ok) {
  std::vector<ClientConnection> connections;
  for (const json::value& item : get_array(object, "connectionSet", ok)) {
    if (const json::object* one = item.if_object()) {
      connections.push_back(read_connection(*one));
    } else {
      ok = false;
    }
  }
  std::sort(connections.begin(), connections.end(),
            [](const auto& a, const auto& b) { return a.client_id < b.client_id; });
  return connections;
}

ProcessQueueInfo read_process_queue(const json::value& value, bool& ok) {
  ProcessQueueInfo info;
  const json::object* object = value.if_object();
  if (object == nullptr) {
    ok = false;
    return info;
  }
  info.commit_offset = get_int(*object, "commitOffset", 0);
  info.cached_min_offset = get_int(*object, "cachedMsgMinOffset", 0);
  info.cached_max_offset = get_int(*object, "cachedMsgMaxOffset", 0);
  info.cached_count = get_int(*object, "cachedMsgCount", 0);
  info.cached_mib = get_int(*object, "cachedMsgSizeInMiB", 0);
  info.locked = get_bool(*object, "locked", false);
  info.dropped = get_bool(*object, "droped", false);  // Apache's spelling
  info.last_lock_time = get_int(*object, "lastLockTimestamp", 0);
  info.last_pull_time = get_int(*object, "lastPullTimestamp", 0);
  info.last_consume_time = get_int(*object, "lastConsumeTimestamp", 0);
  return info;
}

ConsumeStatus read_status(const json::object& object) {
  ConsumeStatus status;
  status.pull_rt = get_double(object, "pullRT");
  status.pull_tps = get_double(object, "pullTPS");
  status.consume_rt = get_double(object, "consumeRT");
  status.consume_ok_tps = get_double(object, "consumeOKTPS");
  status.consume_failed_tps = get_double(object, "consumeFailedTPS");
  status.consume_failed_messages = get_int(object, "consumeFailedMsgs", 0);
  return status;
}

}  // namespace

Result<ConsumerConnections> parse_consumer_connections(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  bool ok = true;
  ConsumerConnections result;
  result.connections = read_connections(*root, ok);
  for (const auto& member : get_object(*root, "subscriptionTable", ok)) {
    const json::object* object = member.value().if_object();
    if (object == nullptr) return BodyErrc::malformed;
    result.subscriptions.emplace(member.key(), read_subscription(member.key(), *object));
  }
  result.consume_type = get_string(*root, "consumeType");
  result.message_model = get_string(*root, "messageModel");
  result.consume_from_where = get_string(*root, "consumeFromWhere");
  if (!ok) return BodyErrc::malformed;
  return result;
}

Result<std::vector<ClientConnection>> parse_producer_connections(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  bool ok = true;
  std::vector<ClientConnection> connections = read_connections(*root, ok);
  if (!ok) return BodyErrc::malformed;
  return connections;
}

Result<std::map<std::string, std::vector<ProducerInfo>>> parse_producer_table(
    std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  std::map<std::string, std::vector<ProducerInfo>> table;
  bool ok = true;
  for (const auto& member : get_object(*root, "data", ok)) {
    const json::array* list = member.value().if_array();
    if (list == nullptr) return BodyErrc::malformed;
    std::vector<ProducerInfo>& group = table[std::string(member.key())];
    for (const json::value& item : *list) {
      const json::object* object = item.if_object();
      if (object == nullptr) return BodyErrc::malformed;
      ProducerInfo info;
      info.connection = read_connection(*object);
      info.connection.client_addr = get_string(*object, "remoteIP");
      if (info.connection.client_addr.starts_with('/')) info.connection.client_addr.erase(0, 1);
      info.last_update = get_int(*object, "lastUpdateTimestamp", 0);
      group.push_back(std::move(info));
    }
  }
  if (!ok) return BodyErrc::malformed;
  return table;
}

Result<ConsumerRunningInfo> parse_running_info(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  bool ok = true;
  ConsumerRunningInfo info;
  info.properties = read_texts(get_object(*root, "properties", ok));
  for (const json::value& item : get_array(*root, "subscriptionSet", ok)) {
    const json::object* object = item.if_object();
    if (object == nullptr) return BodyErrc::malformed;
    info.subscriptions.push_back(read_subscription({}, *object));
  }
  std::sort(info.subscriptions.begin(), info.subscriptions.end(),
            [](const auto& a, const auto& b) { return a.topic < b.topic; });
  auto queues =
      read_queue_map<ProcessQueueInfo>(get_object(*root, "mqTable", ok), read_process_queue);
  if (!queues) return queues.error();
  info.queues = std::move(*queues);
  for (const auto& member : get_object(*root, "statusTable", ok)) {
    const json::object* object = member.value().if_object();
    if (object == nullptr) return BodyErrc::malformed;
    info.status.emplace(member.key(), read_status(*object));
  }
  info.stack = get_string(*root, "jstack");
  if (!ok) return BodyErrc::malformed;
  return info;
}

Result<DirectResult> parse_direct_result(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  DirectResult result;
  result.result = get_string(*root, "consumeResult");
  result.remark = get_string(*root, "remark");
  result.order = get_bool(*root, "order", false);
  result.auto_commit = get_bool(*root, "autoCommit", true);
  result.spent_millis = get_int(*root, "spentTimeMills", 0);
  return result;
}

}  // namespace comet::inline v0_1::admin
