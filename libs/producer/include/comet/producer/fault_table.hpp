#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/producer/fault_rules.hpp"
#include "comet/routing/publish_info.hpp"

namespace comet::inline v0_1 {

// Which brokers have lately been slow or failing, and so are left out of the choice for a while
// (Apache: MQFaultStrategy, LatencyFaultToleranceImpl). Only consulted when enabled; pure, `now` is
// passed in.
class FaultTable {
 public:
  explicit FaultTable(bool enabled, FaultRules rules = FaultRules::v4_9) noexcept
      : enabled_(enabled), rules_(rules) {}

  // How a try on that broker went. `isolate`: it failed, which counts as a very long latency.
  // Unreachable ones (5.x) are the last choice until a check or a try finds them reachable.
  void update(std::string_view broker_name, Duration latency, bool isolate, Instant now,
              bool reachable = true);
  [[nodiscard]] bool available(std::string_view broker_name, Instant now) const;
  [[nodiscard]] bool reachable(std::string_view broker_name) const;

  // Disabled: the next queue of another broker than the last one. Enabled: the next queue of a
  // broker that is available; when none is, as the rules say. Precondition: topic.ok().
  [[nodiscard]] const MessageQueue& select_queue(routing::TopicPublishInfo& topic,
                                                 std::string_view last_broker, Instant now);

  // For how long a broker is left out after a try of that latency.
  [[nodiscard]] Duration not_available_duration(Duration latency) const noexcept;

  // 5.x's detector: the brokers of the table that have not been checked for `interval`.
  [[nodiscard]] std::vector<std::string> due_for_check(Instant now, Duration interval);
  void checked(std::string_view broker_name, bool answers);
  void forget(std::string_view broker_name);

 private:
  class Item {
   public:
    Duration latency{};
    Instant available_again{};
    bool reachable = true;
    Instant next_check{};
  };

  [[nodiscard]] Item& item(std::string_view broker_name);
  [[nodiscard]] const MessageQueue* select_v4(routing::TopicPublishInfo& topic, Instant now);
  [[nodiscard]] const MessageQueue* select_v5(routing::TopicPublishInfo& topic,
                                              std::string_view last_broker, Instant now) const;
  [[nodiscard]] std::string pick_one_at_least(Instant now);

  bool enabled_;
  FaultRules rules_;
  std::map<std::string, Item, std::less<>> items_;
  std::size_t picked_ = 0;  // the turn among the better half
};

}  // namespace comet::inline v0_1
