#pragma once

#include <algorithm>
#include <atomic>

#include "comet/producer/producer_stats.hpp"
#include "comet/producer/send_outcome.hpp"

namespace comet::inline v0_1 {

// Changed on the producer's executor, read from anywhere. A send that is destroyed with its
// execution context stays in flight.
class SendCounters {
 public:
  void begun() noexcept { add(sends_, 1); }
  [[nodiscard]] SendOutcome ended(SendOutcome outcome, Duration took) noexcept {
    add(ended_, 1);
    const std::size_t failures = outcome.tries().size();
    if (outcome.ok()) {
      add(retries_, failures);
      add(latency_sum_, static_cast<std::uint64_t>(took.count()));
      if (took.count() > latency_max_.load(std::memory_order_relaxed)) {
        latency_max_.store(took.count(), std::memory_order_relaxed);
      }
      const auto& bounds = ProducerStats::kLatencyBounds;
      const std::int64_t millis = to_millis(took + std::chrono::nanoseconds(999'999));
      const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), millis);
      if (bucket != bounds.end()) {
        add(buckets_[static_cast<std::size_t>(bucket - bounds.begin())], 1);
      }
    } else {
      add(failed_, 1);
      if (failures > 1) add(retries_, failures - 1);
      if (outcome.may_be_stored()) add(maybe_stored_, 1);
    }
    return outcome;
  }
  [[nodiscard]] ProducerStats stats() const noexcept {
    ProducerStats stats;
    const std::uint64_t ended = get(ended_);
    stats.failed = get(failed_);
    stats.stored = ended - std::min(ended, stats.failed);
    stats.maybe_stored = get(maybe_stored_);
    stats.retries = get(retries_);
    stats.sends = std::max(get(sends_), ended);
    stats.in_flight = static_cast<std::size_t>(stats.sends - ended);
    stats.latency_sum = Duration(static_cast<std::int64_t>(get(latency_sum_)));
    stats.latency_max = Duration(latency_max_.load(std::memory_order_relaxed));
    for (std::size_t i = 0; i < buckets_.size(); ++i) stats.latency_buckets[i] = get(buckets_[i]);
    return stats;
  }

 private:
  using Counter = std::atomic<std::uint64_t>;
  // There is one writer.
  static void add(Counter& counter, std::uint64_t more) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  static std::uint64_t get(const Counter& counter) noexcept {
    return counter.load(std::memory_order_relaxed);
  }

  Counter sends_ = 0, ended_ = 0, failed_ = 0, maybe_stored_ = 0, retries_ = 0, latency_sum_ = 0;
  std::atomic<std::int64_t> latency_max_ = 0;
  std::array<Counter, ProducerStats::kLatencyBounds.size()> buckets_{};
};

}  // namespace comet::inline v0_1
