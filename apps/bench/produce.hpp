#pragma once

#include "histogram.hpp"
#include "options.hpp"

namespace comet::bench {

class ProduceReport {
 public:
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;
  std::chrono::duration<double> elapsed{};
  double cpu_seconds = 0;  // of this process, user and system, while measuring
  Histogram latency;       // of the sends that succeeded

  [[nodiscard]] double rate() const noexcept {
    return elapsed.count() > 0 ? static_cast<double>(sent) / elapsed.count() : 0;
  }
};

// Runs the benchmark to its end (or to SIGINT), showing progress on standard error when that is a
// terminal, and the first few errors always. Throws Error when the producer cannot start.
[[nodiscard]] ProduceReport produce(const ProduceOptions& options);

}  // namespace comet::bench
