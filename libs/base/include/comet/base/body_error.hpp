#pragma once
// What is wrong with a body that was received or read from a file.

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {

enum class BodyErrc {
  malformed = 1,  // well-formed JSON or an inflated body, but of the wrong structure
  too_deep,       // JSON nested deeper than anything that RocketMQ sends
};
const boost::system::error_category& body_category() noexcept;
inline error_code make_error_code(BodyErrc code) noexcept {
  return {static_cast<int>(code), body_category()};
}

}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::BodyErrc> : std::true_type {};
