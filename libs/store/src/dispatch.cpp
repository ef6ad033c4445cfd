#include "dispatch.hpp"

#include <limits>

#include "comet/base/parse_number.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/message/validate.hpp"

namespace comet::inline v0_1::store {

namespace {

// 0 for what is none.
std::int64_t number_of(std::string_view text) noexcept {
  return parse_number<std::int64_t>(text).value_or(0);
}

// A time, told from a hash by its size; 0 when there is none.
std::int64_t timer_out(const RecordView& record) noexcept {
  const std::int64_t out = number_of(find_property(record.properties, property::kTimerOutMs));
  if (out <= std::numeric_limits<std::int32_t>::max()) return 0;
  return find_property(record.properties, property::kTimerDeleteUniqueKey).empty() ? out : -out;
}

}  // namespace

TagsCode tags_code_of(const RecordView& record, const DelayLevels& levels) {
  if (record.topic == kScheduleTopic) {
    std::int64_t level = number_of(find_property(record.properties, property::kDelay));
    if (level > 0) return TagsCode::delay(levels.delay_of(level));
  }
  if (record.topic == kTimerTopic) {
    if (const std::int64_t out = timer_out(record); out != 0) return TagsCode::time(out);
  }
  return TagsCode::hash(java_hash_code(find_property(record.properties, property::kTags)));
}

bool is_indexed(std::int32_t sys_flag) noexcept {
  std::int32_t type = sys_flag & sys_flag::kTransactionMask;
  return type != sys_flag::kTransactionPrepared && type != sys_flag::kTransactionRollback;
}

}  // namespace comet::inline v0_1::store
