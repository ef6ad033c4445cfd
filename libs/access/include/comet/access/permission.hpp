#pragma once
// What an account may do with a topic or a group (Apache: Permission).

#include <cstdint>
#include <optional>
#include <string_view>

namespace comet::inline v0_1::access {

enum class Permission : std::uint8_t { deny = 0, pub = 1, sub = 2, pub_sub = 3 };

[[nodiscard]] constexpr bool allows(Permission owned, Permission needed) noexcept {
  return (static_cast<unsigned>(owned) & static_cast<unsigned>(needed)) != 0;
}
// DENY, PUB, SUB, PUB|SUB, SUB|PUB, and no other word: Apache takes all others for DENY.
[[nodiscard]] std::optional<Permission> parse_permission(std::string_view word) noexcept;
[[nodiscard]] std::string_view to_string(Permission permission) noexcept;

}  // namespace comet::inline v0_1::access
