#pragma once

#include <map>
#include <string>
#include <string_view>

#include "comet/base/time.hpp"
#include "comet/routing/publish_info.hpp"

namespace comet {

// Which brokers have lately been slow or failing, and so are left out of the choice for a while
// (Apache 4.9: MQFaultStrategy). Only consulted when enabled; pure, `now` is passed in.
class FaultTable {
 public:
  explicit FaultTable(bool enabled) noexcept : enabled_(enabled) {}

  // How a try on that broker went. `isolate`: it failed, which counts as a very long latency.
  void update(std::string_view broker_name, Duration latency, bool isolate, Instant now);
  [[nodiscard]] bool available(std::string_view broker_name, Instant now) const;

  // Disabled: the next queue of another broker than the last one. Enabled: the next queue of a
  // broker that is available; when none is, as when disabled. Precondition: topic.ok().
  [[nodiscard]] const MessageQueue& select_queue(routing::TopicPublishInfo& topic,
                                                 std::string_view last_broker, Instant now) const;

  // For how long a broker is left out after a try of that latency.
  [[nodiscard]] static Duration not_available_duration(Duration latency) noexcept;

 private:
  bool enabled_;
  std::map<std::string, Instant, std::less<>> available_again_;
};

}  // namespace comet
