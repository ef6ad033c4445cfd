#pragma once
// Just enough UTF-8 to tell text from garbage.

#include <cstddef>
#include <string_view>

namespace comet::inline v0_1 {

// Bytes of the well-formed character at the front of `text`, 1 to 4; 0 when there is none (empty,
// cut off, overlong, a surrogate).
[[nodiscard]] std::size_t utf8_character_size(std::string_view text) noexcept;

// Whether all of it is well-formed.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

// The code point of one well-formed character.
[[nodiscard]] char32_t utf8_code_point(std::string_view character) noexcept;

// C0, DEL and C1 (U+0080 to U+009F; some terminals obey those too).
[[nodiscard]] constexpr bool is_control(char32_t code_point) noexcept {
  return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
}

// Whether all of it is well-formed and free of control characters.
[[nodiscard]] bool is_plain_text(std::string_view text) noexcept;

}  // namespace comet::inline v0_1
