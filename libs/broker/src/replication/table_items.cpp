#include "replication/table_items.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::broker {
namespace {

using Queues = std::map<std::string, OffsetTable::Queues, std::less<>>;

// {"NAME":{QUEUE:OFFSET,...},...}
template <class ByName>
void write(JsonWriter& json, const ByName& groups) {
  json.begin_object();
  for (const auto& [key, queues] : groups) {
    json.key(key);
    json.begin_object();
    for (const auto& [queue_id, offset] : queues) {
      json.key(queue_id, true);
      json.value(offset);
    }
    json.end_object();
  }
  json.end_object();
}

error_code read(const boost::json::object& root, std::string_view name, Queues& groups) {
  const boost::json::value* member = root.if_contains(name);
  if (member == nullptr || !member->is_object()) return BaseErrc::bad_value;
  for (const auto& [key, queues] : member->get_object()) {
    if (!queues.is_object()) return BaseErrc::bad_value;
    for (const auto& [queue, offset] : queues.get_object()) {
      const auto queue_id = parse_number<std::int32_t>(queue);
      if (!queue_id || !offset.is_int64() || offset.get_int64() < 0) return BaseErrc::bad_value;
      groups[std::string(key)][*queue_id] = offset.get_int64();
    }
  }
  return {};
}

}  // namespace

std::string to_json(const OffsetTable::Changes& changes) {
  JsonWriter json;
  json.begin_object();
  json.key("committed");
  write(json, changes.committed);
  json.key("removed");
  json.begin_array();
  for (const std::string& key : changes.removed) json.value(key);
  json.end_array();
  json.key("reset");
  write(json, changes.reset);
  json.end_object();
  return json.take();
}

Result<OffsetTable::Changes> parse_offset_changes(std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  OffsetTable::Changes changes;
  if (error_code error = read(*root, "committed", changes.committed)) return error;
  if (error_code error = read(*root, "reset", changes.reset)) return error;
  const boost::json::value* removed = root->if_contains("removed");
  if (removed == nullptr || !removed->is_array()) return BaseErrc::bad_value;
  for (const boost::json::value& key : removed->get_array()) {
    if (!key.is_string()) return BaseErrc::bad_value;
    changes.removed.emplace(key.get_string());
  }
  return changes;
}

std::string to_json(std::span<const store::QueueEnd> ends) {
  std::map<std::string_view, std::map<std::int32_t, std::int64_t>> topics;
  for (const store::QueueEnd& end : ends) topics[end.topic][end.queue_id] = end.queue_offset;
  JsonWriter json;
  write(json, topics);
  return json.take();
}

Result<std::vector<store::QueueEnd>> parse_queue_ends(std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  std::vector<store::QueueEnd> ends;
  for (const auto& [topic, queues] : *root) {
    if (!queues.is_object()) return BaseErrc::bad_value;
    for (const auto& [queue, offset] : queues.get_object()) {
      const auto queue_id = parse_number<std::int32_t>(queue);
      if (!queue_id || *queue_id < 0 || !offset.is_int64() || offset.get_int64() < 0) {
        return BaseErrc::bad_value;
      }
      store::QueueEnd& end = ends.emplace_back();
      end.topic = topic;
      end.queue_id = *queue_id;
      end.queue_offset = offset.get_int64();
    }
  }
  return ends;
}

}  // namespace comet::inline v0_1::broker
