#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "comet/broker/broker_stats.hpp"

namespace comet::broker {

// Counts what goes in by topic, and out by topic and consumer group. Thread-safe.
class TrafficTable {
 public:
  // `group` is empty for what comes in.
  void count(std::string_view topic, std::string_view group, std::uint64_t messages,
             std::uint64_t bytes);
  // Messages of a queue before `next_offset` have been given to consumers of the group.
  void count_pull(std::string_view topic, std::string_view group, std::uint64_t messages,
                  std::uint64_t bytes, std::int32_t queue_id, std::int64_t next_offset);
  // That offset; 0 when nothing was pulled since the start.
  [[nodiscard]] std::int64_t pulled(std::string_view topic, std::string_view group,
                                    std::int32_t queue_id) const;
  [[nodiscard]] std::vector<TrafficStats> stats() const;

 private:
  static constexpr std::size_t kMostEntries = 100'000;  // pairs beyond it are not counted
  struct Entry {
    std::atomic<std::uint64_t> messages{0};
    std::atomic<std::uint64_t> bytes{0};
    std::array<std::atomic<std::uint64_t>, TrafficStats::Sizes().size()> sizes{};
    mutable std::mutex mutex;
    std::map<std::int32_t, std::int64_t> pulled;  // by queue, with the mutex
  };
  using View = std::pair<std::string_view, std::string_view>;
  using Key = std::pair<std::string, std::string>;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const View& key) const noexcept {
      const std::hash<std::string_view> hash;
      return hash(key.first) * 31 + hash(key.second);
    }
    std::size_t operator()(const Key& key) const noexcept {
      return (*this)(View(key.first, key.second));
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const noexcept {
      return std::string_view(a.first) == std::string_view(b.first) &&
             std::string_view(a.second) == std::string_view(b.second);
    }
  };

  // Null beyond the limit.
  [[nodiscard]] Entry* find_or_add(std::string_view topic, std::string_view group);

  mutable std::shared_mutex mutex_;  // of the table; entries stay where they are
  std::unordered_map<Key, Entry, Hash, Equal> entries_;
};

}  // namespace comet::broker
