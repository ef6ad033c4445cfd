#pragma once
// For programs that print with {fmt}: what has an operator<<, as an argument of fmt::format.

#include <fmt/core.h>

#include "comet/producer/send_result.hpp"

template <>
struct fmt::formatter<comet::SendStatus> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(comet::SendStatus status, Context& context) const {
    return fmt::formatter<std::string_view>::format(comet::to_string(status), context);
  }
};

template <>
struct fmt::formatter<comet::SendResult> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const comet::SendResult& result, Context& context) const {
    return fmt::formatter<std::string_view>::format(result.to_string(), context);
  }
};
