#include "dispatch.hpp"

#include <charconv>

#include "comet/message/properties.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/message/validate.hpp"

namespace comet::store {

namespace {

std::int64_t parse_level(std::string_view text) noexcept {
  std::int64_t level = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
  return error == std::errc() && end == text.data() + text.size() ? level : 0;
}

}  // namespace

TagsCode tags_code_of(const RecordView& record, const DelayLevels& levels) {
  if (record.topic == kScheduleTopic) {
    std::int64_t level = parse_level(find_property(record.properties, property::kDelay));
    if (level > 0) return TagsCode::delay(levels.delay_of(level));
  }
  return TagsCode::hash(java_hash_code(find_property(record.properties, property::kTags)));
}

bool is_indexed(std::int32_t sys_flag) noexcept {
  std::int32_t type = sys_flag & sys_flag::kTransactionMask;
  return type != sys_flag::kTransactionPrepared && type != sys_flag::kTransactionRollback;
}

}  // namespace comet::store
