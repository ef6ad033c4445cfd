
#include "admin/stats_collector.hpp"

#include <algorithm>

namespace comet::inline v0_1::broker {
namespace {

// So that a scrape stays bounded, whatever clients commit.
constexpr std::size_t kMostLags = 20'000;  // pairs of topic and group

StoreStats store_stats(const store::MessageStore& store) {
  StoreStats stats;
  stats.size = store.max_physical_offset() - store.min_physical_offset();
  stats.flush_behind = store.unsynced_bytes();
  stats.earliest_store_time = store.earliest_store_time();
  stats.read_only = !store.read_only_reason().empty();
  stats.disk = store.disk_state();
  stats.damage = store.damage_stats();
  return stats;
}

}  // namespace

void StatsCollector::add_queue(const OffsetTable::Group& group, std::int32_t queue_id,
                               std::int64_t committed, ConsumerLag& lag) const {
  const store::MessageStore& store = store_;
  const std::int64_t max_offset = store.max_offset(group.topic, queue_id);
  if (committed >= max_offset) return;
  const std::int64_t first = std::max(committed, store.min_offset(group.topic, queue_id));
  lag.messages += max_offset - first;
  const std::int64_t pulled =
      std::clamp(traffic_.pulled(group.topic, group.name, queue_id), first, max_offset);
  lag.in_flight += pulled - first;
  const auto age_at = [&](std::int64_t offset) -> std::int64_t {
    const std::int64_t stored_at = store.store_time(group.topic, queue_id, offset);
    return stored_at < 0 ? 0 : time_.wall_millis() - stored_at;
  };
  const std::int64_t age = age_at(first);
  lag.millis = std::max(lag.millis, age);
  if (pulled == max_offset) return;
  lag.queueing_millis = std::max(lag.queueing_millis, pulled == first ? age : age_at(pulled));
}

std::vector<ConsumerLag> StatsCollector::lags() const {
  std::vector<ConsumerLag> all;
  for (const OffsetTable::Group& group : offsets_.groups(kMostLags)) {
    const auto topic = topics_.find(group.topic);
    if (!topic) continue;
    ConsumerLag& lag = all.emplace_back();
    lag.topic = group.topic;
    lag.consumer_group = group.name;
    for (const auto& [queue_id, committed] : group.queues) {
      if (queue_id < topic->read_queue_nums) add_queue(group, queue_id, committed, lag);
    }
  }
  return all;
}

BrokerStats StatsCollector::collect() const {
  BrokerStats stats;
  stats.permission = config_.broker_permission;
  stats.held_pulls = hold_.size();
  stats.open_transactions = transactions_.open();
  stats.sends_in_flight = sends_.count();
  stats.send_bytes_in_flight = sends_.bytes();
  stats.topics = topics_.size();
  stats.consumer_groups = groups_.size();
  stats.traffic = traffic_.stats();
  stats.lags = lags();
  stats.clients = clients_.counts();
  stats.store = store_stats(store_);
  return stats;
}

}  // namespace comet::inline v0_1::broker
