#pragma once
// How long messages of the schedule topic wait (Apache: messageDelayLevel).

#include <cstdint>
#include <string_view>
#include <vector>

namespace comet::inline v0_1::store {

// The delays of levels 1, 2, ...: "1s 5s 10s 30s 1m ... 2h" (Apache: messageDelayLevel).
class DelayLevels {
 public:
  // Throws Error naming the word that is no duration.
  explicit DelayLevels(std::string_view text);
  // Milliseconds; levels beyond the last count as the last.
  [[nodiscard]] std::int64_t delay_of(std::int64_t level) const noexcept;
  [[nodiscard]] std::int32_t count() const noexcept {
    return static_cast<std::int32_t>(millis_.size());
  }

 private:
  std::vector<std::int64_t> millis_;
};

}  // namespace comet::inline v0_1::store
