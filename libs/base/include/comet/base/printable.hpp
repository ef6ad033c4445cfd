#pragma once
// Text from outside (names on the wire, keys in files) made fit for a log line or an error.

#include <cstddef>
#include <string>
#include <string_view>

namespace comet::inline v0_1 {

// Control characters and bytes that are no valid UTF-8 become \xNN; text beyond about
// `max_size` bytes is replaced by "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_size = 128);

}  // namespace comet::inline v0_1
