#include "tables/offset_table.hpp"

#include <boost/json/object.hpp>
#include <charconv>
#include <iterator>
#include <utility>

#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/log.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

// What is copied or looked at with the lock held.
constexpr std::size_t kOffsetSlice = 128;  // groups in topics
constexpr std::size_t kQueueSlice = 4096;

// Some clients commit -1 for "none" (npm ali-ons, every 5 s for a group that has consumed nothing).
bool is_offset(std::int64_t offset) noexcept { return offset >= 0; }

// Appends the group of a key; keys of no group are passed over.
void add_group(std::vector<OffsetTable::Group>& all, std::string_view key,
               const OffsetTable::Queues& queues) {
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) return;
  OffsetTable::Group& group = all.emplace_back();
  group.topic = key.substr(0, at);
  group.name = key.substr(at + 1);
  group.queues = queues;
}

std::string key_of(std::string_view group, std::string_view topic) {
  std::string key;
  key.reserve(topic.size() + group.size() + 1);
  key.append(topic).append("@").append(group);
  return key;
}

}  // namespace

void OffsetTable::load() {
  std::lock_guard lock(mutex_);
  file_.load([this](std::string_view json) { return parse(json); });
}

Result<OffsetTable::Table> OffsetTable::table_of(const boost::json::object& root) const {
  Table table;
  std::size_t negative = 0;
  const boost::json::value* member = root.if_contains("offsetTable");
  if (member != nullptr && member->is_object()) {
    for (const auto& [key, queues] : member->get_object()) {
      if (!queues.is_object()) continue;
      for (const auto& [queue, offset] : queues.get_object()) {
        std::int32_t queue_id = 0;
        auto [end, error] = std::from_chars(queue.data(), queue.data() + queue.size(), queue_id);
        if (error != std::errc{} || !offset.is_int64()) return BaseErrc::bad_value;
        if (is_offset(offset.get_int64())) {
          table[std::string(key)][queue_id] = offset.get_int64();
        } else {
          ++negative;
        }
      }
    }
  }
  if (negative > 0) {
    log::warn("{}: {} offsets are negative; their groups begin as if they had none", file_.path(),
              negative);
  }
  return table;
}

error_code OffsetTable::parse(std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  auto table = table_of(*root);
  if (!table) return table.error();
  if (const boost::json::value* version = root->if_contains("dataVersion");
      version != nullptr && version->is_object()) {
    version_.timestamp = get_int(version->get_object(), "timestamp", 0);
    version_.counter = get_int(version->get_object(), "counter", 0);
  }
  table_ = std::move(*table);
  size_ = 0;
  for (const auto& [key, queues] : table_) size_ += queues.size();
  return {};
}

void OffsetTable::save_if_changed() {
  {
    std::lock_guard lock(mutex_);
    if (!changed_) return;
    changed_ = false;
    version_.next(time_.wall_millis());
  }
  if (file_.save(to_json(routing::IntegerKeys::quoted))) return;
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

// The offsets of a group in a topic, made when there is room for so many more; null: there is none.
OffsetTable::Queues* OffsetTable::find_or_add(const std::string& key, std::size_t more_offsets) {
  const auto known = table_.find(key);
  const bool has_room = size_ + more_offsets <= limits_.offsets &&
                        (known != table_.end() || table_.size() < limits_.groups);
  if (!has_room) return nullptr;
  return known != table_.end() ? &known->second : &table_[key];
}

bool OffsetTable::commit(std::string_view group, std::string_view topic, std::int32_t queue_id,
                         std::int64_t offset) {
  if (!is_offset(offset)) return true;
  const std::string key = key_of(group, topic);
  std::lock_guard lock(mutex_);
  if (waits_for_reset(key, queue_id)) return true;
  const auto known = table_.find(key);
  if (known != table_.end()) {
    const auto entry = known->second.find(queue_id);
    if (entry != known->second.end()) {
      if (std::exchange(entry->second, offset) == offset) return true;
      changed_ = true;
      if (changes_) note_committed(key, queue_id, offset);
      return true;
    }
  }
  Queues* queues = find_or_add(key, 1);
  if (queues == nullptr) return false;
  queues->emplace(queue_id, offset);
  ++size_;
  changed_ = true;
  if (changes_) note_committed(key, queue_id, offset);
  return true;
}

// With the lock held, as the next. A reset of the same moment is what counts, with what came on
// top.
void OffsetTable::note_committed(const std::string& key, std::int32_t queue_id,
                                 std::int64_t offset) {
  const auto reset = changes_->reset.find(key);
  const bool is_reset = reset != changes_->reset.end() && reset->second.contains(queue_id);
  (is_reset ? reset->second : changes_->committed[key])[queue_id] = offset;
}

void OffsetTable::note_removed(const std::string& key) {
  if (!changes_) return;
  changes_->committed.erase(key);
  changes_->reset.erase(key);
  changes_->removed.insert(key);
}

OffsetTable::Changes OffsetTable::take_changes() {
  const std::lock_guard lock(mutex_);
  Changes taken;
  if (changes_) std::swap(taken, *changes_);
  changes_.emplace();
  return taken;
}

void OffsetTable::apply(const Changes& changes) {
  const std::lock_guard lock(mutex_);
  for (const std::string& key : changes.removed) {
    const auto found = table_.find(key);
    if (found == table_.end()) continue;
    size_ -= found->second.size();
    table_.erase(found);
    changed_ = true;
  }
  for (const auto& [key, queues] : changes.committed) take_higher(key, queues);
  for (const auto& [key, queues] : changes.reset) {
    Queues* present = find_or_add(key, queues.size());
    if (present == nullptr) continue;
    for (const auto& [queue_id, offset] : queues) {
      if (present->insert_or_assign(queue_id, offset).second) ++size_;
    }
    changed_ = true;
  }
}

// With the lock held.
void OffsetTable::take_higher(const std::string& key, const Queues& queues) {
  Queues* present = find_or_add(key, queues.size());
  if (present == nullptr) return;
  for (const auto& [queue_id, offset] : queues) {
    if (!is_offset(offset) || waits_for_reset(key, queue_id)) continue;
    const auto [entry, is_new] = present->try_emplace(queue_id, offset);
    if (is_new) ++size_;
    if (!is_new && entry->second >= offset) continue;
    entry->second = offset;
    changed_ = true;
    if (changes_) note_committed(key, queue_id, offset);
  }
}

error_code OffsetTable::merge(std::string_view json) {
  const auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr || !root->contains("offsetTable")) return BaseErrc::bad_value;
  const auto table = table_of(*root);
  if (!table) return table.error();
  const std::lock_guard lock(mutex_);
  for (const auto& [key, queues] : *table) take_higher(key, queues);
  return {};
}

void OffsetTable::forget_group(std::string_view group) {
  const auto is_its = [group](std::string_view key) {
    return key.substr(key.find('@') + 1) == group;
  };
  std::string last;
  for (bool more = true; more;) {
    const std::lock_guard lock(mutex_);
    auto at = table_.upper_bound(last);
    for (std::size_t looked_at = 0; at != table_.end() && looked_at < kOffsetSlice; ++looked_at) {
      last = at->first;
      const bool goes = is_its(at->first);
      changed_ |= goes;
      if (goes) note_removed(at->first);
      if (goes) size_ -= at->second.size();
      at = goes ? table_.erase(at) : std::next(at);
    }
    more = at != table_.end();
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(resets_, [&](const auto& entry) {
    const bool goes = is_its(entry.first);
    if (goes) resets_size_ -= entry.second.size();
    return goes;
  });
}

void OffsetTable::forget_topic(std::string_view topic) {
  const std::string prefix = key_of({}, topic);
  const auto forget = [this, &prefix](Table& table) {
    std::size_t forgotten = 0;
    for (auto at = table.lower_bound(prefix); at != table.end() && at->first.starts_with(prefix);) {
      forgotten += at->second.size();
      if (&table == &table_) note_removed(at->first);
      at = table.erase(at);
    }
    return forgotten;
  };
  const std::lock_guard lock(mutex_);
  const std::size_t forgotten = forget(table_);
  size_ -= forgotten;
  changed_ |= forgotten != 0;
  resets_size_ -= forget(resets_);
}

std::vector<OffsetTable::Group> OffsetTable::groups(std::size_t most) const {
  std::vector<Group> all;
  std::string last;
  for (;;) {
    std::vector<Group> some = next_groups(last);
    if (some.empty()) return all;
    for (Group& group : some) {
      if (all.size() == most) return all;
      all.push_back(std::move(group));
    }
  }
}

std::vector<OffsetTable::Group> OffsetTable::next_groups(std::string& last) const {
  std::vector<Group> some;
  std::size_t queues = 0;
  const std::lock_guard lock(mutex_);
  for (auto at = table_.upper_bound(last); at != table_.end(); ++at) {
    add_group(some, at->first, at->second);
    last = at->first;
    queues += at->second.size();
    if (!some.empty() && (some.size() == kOffsetSlice || queues >= kQueueSlice)) break;
  }
  return some;
}

std::vector<OffsetTable::Group> OffsetTable::groups_of_topic(std::string_view topic) const {
  std::vector<Group> all;
  const std::string prefix = key_of({}, topic);
  const std::lock_guard lock(mutex_);
  for (auto at = table_.lower_bound(prefix); at != table_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    add_group(all, at->first, at->second);
  }
  return all;
}

OffsetTable::Queues OffsetTable::queues(std::string_view group, std::string_view topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = table_.find(key_of(group, topic));
  return found == table_.end() ? Queues() : found->second;
}

bool OffsetTable::replace(std::string_view group, std::string_view topic, Queues queues) {
  std::erase_if(queues, [](const auto& entry) { return !is_offset(entry.second); });
  const std::lock_guard lock(mutex_);
  const std::string key = key_of(group, topic);
  Queues* present = find_or_add(key, queues.size());
  if (present == nullptr) return false;
  size_ += queues.size();
  size_ -= present->size();
  if (changes_) {
    note_removed(key);
    changes_->reset[key] = queues;
  }
  *present = std::move(queues);
  changed_ = true;
  return true;
}

std::size_t OffsetTable::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

bool OffsetTable::reset(std::string_view group, std::string_view topic, const Queues& queues) {
  const std::string key = key_of(group, topic);
  const std::lock_guard lock(mutex_);
  if (resets_size_ + queues.size() > limits_.resets) return false;
  Queues* offsets = find_or_add(key, queues.size());
  if (offsets == nullptr) return false;
  Queues& resets = resets_[key];
  for (const auto& [queue_id, offset] : queues) {
    if (!is_offset(offset)) continue;
    if (offsets->insert_or_assign(queue_id, offset).second) ++size_;
    if (changes_) changes_->reset[key][queue_id] = offset;
    if (resets.insert_or_assign(queue_id, offset).second) ++resets_size_;
  }
  changed_ = true;
  has_resets_.store(true, std::memory_order_release);
  return true;
}

bool OffsetTable::is_reset(std::string_view group, std::string_view topic,
                           std::int32_t queue_id) const {
  if (!has_resets_.load(std::memory_order_acquire)) return false;
  const std::lock_guard lock(mutex_);
  return waits_for_reset(key_of(group, topic), queue_id);
}

bool OffsetTable::waits_for_reset(std::string_view key, std::int32_t queue_id) const {
  const auto found = resets_.find(key);
  return found != resets_.end() && found->second.contains(queue_id);
}

std::optional<std::int64_t> OffsetTable::take_reset(std::string_view group, std::string_view topic,
                                                    std::int32_t queue_id) {
  if (!has_resets_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = resets_.find(key_of(group, topic));
  if (found == resets_.end()) return std::nullopt;
  const auto queue = found->second.find(queue_id);
  if (queue == found->second.end()) return std::nullopt;
  const std::int64_t offset = queue->second;
  found->second.erase(queue);
  --resets_size_;
  if (found->second.empty()) resets_.erase(found);
  has_resets_.store(!resets_.empty(), std::memory_order_release);
  return offset;
}

std::string OffsetTable::to_json(routing::IntegerKeys keys) const {
  JsonWriter json;
  json.begin_object();
  json.key("dataVersion");
  {
    const std::lock_guard lock(mutex_);
    json.raw_value(routing::to_json(version_));
  }
  json.key("offsetTable");
  json.begin_object();
  std::string last;
  for (;;) {
    const std::vector<Group> groups = next_groups(last);
    if (groups.empty()) break;
    for (const Group& group : groups) {
      json.key(key_of(group.name, group.topic));
      json.begin_object();
      for (const auto& [queue_id, offset] : group.queues) {
        json.key(queue_id, keys == routing::IntegerKeys::quoted);
        json.value(offset);
      }
      json.end_object();
    }
  }
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace comet::inline v0_1::broker
