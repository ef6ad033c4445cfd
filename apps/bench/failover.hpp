#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "options.hpp"

namespace comet::inline v0_1::bench {

class FailoverOptions {
 public:
  std::string name_servers;
  std::string topic;
  int seconds = 0;
  int poll_millis = 0;
  int retries = 0;
  bool no_watch = false;
};

// nullopt: help was asked for and has been printed. Throws UsageError.
[[nodiscard]] std::optional<FailoverOptions> parse_failover_options(int argc, char** argv);

// Sends one message after the other and prints, with the time in ms since 1970, when its route
// changes and when a send fails: "at 1700000000000.000 route has 2 brokers".
// Throws Error when the producer cannot start.
void send_through_failover(const FailoverOptions& options);

}  // namespace comet::inline v0_1::bench
