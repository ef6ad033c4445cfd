#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"
#include "comet/routing/topic_config.hpp"

namespace comet::inline v0_1::admin {

// A consumer group as a broker configures it (Apache: SubscriptionGroupConfig).
class GroupConfig {
 public:
  GroupConfig() = default;  // no aggregate: it is passed to awaited calls (docs/gcc12.md)

  std::string group_name;
  bool consume_enable = true;
  bool consume_from_min_enable = true;
  bool consume_broadcast_enable = true;
  bool consume_message_orderly = false;  // 5.x
  std::int32_t retry_queue_nums = 1;
  std::int32_t retry_max_times = 16;
  std::int64_t broker_id = 0;
  std::int64_t which_broker_when_consume_slowly = 1;
  bool notify_consumer_ids_changed_enable = true;
  friend bool operator==(const GroupConfig&, const GroupConfig&) = default;
};
[[nodiscard]] std::string to_json(const GroupConfig& group);
[[nodiscard]] Result<GroupConfig> parse_group_config(std::string_view json);

// GET_ALL_SUBSCRIPTIONGROUP_CONFIG.
class GroupTable {
 public:
  using Groups = std::map<std::string, GroupConfig, std::less<>>;  // by name

  routing::DataVersion data_version;
  Groups groups;
};
[[nodiscard]] Result<GroupTable> parse_group_table(std::string_view json);

}  // namespace comet::inline v0_1::admin
