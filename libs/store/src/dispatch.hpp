#pragma once
// What the log's records mean to the structures that are derived from it.

#include <cstdint>
#include <string_view>

#include "comet/message/record.hpp"
#include "comet/message/system_names.hpp"
#include "comet/store/delay_levels.hpp"

namespace comet::inline v0_1::store {

// The tags code of a queue unit: a hash, or in the schedule topic the time of delivery, which is
// known when the store timestamp is, or in the timer topic TIMER_OUT_MS, so that a broker that
// starts learns from the queue alone when its messages are due. Negative: the record takes another
// one back. (Apache writes a hash there, and reads none; times do not fit into one.)
class TagsCode {
 public:
  [[nodiscard]] std::int64_t at(std::int64_t store_timestamp) const noexcept {
    return is_delay_ ? store_timestamp + value_ : value_;
  }
  static TagsCode hash(std::int32_t value) noexcept { return {value, false}; }
  static TagsCode delay(std::int64_t millis) noexcept { return {millis, true}; }
  static TagsCode time(std::int64_t millis) noexcept { return {millis, false}; }
  TagsCode() = default;

 private:
  TagsCode(std::int64_t value, bool is_delay) noexcept : value_(value), is_delay_(is_delay) {}
  std::int64_t value_ = 0;
  bool is_delay_ = false;
};

[[nodiscard]] TagsCode tags_code_of(const RecordView& record, const DelayLevels& levels);

// Whether the record appears in its consume queue: prepared and rollback records of transactions
// do not.
[[nodiscard]] bool is_indexed(std::int32_t sys_flag) noexcept;

}  // namespace comet::inline v0_1::store
