#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "consume_options.hpp"
#include "histogram.hpp"
#include "process_stats.hpp"

namespace comet::inline v0_1::bench {

class ConsumeReport {
 public:
  std::uint64_t received = 0;
  std::uint64_t bytes = 0;  // of records
  std::uint64_t pulls = 0;
  std::uint64_t empty_pulls = 0;
  std::uint64_t failed = 0;                 // pulls, and messages out of order or missing
  std::chrono::duration<double> elapsed{};  // from the first message on
  double cpu_seconds = 0;                   // of this process
  std::optional<ProcessStats> before;       // the broker
  std::optional<ProcessStats> after;
  Histogram pull_latency;  // of pulls that brought something
  Histogram age;           // of messages, from their birth to their arrival here, by ms
};

// Throws Error when the broker cannot be found or used.
[[nodiscard]] ConsumeReport consume(const ConsumeOptions& options);
void print_report(const ConsumeOptions& options, const ConsumeReport& report);

}  // namespace comet::inline v0_1::bench
