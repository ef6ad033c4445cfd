#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "comet/remoting/codes.hpp"

namespace comet::inline v0_1::remoting {

// What was tried, for error texts: "send HEART_BEAT to 127.0.0.1:10911".
inline std::string describe_send(std::int32_t code, std::string_view to) {
  std::string_view name = to_string(static_cast<RequestCode>(code));
  if (name == "UNKNOWN") return fmt::format("send request code {} to {}", code, to);
  return fmt::format("send {} to {}", name, to);
}

}  // namespace comet::inline v0_1::remoting
