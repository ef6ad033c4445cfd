#include "traffic.hpp"

namespace comet::broker {

void TrafficTable::count(std::string_view topic, std::string_view group, std::uint64_t messages,
                         std::uint64_t bytes) {
  const auto add = [&](Entry& entry) {
    entry.messages.fetch_add(messages, std::memory_order_relaxed);
    entry.bytes.fetch_add(bytes, std::memory_order_relaxed);
  };
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = entries_.find(View(topic, group)); found != entries_.end()) {
      return add(found->second);
    }
  }
  const std::unique_lock lock(mutex_);
  if (entries_.size() < kMostEntries) add(entries_[Key(topic, group)]);
}

std::vector<TrafficStats> TrafficTable::stats() const {
  std::vector<TrafficStats> all;
  const std::shared_lock lock(mutex_);
  all.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    all.emplace_back(key.first, key.second, entry.messages.load(std::memory_order_relaxed),
                     entry.bytes.load(std::memory_order_relaxed));
  }
  return all;
}

}  // namespace comet::broker
