#include "comet/producer/send_result.hpp"

#include <fmt/format.h>
#include <ostream>

#include "comet/producer/fmt.hpp"

namespace comet::inline v0_1 {

std::string_view to_string(SendStatus status) noexcept {
  switch (status) {
    case SendStatus::send_ok:
      return "SEND_OK";
    case SendStatus::flush_disk_timeout:
      return "FLUSH_DISK_TIMEOUT";
    case SendStatus::flush_slave_timeout:
      return "FLUSH_SLAVE_TIMEOUT";
    case SendStatus::slave_not_available:
      return "SLAVE_NOT_AVAILABLE";
  }
  return "UNKNOWN";
}

std::string SendResult::to_string() const {
  return fmt::format("{} {} -> {} queue {} of {} at offset {} (offset id {}){}", status, message_id,
                     queue.topic, queue.queue_id, queue.broker_name, queue_offset,
                     offset_message_id,
                     transaction_id.empty() ? "" : " transaction " + transaction_id);
}

std::ostream& operator<<(std::ostream& out, SendStatus status) { return out << to_string(status); }

std::ostream& operator<<(std::ostream& out, const SendResult& result) {
  return out << result.to_string();
}

}  // namespace comet::inline v0_1
