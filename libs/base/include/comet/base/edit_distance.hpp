#pragma once

#include <cstddef>
#include <string_view>

namespace comet::inline v0_1 {

// The number of insertions, deletions and replacements between two names, whatever their case
// (ASCII). For "did you mean".
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);
// Up to this distance a name may have been meant by another.
[[nodiscard]] constexpr std::size_t near_distance(std::string_view name) noexcept {
  return name.size() / 3 > 2 ? name.size() / 3 : 2;
}

}  // namespace comet::inline v0_1
