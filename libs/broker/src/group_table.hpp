#pragma once
// Consumer groups (Apache: SubscriptionGroupManager; file subscriptionGroup.json).

#include <boost/json/object.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "background_saver.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/broker.hpp"
#include "comet/routing/topic_config.hpp"

namespace comet::broker {

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
// the helper thread.
class GroupTable {
 public:
  using Done = BackgroundSaver::Done;

  GroupTable(const BrokerConfig& config, TimeSource& time, HelperThread& files);

  // Reads subscriptionGroup.json and adds the groups that every broker has.
  void load();
  [[nodiscard]] std::optional<GroupConfig> find(std::string_view group) const;
  // Creates the group with defaults when that is allowed; nullopt when it is not.
  [[nodiscard]] std::optional<GroupConfig> find_or_create(std::string_view group);
  // Creates or replaces them all, or none and false, when there were more then than a broker takes.
  // `done`: see BackgroundSaver; so below.
  [[nodiscard]] bool put(std::vector<GroupConfig> groups, Done done = {});
  void remove(std::string_view group, Done done = {});
  void save_now() { saver_.save_now(); }
  // The file's content, and the answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG.
  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] std::size_t size() const;
  // The names of at most so many groups, by name, after that one.
  [[nodiscard]] std::vector<std::string> names_after(std::string_view after,
                                                     std::size_t most) const;

 private:
  error_code parse(std::string_view json);

  const BrokerConfig& config_;
  TimeSource& time_;
  const std::string path_;
  mutable std::mutex mutex_;
  routing::DataVersion data_version_;
  std::map<std::string, GroupConfig, std::less<>> groups_;
  BackgroundSaver saver_;
};

}  // namespace comet::broker
