#include "comet/producer/fault_table.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

namespace comet::inline v0_1 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Step {
  Duration latency;
  Duration pause;
};
// latencyMax and notAvailableDuration of Apache 4.9 and 5.3.
constexpr std::array<Step, 7> kSteps4{{{milliseconds(50), seconds(0)},
                                       {milliseconds(100), seconds(0)},
                                       {milliseconds(550), seconds(30)},
                                       {milliseconds(1000), seconds(60)},
                                       {milliseconds(2000), seconds(120)},
                                       {milliseconds(3000), seconds(180)},
                                       {milliseconds(15000), seconds(600)}}};
constexpr std::array<Step, 7> kSteps5{{{milliseconds(50), seconds(0)},
                                       {milliseconds(100), seconds(0)},
                                       {milliseconds(550), seconds(2)},
                                       {milliseconds(1800), seconds(5)},
                                       {milliseconds(3000), seconds(6)},
                                       {milliseconds(5000), seconds(10)},
                                       {milliseconds(15000), seconds(30)}}};
// What a failed try counts as.
constexpr Duration kIsolation4 = seconds(30);
constexpr Duration kIsolation5 = seconds(10);

// The next queue, round robin, that passes; null when none does.
template <class Passes>
const MessageQueue* find_queue(routing::TopicPublishInfo& topic, Passes passes) {
  for (std::size_t i = 0; i < topic.queues().size(); ++i) {
    const MessageQueue& queue = topic.select_queue({});
    if (passes(queue.broker_name)) return &queue;
  }
  return nullptr;
}

}  // namespace

Duration FaultTable::not_available_duration(Duration latency) const noexcept {
  const std::span<const Step> steps = rules_ == FaultRules::v4_9 ? kSteps4 : kSteps5;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (latency >= step->latency) return step->pause;
  }
  return Duration::zero();
}

FaultTable::Item& FaultTable::item(std::string_view broker_name) {
  auto found = items_.find(broker_name);
  if (found == items_.end()) found = items_.emplace(broker_name, Item()).first;
  return found->second;
}

void FaultTable::update(std::string_view broker_name, Duration latency, bool isolate, Instant now,
                        bool reachable) {
  if (!enabled_) return;
  const Duration isolation = rules_ == FaultRules::v4_9 ? kIsolation4 : kIsolation5;
  Item& known = item(broker_name);
  known.latency = latency;
  known.available_again = now + not_available_duration(isolate ? isolation : latency);
  known.reachable = reachable;
}

bool FaultTable::available(std::string_view broker_name, Instant now) const {
  const auto found = items_.find(broker_name);
  return found == items_.end() || now >= found->second.available_again;
}

bool FaultTable::reachable(std::string_view broker_name) const {
  const auto found = items_.find(broker_name);
  return found == items_.end() || found->second.reachable;
}

const MessageQueue& FaultTable::select_queue(routing::TopicPublishInfo& topic,
                                             std::string_view last_broker, Instant now) {
  if (!enabled_) return topic.select_queue(last_broker);
  const MessageQueue* chosen =
      rules_ == FaultRules::v4_9 ? select_v4(topic, now) : select_v5(topic, last_broker, now);
  return chosen != nullptr ? *chosen : topic.select_queue({});
}

const MessageQueue* FaultTable::select_v4(routing::TopicPublishInfo& topic, Instant now) {
  const auto is_available = [&](std::string_view broker) { return available(broker, now); };
  if (const MessageQueue* queue = find_queue(topic, is_available)) return queue;
  const std::string picked = pick_one_at_least(now);
  const auto is_picked = [&](std::string_view broker) { return broker == picked; };
  const MessageQueue* queue = find_queue(topic, is_picked);
  if (queue == nullptr) forget(picked);  // it has no queue of this topic (any more)
  return queue;
}

// The better half: sorted by availability, latency and how soon they are available again.
std::string FaultTable::pick_one_at_least(Instant now) {
  using Rank = std::tuple<bool, Duration, Instant, std::string_view>;
  std::vector<Rank> ranks;
  ranks.reserve(items_.size());
  for (const auto& [name, known] : items_) {
    ranks.emplace_back(now < known.available_again, known.latency, known.available_again, name);
  }
  if (ranks.empty()) return {};
  std::sort(ranks.begin(), ranks.end());
  const std::size_t half = std::max<std::size_t>(1, ranks.size() / 2);
  return std::string(std::get<3>(ranks[picked_++ % half]));
}

const MessageQueue* FaultTable::select_v5(routing::TopicPublishInfo& topic,
                                          std::string_view last_broker, Instant now) const {
  const auto good = [&](std::string_view broker) {
    return broker != last_broker && available(broker, now);
  };
  if (const MessageQueue* queue = find_queue(topic, good)) return queue;
  const auto possible = [&](std::string_view broker) {
    return broker != last_broker && reachable(broker);
  };
  return find_queue(topic, possible);
}

std::vector<std::string> FaultTable::due_for_check(Instant now, Duration interval) {
  std::vector<std::string> due;
  for (auto& [name, known] : items_) {
    if (now < known.next_check) continue;
    known.next_check = now + interval;
    due.push_back(name);
  }
  return due;
}

void FaultTable::checked(std::string_view broker_name, bool answers) {
  const auto found = items_.find(broker_name);
  if (found != items_.end() && answers) found->second.reachable = true;
}

void FaultTable::forget(std::string_view broker_name) {
  const auto found = items_.find(broker_name);
  if (found != items_.end()) items_.erase(found);
}

}  // namespace comet::inline v0_1
