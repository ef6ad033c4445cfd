#include "times.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "comet/base/local_time.hpp"
#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::ctl {
namespace {

// The digits of `text` where the pattern has letters, with its other characters in between.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.size() != text.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (pattern[i] == 'd' ? !digit : pattern[i] != text[i]) return false;
  }
  return true;
}

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (const char c : text.substr(at, count)) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text == "now") return kNow;
  if (const auto number = parse_number<std::int64_t>(text)) return number;
  const bool with_millis = matches("dddd-dd-dd#dd:dd:dd:ddd", text);
  const bool with_seconds = matches("dddd-dd-dd dd:dd:dd", text);
  if (!with_millis && !with_seconds && !matches("dddd-dd-dd", text)) return std::nullopt;
  std::tm day{};
  day.tm_year = digits(text, 0, 4) - 1900;
  day.tm_mon = digits(text, 5, 2) - 1;
  day.tm_mday = digits(text, 8, 2);
  day.tm_isdst = -1;
  if (with_millis || with_seconds) {
    day.tm_hour = digits(text, 11, 2);
    day.tm_min = digits(text, 14, 2);
    day.tm_sec = digits(text, 17, 2);
  }
  const std::tm asked = day;
  const std::time_t seconds = std::mktime(&day);
  // mktime carries over what is out of range: no such day.
  if (seconds == -1 || day.tm_mon != asked.tm_mon || day.tm_mday != asked.tm_mday ||
      day.tm_min != asked.tm_min || day.tm_sec != asked.tm_sec)
    return std::nullopt;
  return static_cast<std::int64_t>(seconds) * 1000 + (with_millis ? digits(text, 20, 3) : 0);
}

std::string format_time(std::int64_t millis) {
  if (millis <= 0) return "-";
  return format_local_time(millis);
}

}  // namespace comet::inline v0_1::ctl
