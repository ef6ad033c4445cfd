#pragma once
// What a client says of itself every 30 seconds (Apache: HeartbeatData).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "subscription.hpp"

namespace comet::inline v0_1::broker {

// One consumer group as a heartbeat describes it.
class ConsumerData {
 public:
  std::string group;
  std::string consume_type;   // CONSUME_ACTIVELY, CONSUME_PASSIVELY
  std::string message_model;  // CLUSTERING, BROADCASTING
  std::string consume_from_where;
  bool unit_mode = false;
  std::vector<Subscription> subscriptions;
};

class Heartbeat {
 public:
  std::string client_id;
  std::int64_t fingerprint = 0;
  bool without_subscriptions = false;  // 5.x: as in the last one with this fingerprint
  std::vector<ConsumerData> consumers;
  std::vector<std::string> producer_groups;
};
[[nodiscard]] Result<Heartbeat> parse_heartbeat(std::string_view json);

}  // namespace comet::inline v0_1::broker
