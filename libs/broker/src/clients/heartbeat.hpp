#pragma once
// What a client says of itself every 30 seconds (Apache: HeartbeatData).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/broker/config.hpp"
#include "subscriptions/subscription.hpp"

namespace comet::inline v0_1::broker {

// One consumer group as a heartbeat describes it.
class ConsumerData {
 public:
  std::string group;
  std::string consume_type;   // CONSUME_ACTIVELY, CONSUME_PASSIVELY
  std::string message_model;  // CLUSTERING, BROADCASTING
  std::string consume_from_where;
  bool unit_mode = false;
  // None when there are more than the limits allow: registering the group is refused then.
  std::vector<Subscription> subscriptions;
  std::size_t named_subscriptions = 0;
  std::size_t subscription_bytes = 0;  // of topics, expressions and their types
};

class Heartbeat {
 public:
  std::string client_id;
  std::int64_t fingerprint = 0;
  bool without_subscriptions = false;  // 5.x: as in the last one with this fingerprint
  // Groups beyond the limit are counted and left out, too.
  std::vector<ConsumerData> consumers;
  std::vector<std::string> producer_groups;
  std::size_t groups_left_out = 0;
};
// Takes memory for what is within the limits, however long the text.
[[nodiscard]] Result<Heartbeat> parse_heartbeat(std::string_view json, const ClientLimits& limits);

}  // namespace comet::inline v0_1::broker
