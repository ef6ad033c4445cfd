#pragma once
// What clients with message trace write into RMQ_SYS_TRACE_TOPIC (Apache: TraceDataEncoder).

#include <cstdint>
#include <string>
#include <vector>

#include "comet/message/message.hpp"

namespace comet::inline v0_1::ctl {

class TraceRecord {
 public:
  std::string type;  // "Pub", "SubBefore", "SubAfter", ...
  std::string group;
  std::string topic;
  std::string client;      // "ip:port" that the trace came from
  std::string store_host;  // of a Pub
  std::int64_t time = 0;   // ms
  std::int64_t spent = 0;  // ms
  bool success = true;
};

// Appends those records of a trace message that are about this message id, in their order.
// Unknown kinds and records that are too short are left out.
void parse_trace(const MessageExt& trace, std::string_view message_id,
                 std::vector<TraceRecord>& records);

}  // namespace comet::inline v0_1::ctl
