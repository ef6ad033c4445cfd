#pragma once
// What each request code needs at a broker or a name server. The table of docs/access.md; Apache:
// PlainAccessResource.parse, Permission.ADMIN_CODE, which leave many codes out.

#include <cstdint>
#include <span>
#include <string_view>

#include "comet/access/permission.hpp"
#include "comet/remoting/codes.hpp"

namespace comet::inline v0_1::access {

enum class ResourceKind : std::uint8_t { topic, group };

// One field of a request that names a topic or a group. A request without the field, or with an
// empty one, needs nothing for it: its handler says what is missing.
class FieldRule {
 public:
  ResourceKind kind = ResourceKind::topic;
  Permission needed = Permission::deny;
  std::string_view field;
};

// Bodies that name topics and groups.
enum class BodyRule : std::uint8_t {
  none,
  heartbeat,   // 34: SUB of all that consumers subscribe to
  queues,      // 41, 42: consumerGroup and the topics of mqSet
  assignment,  // 400: topic, consumerGroup
};

class RequestRule {
 public:
  static constexpr std::size_t kMostFields = 2;

  remoting::RequestCode code{};
  bool for_admin = false;
  BodyRule body = BodyRule::none;
  FieldRule fields[kMostFields]{};  // those without a field are none
};

// In the order of their codes. A code that is not there needs an administrator.
[[nodiscard]] std::span<const RequestRule> request_rules() noexcept;
// That of an administrator for all codes that are not there.
[[nodiscard]] const RequestRule& rule_of(std::int32_t code) noexcept;

}  // namespace comet::inline v0_1::access
