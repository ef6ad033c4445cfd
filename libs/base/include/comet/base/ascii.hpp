#pragma once
// Text as ASCII has it, whatever the locale; other bytes stay as they are.

#include <cstddef>
#include <string>
#include <string_view>

namespace comet::inline v0_1 {

[[nodiscard]] constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

[[nodiscard]] inline std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = ascii_lower(c);
  return lower;
}

[[nodiscard]] constexpr bool equal_in_any_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}

// Whether the word is one of "word;word;word".
[[nodiscard]] constexpr bool list_has(std::string_view list, char separator,
                                      std::string_view word) noexcept {
  while (!list.empty()) {
    const std::size_t found = list.find(separator);
    const std::size_t end = found < list.size() ? found : list.size();
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(end < list.size() ? end + 1 : end);
  }
  return false;
}

}  // namespace comet::inline v0_1
