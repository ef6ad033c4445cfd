#pragma once
// Identifiers of messages.

#include <cstdint>
#include <string>
#include <string_view>

#include "comet/base/address.hpp"
#include "comet/base/error.hpp"

namespace comet::inline v0_1 {

// "msgId" of send answers: upper-case hex of store host (IP, port) and physical offset; 32
// characters for IPv4, 56 for IPv6.
[[nodiscard]] std::string make_offset_message_id(const IpEndpoint& store_host,
                                                 std::int64_t physical_offset);

class OffsetMessageId {
 public:
  IpEndpoint store_host;
  std::int64_t physical_offset = 0;
};
[[nodiscard]] Result<OffsetMessageId> parse_offset_message_id(std::string_view text);

// UNIQ_KEY values in the layout of Apache's MessageClientIDSetter: IP, process id, a number of this
// generator, milliseconds since the month began, counter. Thread-safe.
[[nodiscard]] std::string make_unique_id(std::int64_t wall_millis);

}  // namespace comet::inline v0_1
