#pragma once
// Times as people and mqadmin write them, in the local time zone.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace comet::inline v0_1::ctl {

inline constexpr std::int64_t kNow = -1;  // the end of every queue, whatever the clocks say

// "now" (kNow), milliseconds since 1970, "2026-11-21#10:00:00:123", "2026-11-21 10:00:00",
// "2026-11-21".
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);
// "2026-11-21 10:00:00.123"; "-" for 0 and before.
[[nodiscard]] std::string format_time(std::int64_t millis);

}  // namespace comet::inline v0_1::ctl
