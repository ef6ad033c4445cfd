#include "offset_table.hpp"

#include <boost/json/serialize.hpp>
#include <charconv>

#include "comet/routing/json.hpp"
#include "state_file.hpp"

namespace comet::broker {
namespace {

std::string key_of(std::string_view group, std::string_view topic) {
  std::string key;
  key.reserve(topic.size() + group.size() + 1);
  key.append(topic).append("@").append(group);
  return key;
}

}  // namespace

void OffsetTable::load() {
  std::lock_guard lock(mutex_);
  load_state_file(path_, [this](std::string_view json) { return parse(json); });
}

error_code OffsetTable::parse(std::string_view json) {
  auto parsed = routing::parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  decltype(table_) table;
  const boost::json::value* member = root->if_contains("offsetTable");
  if (member != nullptr && member->is_object()) {
    for (const auto& [key, queues] : member->get_object()) {
      if (!queues.is_object()) continue;
      for (const auto& [queue, offset] : queues.get_object()) {
        std::int32_t queue_id = 0;
        auto [end, error] = std::from_chars(queue.data(), queue.data() + queue.size(), queue_id);
        if (error != std::errc{} || !offset.is_int64()) return BaseErrc::bad_value;
        table[std::string(key)][queue_id] = offset.get_int64();
      }
    }
  }
  table_ = std::move(table);
  return {};
}

void OffsetTable::save_if_changed() {
  {
    std::lock_guard lock(mutex_);
    if (!changed_) return;
    changed_ = false;
  }
  if (save_state_file(path_, to_json())) return;
  std::lock_guard lock(mutex_);
  changed_ = true;
}

std::optional<std::int64_t> OffsetTable::find(std::string_view group, std::string_view topic,
                                              std::int32_t queue_id) const {
  std::lock_guard lock(mutex_);
  auto queues = table_.find(key_of(group, topic));
  if (queues == table_.end()) return std::nullopt;
  auto found = queues->second.find(queue_id);
  if (found == queues->second.end()) return std::nullopt;
  return found->second;
}

void OffsetTable::commit(std::string_view group, std::string_view topic, std::int32_t queue_id,
                         std::int64_t offset) {
  std::lock_guard lock(mutex_);
  auto [entry, is_new] = table_[key_of(group, topic)].try_emplace(queue_id, offset);
  if (!is_new && entry->second == offset) return;
  entry->second = offset;
  changed_ = true;
}

void OffsetTable::forget_group(std::string_view group) {
  std::lock_guard lock(mutex_);
  changed_ |= std::erase_if(table_, [group](const auto& entry) {
                return std::string_view(entry.first).substr(entry.first.find('@') + 1) == group;
              }) != 0;
}

void OffsetTable::forget_topic(std::string_view topic) {
  std::lock_guard lock(mutex_);
  changed_ |= std::erase_if(table_, [topic](const auto& entry) {
                return std::string_view(entry.first).substr(0, entry.first.find('@')) == topic;
              }) != 0;
}

std::vector<OffsetTable::Group> OffsetTable::groups(std::size_t most) const {
  std::vector<Group> all;
  std::lock_guard lock(mutex_);
  for (const auto& [key, queues] : table_) {
    if (all.size() == most) break;
    const std::size_t at = key.find('@');
    if (at == std::string::npos) continue;
    Group& group = all.emplace_back();
    group.topic = key.substr(0, at);
    group.name = key.substr(at + 1);
    group.queues = queues;
  }
  return all;
}

std::string OffsetTable::to_json() const {
  boost::json::object groups;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, queues] : table_) {
      boost::json::object offsets;
      for (const auto& [queue_id, offset] : queues) offsets[std::to_string(queue_id)] = offset;
      groups[key] = std::move(offsets);
    }
  }
  boost::json::object root;
  root["offsetTable"] = std::move(groups);
  return boost::json::serialize(root);
}

}  // namespace comet::broker
