#pragma once
// What a broker says of its copies (GET_BROKER_HA_STATUS; Apache: HARuntimeInfo).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::admin {

// A slave as its master sees it.
class HaReplica {
 public:
  std::string address;  // of its connection
  std::string name;     // empty: a Java slave, or a Java master that says none
  std::string state;    // likewise
  bool in_sync = false;
  bool flushed = false;  // it confirms what is on its disk; CometMQ says so
  std::int64_t confirmed = 0;
  std::int64_t lag = 0;   // bytes
  std::int64_t sent = 0;  // the next byte for it
  std::int64_t bytes_per_second = 0;
};

class HaStatus {
 public:
  bool is_master = false;
  std::int64_t log_end = 0;  // a master's
  std::int64_t in_sync = 0;  // slaves
  std::vector<HaReplica> replicas;
  // A slave's.
  std::string master_address;
  std::int64_t master_end = 0;
  std::int64_t own_end = 0;
  std::int64_t last_read = 0;   // ms, wall clock
  std::int64_t last_write = 0;  // likewise
  std::int64_t bytes_per_second = 0;
};

[[nodiscard]] Result<HaStatus> parse_ha_status(std::string_view json);

}  // namespace comet::inline v0_1::admin
