#pragma once
// Consumer groups (Apache: SubscriptionGroupManager; file subscriptionGroup.json).

#include <atomic>
#include <boost/json/object.hpp>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/routing/topic_config.hpp"
#include "tables/background_saver.hpp"
#include "tables/lookups.hpp"
#include "tables/state_file.hpp"

namespace comet::inline v0_1::broker {

class GroupConfig {
 public:
  std::string group_name;
  bool consume_enable = true;
  bool consume_from_min_enable = true;
  bool consume_broadcast_enable = true;
  std::int32_t retry_queue_nums = 1;
  std::int32_t retry_max_times = 16;
  std::int64_t broker_id = 0;
  std::int64_t which_broker_when_consume_slowly = 1;
  bool notify_consumer_ids_changed_enable = true;
  // What 5.x knows besides (attributes, groupRetryPolicy, ...): kept, without effect.
  boost::json::object others;
};
[[nodiscard]] GroupConfig group_from_json(const boost::json::object& object);
[[nodiscard]] Result<GroupConfig> parse_group_config(std::string_view json);
[[nodiscard]] std::string to_json(const GroupConfig& group);

// Thread-safe; its lock is never held for long. Changes are written to subscriptionGroup.json on
// the helper thread; whoever acknowledges what needs a group waits for when_saved().
class GroupTable {
 public:
  using Done = BackgroundSaver::Done;

  GroupTable(const BrokerConfig& config, TimeSource& time, HelperThread& files);

  // Reads subscriptionGroup.json and adds the groups that every broker has.
  void load();
  // As the topics' (topic_table.hpp).
  using Snapshot = Lookups<GroupConfig>::Snapshot;
  [[nodiscard]] Snapshot find(std::string_view group) const;
  // Creates the group with defaults when that is allowed; null when it is not.
  [[nodiscard]] Snapshot find_or_create(std::string_view group);
  // Creates or replaces them all, or none and false, when there were more then than a broker takes.
  // `done`: see BackgroundSaver; so below.
  [[nodiscard]] bool put(std::vector<GroupConfig> groups, Done done = {});
  void remove(std::string_view group, Done done = {});
  // A slave's: the groups become those of this file, or answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
  // but for those that every broker has; all at once, or an error and none.
  [[nodiscard]] error_code replace_all(std::string_view json, Done done = {});
  // Called when the file has changed, on the helper thread. Set once, before the first change.
  void on_change(std::function<void()> observer) { observer_ = std::move(observer); }
  // As the topics' (topic_table.hpp), all of these.
  bool when_saved(std::string_view group, Done done);
  [[nodiscard]] bool is_unsaved(std::string_view group) const {
    const std::lock_guard lock(mutex_);
    return unsaved_.contains(group);
  }
  [[nodiscard]] bool has_unsaved() const noexcept {
    return has_unsaved_.load(std::memory_order_acquire);
  }
  void save_now() { saver_.save_now(); }
  void retry_save() { saver_.retry(); }
  [[nodiscard]] std::string problem() const { return file_.problem(); }
  [[nodiscard]] routing::DataVersion data_version() const;
  // The file's content, and the answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG: at most `most` groups
  // from the one at `begin` on, by name.
  [[nodiscard]] std::string to_json(
      std::size_t begin = 0, std::size_t most = std::numeric_limits<std::size_t>::max()) const;
  [[nodiscard]] std::size_t size() const;
  // The names of at most so many groups, by name, after that one.
  [[nodiscard]] std::vector<std::string> names_after(std::string_view after,
                                                     std::size_t most) const;

 private:
  error_code parse(std::string_view json);
  // What a file holds besides the data version.
  [[nodiscard]] static Result<std::map<std::string, GroupConfig, std::less<>>> groups_of(
      const boost::json::object& root);
  [[nodiscard]] Snapshot look_up(std::string_view group) const;  // with the lock held
  [[nodiscard]] Snapshot look_up_or_create(std::string_view group);
  void note_change(std::string_view group);  // with the lock held
  bool save();

  const BrokerConfig& config_;
  TimeSource& time_;
  StateFile file_;
  Lookups<GroupConfig> lookups_;
  mutable std::mutex mutex_;
  routing::DataVersion data_version_;
  std::map<std::string, GroupConfig, std::less<>> groups_;
  std::map<std::string, std::int64_t, std::less<>> unsaved_;  // group: the version's counter
  std::atomic<bool> has_unsaved_{false};
  std::function<void()> observer_;
  BackgroundSaver saver_;
};

}  // namespace comet::inline v0_1::broker
