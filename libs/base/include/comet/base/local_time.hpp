#pragma once
// Points in time as a calendar on this machine's wall shows them.

#include <cstdint>
#include <ctime>
#include <string>

namespace comet::inline v0_1 {

// `wall_millis`: since 1970, as TimeSource::wall_millis() gives them; may be negative.
[[nodiscard]] std::tm local_time(std::int64_t wall_millis) noexcept;

// "2026-11-20 23:53:28.973", with other signs between date and time and before the milliseconds
// where a protocol asks for them.
[[nodiscard]] std::string format_local_time(std::int64_t wall_millis, char before_time = ' ',
                                            char before_millis = '.');

}  // namespace comet::inline v0_1
