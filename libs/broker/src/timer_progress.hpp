#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::broker {

// What of the timer topic's queue has been delivered, at some moment:
//  - everything before `first`,
//  - everything before `taken` that was due at `delivered_until` (ms) or earlier.
// The rest waits. That is all that has to be kept; what waits itself is in the queue.
class TimerProgress {
 public:
  std::int64_t first = 0;
  std::int64_t taken = 0;
  std::int64_t delivered_until = 0;

  [[nodiscard]] bool is_done(std::int64_t queue_offset, std::int64_t due_millis) const noexcept {
    return queue_offset < first || (queue_offset < taken && due_millis <= delivered_until);
  }
  friend bool operator==(const TimerProgress&, const TimerProgress&) = default;

  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] error_code parse(std::string_view json);
};

// From config/timerProgress.json under the store's root; where there is none, from Apache's
// config/timercheck, so that a directory that a 5.x broker has left can be gone on with; else
// nothing has been delivered. Throws Error as load_state_file does.
[[nodiscard]] TimerProgress load_timer_progress(const std::string& store_root);
[[nodiscard]] std::string timer_progress_path(const std::string& store_root);

}  // namespace comet::broker
