#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

#include "comet/message/message.hpp"

namespace comet::inline v0_1 {

// In every case the broker has stored the message; all but send_ok mean that one of the guarantees
// that it is configured for was not reached in time (Apache: SendStatus).
enum class SendStatus {
  send_ok,
  flush_disk_timeout,   // SYNC_FLUSH: not on disk yet
  flush_slave_timeout,  // SYNC_MASTER: not on a slave yet
  slave_not_available,  // SYNC_MASTER: no slave is near enough
};
// "SEND_OK", "FLUSH_DISK_TIMEOUT", ...
[[nodiscard]] std::string_view to_string(SendStatus status) noexcept;

// Where a message went. Prints as one line.
class SendResult {
 public:
  SendResult() = default;

  SendStatus status = SendStatus::send_ok;
  std::string message_id;         // the client's (UNIQ_KEY), the same for every try of a send
  std::string offset_message_id;  // the broker's: its address and the position in its log
  MessageQueue queue;
  std::int64_t queue_offset = 0;
  std::string transaction_id;  // empty: none
  std::string recall_handle;   // of a timer message, for Producer::recall; empty: none
  std::string region_id = "DefaultRegion";
  bool trace_on = true;

  [[nodiscard]] std::string to_string() const;
};
static_assert(!std::is_aggregate_v<SendResult>);

std::ostream& operator<<(std::ostream& out, SendStatus status);
std::ostream& operator<<(std::ostream& out, const SendResult& result);

}  // namespace comet::inline v0_1
