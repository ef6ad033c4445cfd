#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace comet::inline v0_1 {

// The whole text as a decimal number; nullopt when it is anything else (also empty, or with a space
// or a plus sign) or does not fit.
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) noexcept {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace comet::inline v0_1
