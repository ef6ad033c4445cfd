#pragma once
// Topics as brokers configure and register them (Apache: TopicConfig, DataVersion,
// TopicConfigSerializeWrapper, RegisterBrokerBody).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::routing {

class DataVersion {
 public:
  std::int64_t state_version = 0;  // 5.x
  std::int64_t timestamp = 0;      // ms, of the last change
  std::int64_t counter = 0;        // changes
  void next(std::int64_t wall_millis) noexcept {
    timestamp = wall_millis;
    ++counter;
  }
  friend bool operator==(const DataVersion&, const DataVersion&) = default;
};

class TopicConfig {
 public:
  TopicConfig() = default;  // no aggregate: it is passed to awaited calls (docs/gcc12.md)

  std::string topic_name;
  std::int32_t read_queue_nums = 16;
  std::int32_t write_queue_nums = 16;
  std::int32_t perm = 6;
  std::string topic_filter_type = "SINGLE_TAG";  // or "MULTI_TAG"
  std::int32_t topic_sys_flag = 0;
  bool order = false;
  std::map<std::string, std::string> attributes;  // 5.x
  friend bool operator==(const TopicConfig&, const TopicConfig&) = default;
};

[[nodiscard]] std::string to_json(const TopicConfig& topic);

class TopicConfigTable {
 public:
  DataVersion data_version;
  std::map<std::string, TopicConfig, std::less<>> topics;
};

// Also the content of topics.json.
[[nodiscard]] std::string to_json(const TopicConfigTable& table);
[[nodiscard]] Result<TopicConfigTable> parse_topic_config_table(std::string_view json);

[[nodiscard]] std::string to_json(const DataVersion& version);
[[nodiscard]] Result<DataVersion> parse_data_version(std::string_view json);

// The body of REGISTER_BROKER.
class RegisterBrokerBody {
 public:
  TopicConfigTable topic_config;
  std::vector<std::string> filter_servers;
  std::map<std::string, TopicQueueMapping> queue_mappings;  // 5.x: of static topics, by topic
};
[[nodiscard]] std::string to_json(const RegisterBrokerBody& body);
[[nodiscard]] Result<RegisterBrokerBody> parse_register_broker_body(std::string_view json);
// The compressed binary form (header field compressed=true). `with_mappings`: the sender's request
// version is 5.0 or later, so a section of queue mappings may follow.
// `max_inflated`: bytes; more is refused.
[[nodiscard]] std::string encode_compressed(const RegisterBrokerBody& body);
[[nodiscard]] Result<RegisterBrokerBody> decode_compressed(std::string_view bytes,
                                                           bool with_mappings,
                                                           std::size_t max_inflated);

}  // namespace comet::inline v0_1::routing
