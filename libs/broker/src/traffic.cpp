#include "traffic.hpp"

#include <algorithm>

namespace comet::broker {
namespace {

std::size_t size_bucket(std::uint64_t size) {
  const auto& bounds = TrafficStats::kSizeBounds;
  return static_cast<std::size_t>(std::ranges::lower_bound(bounds, size) - bounds.begin());
}

}  // namespace

TrafficTable::Entry* TrafficTable::find_or_add(std::string_view topic, std::string_view group) {
  {
    const std::shared_lock lock(mutex_);
    const auto found = entries_.find(View(topic, group));
    if (found != entries_.end()) return &found->second;
  }
  const std::unique_lock lock(mutex_);
  return entries_.size() < kMostEntries ? &entries_[Key(topic, group)] : nullptr;
}

void TrafficTable::count(std::string_view topic, std::string_view group, std::uint64_t messages,
                         std::uint64_t bytes) {
  Entry* entry = find_or_add(topic, group);
  if (entry == nullptr) return;
  entry->messages.fetch_add(messages, std::memory_order_relaxed);
  entry->bytes.fetch_add(bytes, std::memory_order_relaxed);
  // The messages of a batch count with their average size.
  const std::size_t bucket = size_bucket(bytes / std::max<std::uint64_t>(messages, 1));
  entry->sizes[bucket].fetch_add(messages, std::memory_order_relaxed);
}

void TrafficTable::count_pull(std::string_view topic, std::string_view group,
                              std::uint64_t messages, std::uint64_t bytes, std::int32_t queue_id,
                              std::int64_t next_offset) {
  Entry* entry = find_or_add(topic, group);
  if (entry == nullptr) return;
  entry->messages.fetch_add(messages, std::memory_order_relaxed);
  entry->bytes.fetch_add(bytes, std::memory_order_relaxed);
  const std::lock_guard lock(entry->mutex);
  entry->pulled[queue_id] = next_offset;
}

std::int64_t TrafficTable::pulled(std::string_view topic, std::string_view group,
                                  std::int32_t queue_id) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(View(topic, group));
  if (found == entries_.end()) return 0;
  const std::lock_guard entry_lock(found->second.mutex);
  const auto queue = found->second.pulled.find(queue_id);
  return queue == found->second.pulled.end() ? 0 : queue->second;
}

std::vector<TrafficStats> TrafficTable::stats() const {
  std::vector<TrafficStats> all;
  const std::shared_lock lock(mutex_);
  all.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    TrafficStats& one = all.emplace_back();
    one.topic = key.first;
    one.consumer_group = key.second;
    one.messages = entry.messages.load(std::memory_order_relaxed);
    one.bytes = entry.bytes.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < one.sizes.size(); ++i) {
      one.sizes[i] = entry.sizes[i].load(std::memory_order_relaxed);
    }
  }
  return all;
}

}  // namespace comet::broker
