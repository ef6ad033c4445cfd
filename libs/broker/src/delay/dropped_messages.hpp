#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "comet/base/time.hpp"

namespace comet::inline v0_1::broker {

// Delayed messages whose topic was gone when their time had come. Says so in the log, at most once
// a second. add() belongs to one thread, count() to all.
class DroppedMessages {
 public:
  explicit DroppedMessages(TimeSource& time) : time_(time) {}

  void add(std::string_view topic, std::int64_t physical_offset);
  [[nodiscard]] std::uint64_t count() const noexcept {
    return count_.load(std::memory_order_relaxed);
  }

 private:
  TimeSource& time_;
  std::atomic<std::uint64_t> count_{0};
  Instant next_line_{};
};

}  // namespace comet::inline v0_1::broker
