#include "delay/dropped_messages.hpp"

#include "comet/base/log.hpp"

namespace comet::inline v0_1::broker {

void DroppedMessages::add(std::string_view topic, std::int64_t physical_offset) {
  const std::uint64_t count = count_.fetch_add(1, std::memory_order_relaxed) + 1;
  const Instant now = time_.now();
  if (now < next_line_) return;
  next_line_ = now + std::chrono::seconds(1);
  log::warn(
      "the delayed message at {} of the commit log is dropped: its topic {} was deleted ({} "
      "dropped since the start)",
      physical_offset, topic, count);
}

}  // namespace comet::inline v0_1::broker
