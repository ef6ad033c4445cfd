#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "histogram.hpp"
#include "process_stats.hpp"
#include "routes_options.hpp"

namespace comet::inline v0_1::bench {

class RoutesReport {
 public:
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::chrono::duration<double> elapsed{};
  double cpu_seconds = 0;                  // of this process
  std::optional<ProcessStats> before;      // the server, before anything is registered
  std::optional<ProcessStats> registered;  // before the queries
  std::optional<ProcessStats> after;       // behind them
  Histogram latency;                       // of all queries
  Histogram during_registration;           // of those that were under way in one
  Histogram registration;                  // each of them
};

// Throws Error when the name server cannot be used.
[[nodiscard]] RoutesReport ask_routes(const RoutesOptions& options);
void print_report(const RoutesOptions& options, const RoutesReport& report);

}  // namespace comet::inline v0_1::bench
