#pragma once

#include "histogram.hpp"
#include "options.hpp"
#include "process_stats.hpp"

namespace comet::inline v0_1::bench {

class ProduceReport {
 public:
  std::uint64_t sent = 0;  // messages
  std::uint64_t failed = 0;
  std::chrono::duration<double> elapsed{};
  double cpu_seconds = 0;  // of this process, user and system, while measuring
  std::optional<ProcessStats> broker_before;
  std::optional<ProcessStats> broker_after;
  Histogram latency;  // of the sends that succeeded, from when they were due

  // Of the broker while measuring; nullopt: not known.
  [[nodiscard]] std::optional<double> broker_cpu_seconds() const noexcept {
    if (!broker_before || !broker_after) return std::nullopt;
    return broker_after->cpu_seconds - broker_before->cpu_seconds;
  }
  [[nodiscard]] double rate() const noexcept {
    return elapsed.count() > 0 ? static_cast<double>(sent) / elapsed.count() : 0;
  }
};

// Runs the benchmark to its end (or to SIGINT), showing progress on standard error when that is a
// terminal, and the first few errors always. Throws Error when the producer cannot start.
[[nodiscard]] ProduceReport produce(const ProduceOptions& options);

}  // namespace comet::inline v0_1::bench
