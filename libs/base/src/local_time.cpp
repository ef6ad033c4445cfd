#include "comet/base/local_time.hpp"

#include <fmt/format.h>

namespace comet::inline v0_1 {
namespace {

constexpr std::int64_t kMillis = 1000;

// Rounded towards the past, and what that leaves.
std::int64_t seconds_of(std::int64_t wall_millis) noexcept {
  return wall_millis / kMillis - (wall_millis % kMillis < 0 ? 1 : 0);
}
std::int64_t rest_of(std::int64_t wall_millis) noexcept {
  return (wall_millis % kMillis + kMillis) % kMillis;
}

}  // namespace

std::tm local_time(std::int64_t wall_millis) noexcept {
  const auto seconds = static_cast<std::time_t>(seconds_of(wall_millis));
  std::tm local{};
  ::localtime_r(&seconds, &local);  // cannot fail: the last of these years has nine digits
  return local;
}

std::string format_local_time(std::int64_t wall_millis, char before_time, char before_millis) {
  const std::tm local = local_time(wall_millis);
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{:03}", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, before_time, local.tm_hour, local.tm_min,
                     local.tm_sec, before_millis, rest_of(wall_millis));
}

}  // namespace comet::inline v0_1
