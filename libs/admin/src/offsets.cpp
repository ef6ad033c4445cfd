#include "comet/admin/offsets.hpp"

#include <algorithm>
#include <limits>

#include "body.hpp"

namespace comet::inline v0_1::admin {
namespace {

using namespace body;

std::int64_t read_number(const json::value& value, bool& ok) {
  if (const std::int64_t* number = value.if_int64()) return *number;
  ok = false;
  return 0;
}

const json::object& require_object(const json::value& value, bool& ok) {
  static const json::object& none = *new json::object();
  if (const json::object* object = value.if_object()) return *object;
  ok = false;
  return none;
}

TopicOffset read_topic_offset(const json::value& value, bool& ok) {
  const json::object& object = require_object(value, ok);
  TopicOffset offset;
  offset.min_offset = get_int(object, "minOffset", 0);
  offset.max_offset = get_int(object, "maxOffset", 0);
  offset.last_update_time = get_int(object, "lastUpdateTimestamp", 0);
  return offset;
}

GroupOffset read_group_offset(const json::value& value, bool& ok) {
  const json::object& object = require_object(value, ok);
  GroupOffset offset;
  offset.broker_offset = get_int(object, "brokerOffset", 0);
  offset.consumer_offset = get_int(object, "consumerOffset", 0);
  offset.last_time = get_int(object, "lastTimestamp", 0);
  if (object.contains("pullOffset")) offset.pull_offset = get_int(object, "pullOffset", 0);
  return offset;
}

Result<ConsumeStats> read_consume_stats(const json::object& object) {
  bool ok = true;
  auto queues =
      read_queue_map<GroupOffset>(get_object(object, "offsetTable", ok), read_group_offset);
  if (!queues) return queues.error();
  if (!ok) return BodyErrc::malformed;
  ConsumeStats stats;
  stats.queues = std::move(*queues);
  stats.consume_tps = get_double(object, "consumeTps");
  return stats;
}

Result<QueueOffsets> read_offsets(const json::object& object, std::string_view key) {
  bool ok = true;
  auto offsets = read_queue_map<std::int64_t>(get_object(object, key, ok), read_number);
  if (offsets && !ok) return BodyErrc::malformed;
  return offsets;
}

// One item of consumeStatsList: group -> list of statistics.
error_code read_groups(const json::object& item, BrokerConsumeStats& stats) {
  for (const auto& member : item) {
    const json::array* list = member.value().if_array();
    if (list == nullptr) return BodyErrc::malformed;
    for (const json::value& one : *list) {
      bool ok = true;
      Result<ConsumeStats> parsed = read_consume_stats(require_object(one, ok));
      if (!parsed) return parsed.error();
      if (!ok) return BodyErrc::malformed;
      stats.groups[std::string(member.key())].push_back(std::move(*parsed));
    }
  }
  return {};
}

}  // namespace

Result<QueueOffsets> parse_queue_offsets(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  return read_offsets(*root, "offsetTable");
}

Result<TopicStats> parse_topic_stats(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  bool ok = true;
  auto queues =
      read_queue_map<TopicOffset>(get_object(*root, "offsetTable", ok), read_topic_offset);
  if (!queues) return queues.error();
  if (!ok) return BodyErrc::malformed;
  TopicStats stats;
  stats.queues = std::move(*queues);
  stats.put_tps = get_double(*root, "topicPutTps");
  return stats;
}

std::int64_t ConsumeStats::total_lag() const noexcept {
  std::int64_t total = 0;
  for (const auto& [queue, offset] : queues) {
    // A server may say anything.
    if (__builtin_add_overflow(total, offset.lag(), &total)) {
      return std::numeric_limits<std::int64_t>::max();
    }
  }
  return total;
}

Result<ConsumeStats> parse_consume_stats(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  return read_consume_stats(*root);
}

Result<BrokerConsumeStats> parse_broker_consume_stats(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  BrokerConsumeStats stats;
  stats.broker_address = get_string(*root, "brokerAddr");
  stats.total_lag = get_int(*root, "totalDiff", 0);
  bool ok = true;
  for (const json::value& item : get_array(*root, "consumeStatsList", ok)) {
    const json::object& groups = require_object(item, ok);
    if (const error_code error = read_groups(groups, stats)) return error;
  }
  if (!ok) return BodyErrc::malformed;
  return stats;
}

Result<std::vector<QueueTimeSpan>> parse_time_spans(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  std::vector<QueueTimeSpan> spans;
  bool ok = true;
  for (const json::value& item : get_array(*root, "consumeTimeSpanSet", ok)) {
    const json::object& object = require_object(item, ok);
    QueueTimeSpan span;
    span.queue = read_queue(get_object(object, "messageQueue", ok));
    span.min_time = get_int(object, "minTimeStamp", 0);
    span.max_time = get_int(object, "maxTimeStamp", 0);
    span.consume_time = get_int(object, "consumeTimeStamp", 0);
    span.delay = get_int(object, "delayTime", 0);
    spans.push_back(std::move(span));
  }
  if (!ok) return BodyErrc::malformed;
  std::sort(spans.begin(), spans.end(),
            [](const auto& a, const auto& b) { return a.queue < b.queue; });
  return spans;
}

Result<std::map<std::string, QueueOffsets>> parse_consumer_status(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  std::map<std::string, QueueOffsets> result;
  bool ok = true;
  for (const auto& member : get_object(*root, "consumerTable", ok)) {
    auto offsets = read_queue_map<std::int64_t>(require_object(member.value(), ok), read_number);
    if (!offsets) return offsets.error();
    result.emplace(member.key(), std::move(*offsets));
  }
  if (!ok) return BodyErrc::malformed;
  return result;
}

}  // namespace comet::inline v0_1::admin
