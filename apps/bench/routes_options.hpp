#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "comet/base/address.hpp"
#include "options.hpp"

namespace comet::inline v0_1::bench {

class RoutesOptions {
 public:
  Address name_server;
  int connections = 0;
  int in_flight = 0;  // queries of each connection
  int seconds = 0;
  int topics = 0;
  int brokers = 0;
  int queues = 0;           // of a topic on each broker
  int spread = 0;           // brokers of each topic
  int register_topics = 0;  // of a further broker that registers while queries are measured
  int registrations = 0;    // how often it does so
  pid_t server_pid = 0;     // 0: not known
  bool watch = false;
  bool json = false;
  std::optional<remoting::SerializeType> serialize_type;
};

// nullopt: help was asked for and has been printed. Throws UsageError.
[[nodiscard]] std::optional<RoutesOptions> parse_routes_options(int argc, char** argv);

}  // namespace comet::inline v0_1::bench
