#pragma once
// Numbers in the properties of messages.

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace comet::inline v0_1::broker {

// The whole text as a decimal number; nullopt when it is anything else or does not fit.
template <class Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace comet::inline v0_1::broker
