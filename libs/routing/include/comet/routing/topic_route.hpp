#pragma once
// Where a topic lives: the body of a route query's answer (Apache: TopicRouteData).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {
class JsonWriter;
}

namespace comet::inline v0_1::routing {

inline constexpr std::int64_t kMasterId = 0;

// Bits of `perm` (Apache: PermName).
namespace perm {
inline constexpr std::int32_t kRead = 4;
inline constexpr std::int32_t kWrite = 2;
inline constexpr std::int32_t kInherit = 1;
}  // namespace perm

class QueueData {
 public:
  std::string broker_name;
  std::int32_t read_queue_nums = 0;
  std::int32_t write_queue_nums = 0;
  std::int32_t perm = 0;
  std::int32_t topic_sys_flag = 0;
  friend bool operator==(const QueueData&, const QueueData&) = default;
};

class BrokerData {
 public:
  std::string cluster;
  std::string broker_name;
  std::map<std::int64_t, std::string> broker_addrs;  // broker id -> "ip:port"
  bool enable_acting_master = false;                 // 5.x
  std::string zone_name;                             // 5.x; empty: none
  friend bool operator==(const BrokerData&, const BrokerData&) = default;
};

// A static topic of 5.x: which of its queues a broker holds (Apache: TopicQueueMappingInfo).
class TopicQueueMapping {
 public:
  std::string topic;
  std::string scope;
  std::string broker_name;
  std::int32_t total_queues = 0;
  std::int64_t epoch = 0;
  bool dirty = false;
  std::map<std::int32_t, std::int32_t> current_ids;  // queue of the topic -> queue of the broker
  friend bool operator==(const TopicQueueMapping&, const TopicQueueMapping&) = default;
};

class TopicRouteData {
 public:
  std::string order_topic_conf;  // "broker-a:4;broker-b:4"; empty: none
  std::vector<QueueData> queues;
  std::vector<BrokerData> brokers;
  std::map<std::string, std::vector<std::string>> filter_servers;  // by broker address
  std::map<std::string, TopicQueueMapping> queue_mappings;         // by broker name
  friend bool operator==(const TopicRouteData&, const TopicRouteData&) = default;
};

enum class IntegerKeys {
  unquoted,  // fastjson's {0:"ip:port"}: what older clients expect
  quoted,    // standard JSON
};

// Compact JSON: some clients split the text of brokerAddrs at commas and colons.
[[nodiscard]] std::string to_json(const TopicRouteData& route, IntegerKeys keys);
// As a value inside other bodies.
void write_json(JsonWriter& json, const BrokerData& broker, IntegerKeys keys);
void write_json(JsonWriter& json, const TopicQueueMapping& mapping, IntegerKeys keys);
// Accepts both key forms.
[[nodiscard]] Result<TopicRouteData> parse_topic_route(std::string_view json);

// Leaves out the brokers that have a master and belong to another zone, as the name server of 5.x
// does for clients that ask for their zone. Names of zones are compared without regard to case.
void keep_zone(TopicRouteData& route, std::string_view zone);

}  // namespace comet::inline v0_1::routing
