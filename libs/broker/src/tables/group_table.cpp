#include "tables/group_table.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <limits>

#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::size_t kGroupSlice = 256;  // groups that are copied with the lock held

// Apache: SubscriptionGroupManager.init
constexpr std::string_view kSystemGroups[] = {
    "TOOLS_CONSUMER",  "FILTERSRV_CONSUMER",    "SELF_TEST_C_GROUP", "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_PULL", "CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER"};

constexpr std::string_view kMembers[] = {"brokerId",
                                         "consumeBroadcastEnable",
                                         "consumeEnable",
                                         "consumeFromMinEnable",
                                         "groupName",
                                         "notifyConsumerIdsChangedEnable",
                                         "retryMaxTimes",
                                         "retryQueueNums",
                                         "whichBrokerWhenConsumeSlowly"};

boost::json::object group_to_json(const GroupConfig& group) {
  boost::json::object object = group.others;
  object["brokerId"] = group.broker_id;
  object["consumeBroadcastEnable"] = group.consume_broadcast_enable;
  object["consumeEnable"] = group.consume_enable;
  object["consumeFromMinEnable"] = group.consume_from_min_enable;
  object["groupName"] = group.group_name;
  object["notifyConsumerIdsChangedEnable"] = group.notify_consumer_ids_changed_enable;
  object["retryMaxTimes"] = group.retry_max_times;
  object["retryQueueNums"] = group.retry_queue_nums;
  object["whichBrokerWhenConsumeSlowly"] = group.which_broker_when_consume_slowly;
  return object;
}

}  // namespace

GroupConfig group_from_json(const boost::json::object& object) {
  GroupConfig group;
  group.group_name = get_string(object, "groupName");
  group.consume_enable = get_bool(object, "consumeEnable", group.consume_enable);
  group.consume_from_min_enable =
      get_bool(object, "consumeFromMinEnable", group.consume_from_min_enable);
  group.consume_broadcast_enable =
      get_bool(object, "consumeBroadcastEnable", group.consume_broadcast_enable);
  const auto number = [&object](std::string_view name, std::int32_t otherwise) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    return static_cast<std::int32_t>(
        std::clamp<std::int64_t>(get_int(object, name, otherwise), -kMost, kMost));
  };
  group.retry_queue_nums = number("retryQueueNums", group.retry_queue_nums);
  group.retry_max_times = number("retryMaxTimes", group.retry_max_times);
  group.broker_id = get_int(object, "brokerId", group.broker_id);
  group.which_broker_when_consume_slowly =
      get_int(object, "whichBrokerWhenConsumeSlowly", group.which_broker_when_consume_slowly);
  group.notify_consumer_ids_changed_enable =
      get_bool(object, "notifyConsumerIdsChangedEnable", group.notify_consumer_ids_changed_enable);
  group.others = object;
  for (std::string_view name : kMembers) group.others.erase(name);
  return group;
}

Result<GroupConfig> parse_group_config(std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  if (!parsed->is_object()) return BaseErrc::bad_value;
  return group_from_json(parsed->get_object());
}

std::string to_json(const GroupConfig& group) {
  return boost::json::serialize(group_to_json(group));
}

GroupTable::GroupTable(const BrokerConfig& config, TimeSource& time, HelperThread& files)
    : config_(config),
      time_(time),
      file_(config.store.root + "/config/subscriptionGroup.json"),
      saver_(time, files, [this] { return save(); }) {}

void GroupTable::load() {
  std::lock_guard lock(mutex_);
  file_.load([this](std::string_view json) { return parse(json); });
  for (std::string_view name : kSystemGroups) {
    auto [group, is_new] = groups_.try_emplace(std::string(name));
    if (is_new) group->second.group_name = name;
  }
}

error_code GroupTable::parse(std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  if (const auto* version = root->if_contains("dataVersion");
      version != nullptr && version->is_object()) {
    data_version_.timestamp = get_int(version->get_object(), "timestamp", 0);
    data_version_.counter = get_int(version->get_object(), "counter", 0);
  }
  auto groups = groups_of(*root);
  if (!groups) return groups.error();
  for (auto& [name, group] : *groups) groups_.insert_or_assign(name, std::move(group));
  return {};
}

Result<std::map<std::string, GroupConfig, std::less<>>> GroupTable::groups_of(
    const boost::json::object& root) {
  std::map<std::string, GroupConfig, std::less<>> groups;
  const auto* table = root.if_contains("subscriptionGroupTable");
  if (table == nullptr || !table->is_object()) return groups;
  for (const auto& [name, value] : table->get_object()) {
    if (!value.is_object()) return BaseErrc::bad_value;
    GroupConfig group = group_from_json(value.get_object());
    group.group_name = name;
    groups.insert_or_assign(std::string(name), std::move(group));
  }
  return groups;
}

error_code GroupTable::replace_all(std::string_view json, Done done) {
  const auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr || !root->contains("subscriptionGroupTable")) return BaseErrc::bad_value;
  auto groups = groups_of(*root);
  if (!groups) return groups.error();
  const auto is_everybodys = [](std::string_view name) {
    return std::ranges::find(kSystemGroups, name) != std::end(kSystemGroups);
  };
  bool is_changed = false;
  {
    const std::lock_guard lock(mutex_);
    const auto is_gone = [&](const auto& entry) {
      return !groups->contains(entry.first) && !is_everybodys(entry.first);
    };
    for (auto at = groups_.begin(); at != groups_.end();) {
      if (!is_gone(*at)) {
        ++at;
        continue;
      }
      unsaved_.erase(at->first);
      at = groups_.erase(at);
      lookups_.changed();
      data_version_.next(time_.wall_millis());
      is_changed = true;
    }
    for (auto& [name, group] : *groups) {
      const auto found = groups_.find(name);
      if (found != groups_.end() && broker::to_json(found->second) == broker::to_json(group)) {
        continue;
      }
      note_change(name);
      groups_.insert_or_assign(name, std::move(group));
      is_changed = true;
    }
    is_changed = is_changed || !unsaved_.empty();
  }
  if (is_changed) {
    saver_.changed(std::move(done));
  } else if (done) {
    done(true);
  }
  return {};
}

GroupTable::Snapshot GroupTable::find(std::string_view group) const {
  return lookups_.find(group, [&] {
    const std::lock_guard lock(mutex_);
    return look_up(group);
  });
}

GroupTable::Snapshot GroupTable::find_or_create(std::string_view group) {
  return lookups_.find(group, [&] { return look_up_or_create(group); });
}

GroupTable::Snapshot GroupTable::look_up(std::string_view group) const {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return nullptr;
  return std::make_shared<const GroupConfig>(found->second);
}

GroupTable::Snapshot GroupTable::look_up_or_create(std::string_view group) {
  const std::lock_guard lock(mutex_);
  if (Snapshot found = look_up(group)) return found;
  if (!config_.auto_create_subscription_group || !check_group(group).empty()) return nullptr;
  if (groups_.size() >= kMostGroups) {
    log::warn("consumer group {} is not created: there are {} already", group, kMostGroups);
    return nullptr;
  }
  const auto created = std::make_shared<GroupConfig>();
  created->group_name = group;
  groups_.emplace(group, *created);
  note_change(group);
  saver_.changed();
  log::info("consumer group {} created on first use", group);
  return created;
}

bool GroupTable::put(std::vector<GroupConfig> groups, Done done) {
  {
    const std::lock_guard lock(mutex_);
    const auto is_new = [this](const GroupConfig& group) {
      return !groups_.contains(group.group_name);
    };
    const auto added = static_cast<std::size_t>(std::ranges::count_if(groups, is_new));
    if (added > 0 && groups_.size() + added > kMostGroups) return false;
    for (GroupConfig& group : groups) {
      log::info("consumer group {} set", group.group_name);
      note_change(group.group_name);
      std::string name = group.group_name;
      groups_.insert_or_assign(std::move(name), std::move(group));
    }
  }
  saver_.changed(std::move(done));
  return true;
}

void GroupTable::remove(std::string_view group, Done done) {
  bool was_there = false;
  {
    const std::lock_guard lock(mutex_);
    auto found = groups_.find(group);
    was_there = found != groups_.end();
    if (was_there) {
      groups_.erase(found);
      lookups_.changed();
      data_version_.next(time_.wall_millis());
      if (const auto unsaved = unsaved_.find(group); unsaved != unsaved_.end())
        unsaved_.erase(unsaved);
    }
  }
  if (!was_there) {
    if (done) done(true);
    return;
  }
  log::info("consumer group {} deleted", group);
  saver_.changed(std::move(done));
}

bool GroupTable::when_saved(std::string_view group, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!unsaved_.contains(group)) return false;
  }
  saver_.when_saved(std::move(done));
  return true;
}

void GroupTable::note_change(std::string_view group) {
  lookups_.changed();
  data_version_.next(time_.wall_millis());
  unsaved_.insert_or_assign(std::string(group), data_version_.counter);
  has_unsaved_.store(true, std::memory_order_release);
}

bool GroupTable::save() {
  std::int64_t counter = 0;
  {
    const std::lock_guard lock(mutex_);
    counter = data_version_.counter;
  }
  if (!file_.save(to_json())) return false;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(unsaved_, [counter](const auto& entry) { return entry.second <= counter; });
    has_unsaved_.store(!unsaved_.empty(), std::memory_order_release);
  }
  if (observer_) observer_();
  return true;
}

std::size_t GroupTable::size() const {
  std::lock_guard lock(mutex_);
  return groups_.size();
}

std::vector<std::string> GroupTable::names_after(std::string_view after, std::size_t most) const {
  std::vector<std::string> names;
  const std::lock_guard lock(mutex_);
  for (auto at = groups_.upper_bound(after); at != groups_.end() && names.size() < most; ++at) {
    names.push_back(at->first);
  }
  return names;
}

routing::DataVersion GroupTable::data_version() const {
  const std::lock_guard lock(mutex_);
  return data_version_;
}

std::string GroupTable::to_json(std::size_t begin, std::size_t most) const {
  JsonWriter json;
  json.begin_object();
  json.key("dataVersion");
  json.raw_value(routing::to_json(data_version()));
  json.key("subscriptionGroupTable");
  json.begin_object();
  std::vector<GroupConfig> groups;
  std::string last;
  bool is_end = most == 0;
  while (!is_end) {
    groups.clear();
    {
      const std::lock_guard lock(mutex_);
      auto at = groups_.upper_bound(last);
      for (std::size_t looked_at = 0; at != groups_.end() && looked_at < kGroupSlice; ++at) {
        ++looked_at;
        last = at->first;
        if (begin > 0) {
          --begin;
        } else if (most > 0) {
          --most;
          groups.push_back(at->second);
        }
      }
      is_end = at == groups_.end() || most == 0;
    }
    for (const GroupConfig& group : groups) {
      json.key(group.group_name);
      json.raw_value(broker::to_json(group));
    }
  }
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace comet::inline v0_1::broker
