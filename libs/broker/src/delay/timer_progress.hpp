#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"
#include "delay/timer_index.hpp"

namespace comet::inline v0_1::broker {

// What of the timer topic's queue has been delivered, at some moment:
//  - everything before `first`,
//  - of what lies before `taken`, everything that was due at `delivered_until` (ms) or earlier, and
//    of the next millisecond the messages before `delivered_before` in the log.
// In the file the time is that of TIMER_OUT_MS. The rest waits. That is all that has to be kept;
// what waits itself is in the queue.
class TimerProgress {
 public:
  std::int64_t first = 0;
  std::int64_t taken = 0;
  std::int64_t delivered_until = 0;
  std::int64_t delivered_before = 0;

  [[nodiscard]] bool is_done(std::int64_t queue_offset, const TimerEntry& entry) const noexcept {
    if (queue_offset < first) return true;
    if (queue_offset >= taken || entry.due_millis() > delivered_until + 1) return false;
    // Recalls are needed as long as something is due at their time.
    return entry.due_millis() <= delivered_until ||
           (!entry.is_recall() && entry.physical_offset() < delivered_before);
  }
  friend bool operator==(const TimerProgress&, const TimerProgress&) = default;

  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] error_code parse(std::string_view json);
};

// From config/timerProgress.json under the store's root; where there is none, nothing has been
// delivered. Throws Error as load_state_file does.
[[nodiscard]] TimerProgress load_timer_progress(const std::string& store_root);
// What a 5.x broker of Apache's that has had the directory says in config/timercheck. It stays true
// whoever has it afterwards.
[[nodiscard]] TimerProgress load_timer_progress_of_apache(const std::string& store_root);
[[nodiscard]] std::string timer_progress_path(const std::string& store_root);

}  // namespace comet::inline v0_1::broker
