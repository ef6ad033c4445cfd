#include "comet/access/permission.hpp"

namespace comet::inline v0_1::access {

std::optional<Permission> parse_permission(std::string_view word) noexcept {
  if (word == "DENY") return Permission::deny;
  if (word == "PUB") return Permission::pub;
  if (word == "SUB") return Permission::sub;
  if (word == "PUB|SUB" || word == "SUB|PUB") return Permission::pub_sub;
  return std::nullopt;
}

std::string_view to_string(Permission permission) noexcept {
  switch (permission) {
    case Permission::pub:
      return "PUB";
    case Permission::sub:
      return "SUB";
    case Permission::pub_sub:
      return "PUB|SUB";
    case Permission::deny:
      break;
  }
  return "DENY";
}

}  // namespace comet::inline v0_1::access
