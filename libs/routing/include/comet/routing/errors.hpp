#pragma once

#include "comet/base/error.hpp"

namespace comet::inline v0_1::routing {

enum class RoutingErrc {
  malformed = 1,  // well-formed JSON or an inflated body of the wrong structure
  too_deep,       // JSON nested deeper than anything that RocketMQ sends
};
const boost::system::error_category& routing_category() noexcept;
inline error_code make_error_code(RoutingErrc code) noexcept {
  return {static_cast<int>(code), routing_category()};
}

}  // namespace comet::inline v0_1::routing

template <>
struct boost::system::is_error_code_enum<comet::routing::RoutingErrc> : std::true_type {};
