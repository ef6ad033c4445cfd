#pragma once
// What is counted, and how it becomes Prometheus' text. Counting is an atomic addition; names and
// labels are put together only when somebody reads.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/time.hpp"

namespace comet::inline v0_1::monitor {

// Thread-safe.
class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Thread-safe.
class Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Durations in fixed buckets; shown in milliseconds, as RocketMQ's are. Thread-safe.
class LatencyHistogram {
 public:
  // RocketMQ's bounds, and below them those that are of interest here.
  static constexpr std::array<Duration, 17> kBounds = {
      std::chrono::microseconds(5),   std::chrono::microseconds(10),
      std::chrono::microseconds(25),  std::chrono::microseconds(50),
      std::chrono::microseconds(100), std::chrono::microseconds(250),
      std::chrono::microseconds(500), std::chrono::milliseconds(1),
      std::chrono::milliseconds(3),   std::chrono::milliseconds(5),
      std::chrono::milliseconds(7),   std::chrono::milliseconds(10),
      std::chrono::milliseconds(100), std::chrono::seconds(1),
      std::chrono::seconds(2),        std::chrono::seconds(3),
      std::chrono::seconds(10)};

  void record(Duration value) noexcept {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && value > kBounds[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    const std::int64_t nanos = value.count() > 0 ? value.count() : 0;
    sum_.fetch_add(static_cast<std::uint64_t>(nanos), std::memory_order_relaxed);
  }
  // Samples in this bucket alone; the last one, kBounds.size(), has those beyond all bounds.
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const noexcept {
    return counts_[bucket].load(std::memory_order_relaxed);
  }
  [[nodiscard]] Duration sum() const noexcept {
    return Duration(static_cast<std::int64_t>(sum_.load(std::memory_order_relaxed)));
  }

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_{0};  // ns
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// One reading: sources put their values in. Names and label names must be Prometheus' (letters,
// digits, '_'); a name keeps the kind and the help of its first sample.
class Scrape {
 public:
  explicit Scrape(const Labels& common);
  ~Scrape();
  Scrape(const Scrape&) = delete;
  Scrape& operator=(const Scrape&) = delete;

  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
  void histogram(std::string_view name, std::string_view help, const LatencyHistogram& values,
                 Labels labels = {});

  // Values in buckets of their own: `counts` has those up to each bound alone, and behind them
  // those beyond all bounds.
  void histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                 std::span<const std::uint64_t> counts, double sum, Labels labels = {});

  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Where values come from. Thread-safe, if its sources are; they are called by whoever reads.
class Metrics {
 public:
  using Source = std::function<void(Scrape&)>;
  // `common` labels go with every sample.
  explicit Metrics(Labels common = {}) : common_(std::move(common)) {}

  void add(Source source);
  // In Prometheus' text format 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  const Labels common_;
  mutable std::mutex mutex_;
  std::vector<Source> sources_;
};

// Memory, CPU time and descriptors of this process, under Prometheus' usual names.
void report_process(Scrape& scrape);

}  // namespace comet::inline v0_1::monitor
