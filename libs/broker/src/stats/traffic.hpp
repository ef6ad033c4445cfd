#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/broker/broker_stats.hpp"
#include "stats/growth_windows.hpp"

namespace comet::inline v0_1::broker {

// What is counted of a topic, or of a topic and a consumer group.
class TrafficCounters {
 public:
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t times = 0;       // requests that stored or took them
  std::uint64_t send_backs = 0;  // messages that consumers gave back
  std::uint64_t micros = 0;      // that reading them took
  friend bool operator==(const TrafficCounters&, const TrafficCounters&) = default;
  friend TrafficCounters operator-(const TrafficCounters& a, const TrafficCounters& b);
};

// Counts what goes in by topic, and out by topic and consumer group. Thread-safe; what is counted
// costs a look into one of several small tables, whose locks nobody holds for long.
class TrafficTable {
 public:
  // Messages that were stored.
  void count(std::string_view topic, std::uint64_t messages, std::uint64_t bytes,
             MessageType type = MessageType::normal);
  // Messages of a queue before `next_offset` have been given to consumers of the group.
  void count_pull(std::string_view topic, std::string_view group, std::uint64_t messages,
                  std::uint64_t bytes, std::int32_t queue_id, std::int64_t next_offset,
                  Duration took);
  // A transaction of the topic has ended.
  void count_transaction(std::string_view topic, bool is_committed);
  // A consumer of the group gave back a message of the topic.
  void count_send_back(std::string_view topic, std::string_view group);
  // That offset; 0 when nothing was pulled since the start.
  [[nodiscard]] std::int64_t pulled(std::string_view topic, std::string_view group,
                                    std::int32_t queue_id) const;
  [[nodiscard]] std::vector<TrafficStats> stats() const;
  // They are gone: so is what was counted of them.
  void forget_topic(std::string_view topic);
  void forget_group(std::string_view group);

  class Totals {
   public:
    TrafficCounters stored;
    TrafficCounters given;
  };
  [[nodiscard]] Totals totals() const;

  // Takes the samples of one part of the table, for tick number `tick`; returns how many entries it
  // has. All parts are to be sampled every kGrowthTick, on one thread.
  static constexpr std::size_t kParts = 32;
  std::size_t sample(std::size_t part, std::uint32_t tick);

  enum class Kind { messages, bytes, send_backs, latency };
  // Nullopt: nothing of that kind was counted. Latencies are in ms.
  [[nodiscard]] std::optional<Growth> growth(std::string_view topic, std::string_view group,
                                             Kind kind) const;
  [[nodiscard]] std::optional<Growth> queue_latency(std::string_view topic, std::string_view group,
                                                    std::int32_t queue_id) const;
  // Messages given per second, in the last minute.
  [[nodiscard]] double given_per_second(std::string_view topic, std::string_view group) const;

 private:
  static constexpr std::size_t kMostEntries = 100'000;  // pairs beyond it are not counted
  // Beyond so many an entry that has been idle for a day makes room.
  static constexpr std::size_t kManyEntries = kMostEntries / 2;
  static constexpr std::size_t kMostQueueWindows = 50'000;  // queues beyond it have no latency

  class TrafficSample {
   public:
    TrafficSample() = default;
    explicit TrafficSample(const TrafficCounters& counters);
    friend bool operator==(const TrafficSample&, const TrafficSample&) = default;
    friend TrafficCounters& operator+=(TrafficCounters& sum, const TrafficSample& sample) {
      sum.messages += sample.messages_;
      sum.bytes += sample.bytes_;
      sum.times += sample.times_;
      sum.send_backs += sample.send_backs_;
      sum.micros += sample.micros_;
      return sum;
    }

   private:
    std::uint64_t bytes_ = 0;
    std::uint32_t messages_ = 0, times_ = 0, send_backs_ = 0, micros_ = 0;
  };
  class PullTimes {
   public:
    std::uint64_t times = 0;
    std::uint64_t micros = 0;
    friend bool operator==(const PullTimes&, const PullTimes&) = default;
    friend PullTimes operator-(const PullTimes& a, const PullTimes& b) {
      return {a.times - b.times, a.micros - b.micros};
    }
  };
  class PullTimesSample {
   public:
    PullTimesSample() = default;
    explicit PullTimesSample(const PullTimes& counters);
    friend bool operator==(const PullTimesSample&, const PullTimesSample&) = default;
    friend PullTimes& operator+=(PullTimes& sum, const PullTimesSample& sample) {
      sum.times += sample.times_;
      sum.micros += sample.micros_;
      return sum;
    }

   private:
    std::uint32_t times_ = 0, micros_ = 0;
  };
  using Windows = GrowthWindows<TrafficCounters, TrafficSample>;
  using QueueWindows = GrowthWindows<PullTimes, PullTimesSample>;

  struct Queue {
    std::int64_t next_offset = 0;
    PullTimes pulls;
    std::unique_ptr<QueueWindows> windows;
  };
  struct OfType {
    std::atomic<std::uint64_t> bytes{0};
    std::array<std::atomic<std::uint64_t>, TrafficStats::Sizes().size()> sizes{};  // messages

    void count(std::uint64_t messages, std::uint64_t of_bytes) noexcept;
    void add_to(TrafficCounters& all) const noexcept;
    [[nodiscard]] TrafficStats::OfType stats(MessageType type) const noexcept;
  };
  struct Entry {
    explicit Entry(std::uint32_t tick) : windows(tick) {}
    [[nodiscard]] TrafficCounters counters() const noexcept;  // takes the mutex

    OfType normal;
    std::atomic<std::uint64_t> times{0};
    std::atomic<std::uint64_t> send_backs{0};
    std::atomic<std::uint64_t> committed{0}, rolled_back{0};
    std::atomic<std::uint64_t> micros{0};
    mutable std::mutex mutex;                                   // of what follows
    std::array<std::unique_ptr<OfType>, kMessageTypes> others;  // made when there are some
    std::map<std::int32_t, Queue> queues;
    Windows windows;
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
  struct Part {
    mutable std::shared_mutex mutex;  // of the table
    std::unordered_map<Key, Entry, Hash, Equal> entries;
    std::atomic<std::uint64_t> stored_messages{0}, stored_bytes{0}, stored_times{0};
    std::atomic<std::uint64_t> given_messages{0}, given_bytes{0}, given_times{0};
  };

  [[nodiscard]] Part& part_of(const View& key) noexcept {
    return parts_[Hash()(key) / 31 % kParts];
  }
  [[nodiscard]] const Part& part_of(const View& key) const noexcept {
    return parts_[Hash()(key) / 31 % kParts];
  }
  // Calls use(entry) with its part's lock held; makes the entry when there is room.
  template <class Use>
  void with_entry(Part& part, const View& key, Use use);
  template <class Use>
  void find_entry(const View& key, Use use) const;
  void sample_queues(Entry& entry, std::uint32_t tick);
  // With the part's lock held alone.
  void erase_if(Part& part, const std::function<bool(const Key&, const Entry&)>& goes);
  void forget_if(const std::function<bool(const Key&, const Entry&)>& goes);

  std::array<Part, kParts> parts_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> queue_windows_{0};
  std::atomic<std::uint32_t> tick_{0};
};

}  // namespace comet::inline v0_1::broker
