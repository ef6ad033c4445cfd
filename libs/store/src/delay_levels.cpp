#include "comet/store/delay_levels.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::store {

namespace {

// Apache's answer for a level that is missing from its table.
constexpr std::int64_t kUnknownLevelDelay = 1000;

// -1: no duration. "30s" and the like.
std::int64_t parse_duration(std::string_view word) noexcept {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  constexpr std::int64_t kMaxNumber = 1'000'000;  // far beyond any use, far from overflow
  if (error != std::errc() || number < 0 || number > kMaxNumber) return -1;
  if (word.data() + word.size() - end != 1) return -1;
  switch (*end) {
    case 's':
      return number * 1000;
    case 'm':
      return number * 60 * 1000;
    case 'h':
      return number * 60 * 60 * 1000;
    case 'd':
      return number * 24 * 60 * 60 * 1000;
    default:
      return -1;
  }
}

}  // namespace

DelayLevels::DelayLevels(std::string_view text) {
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (word.empty()) continue;
    std::int64_t millis = parse_duration(word);
    if (millis < 0) {
      throw Error(make_error_code(BaseErrc::bad_value),
                  "messageDelayLevel: \"" + std::string(word) + "\" is not like 30s, 5m, 2h or 1d");
    }
    millis_.push_back(millis);
  }
}

std::int64_t DelayLevels::delay_of(std::int64_t level) const noexcept {
  if (level < 1 || millis_.empty()) return kUnknownLevelDelay;
  return millis_[std::min(static_cast<std::size_t>(level), millis_.size()) - 1];
}

}  // namespace comet::inline v0_1::store
