#include "comet/producer/fault_table.hpp"

#include <array>

namespace comet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Step {
  Duration latency;
  Duration pause;
};
// Apache 4.9: latencyMax and notAvailableDuration.
constexpr std::array<Step, 7> kSteps{{{milliseconds(50), seconds(0)},
                                      {milliseconds(100), seconds(0)},
                                      {milliseconds(550), seconds(30)},
                                      {milliseconds(1000), seconds(60)},
                                      {milliseconds(2000), seconds(120)},
                                      {milliseconds(3000), seconds(180)},
                                      {milliseconds(15000), seconds(600)}}};
// What a failed try counts as.
constexpr Duration kIsolationLatency = seconds(30);

}  // namespace

Duration FaultTable::not_available_duration(Duration latency) noexcept {
  for (auto step = kSteps.rbegin(); step != kSteps.rend(); ++step) {
    if (latency >= step->latency) return step->pause;
  }
  return Duration::zero();
}

void FaultTable::update(std::string_view broker_name, Duration latency, bool isolate, Instant now) {
  if (!enabled_) return;
  const Instant again = now + not_available_duration(isolate ? kIsolationLatency : latency);
  auto found = available_again_.find(broker_name);
  if (found != available_again_.end()) {
    found->second = again;
  } else {
    available_again_.emplace(broker_name, again);
  }
}

bool FaultTable::available(std::string_view broker_name, Instant now) const {
  auto found = available_again_.find(broker_name);
  return found == available_again_.end() || now >= found->second;
}

const MessageQueue& FaultTable::select_queue(routing::TopicPublishInfo& topic,
                                             std::string_view last_broker, Instant now) const {
  if (enabled_) {
    for (std::size_t i = 0; i < topic.queues().size(); ++i) {
      const MessageQueue& queue = topic.select_queue({});
      if (available(queue.broker_name, now)) return queue;
    }
  }
  return topic.select_queue(last_broker);
}

}  // namespace comet
