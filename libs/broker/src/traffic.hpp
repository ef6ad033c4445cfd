#pragma once

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

#include "comet/broker/broker.hpp"

namespace comet::broker {

// Counts what goes in by topic, and out by topic and consumer group. Thread-safe.
class TrafficTable {
 public:
  // `group` is empty for what comes in.
  void count(std::string_view topic, std::string_view group, std::uint64_t messages,
             std::uint64_t bytes);
  [[nodiscard]] std::vector<TrafficStats> stats() const;

 private:
  static constexpr std::size_t kMostEntries = 100'000;  // pairs beyond it are not counted
  struct Entry {
    std::atomic<std::uint64_t> messages{0};
    std::atomic<std::uint64_t> bytes{0};
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

  mutable std::shared_mutex mutex_;  // of the table; entries stay where they are
  std::unordered_map<Key, Entry, Hash, Equal> entries_;
};

}  // namespace comet::broker
