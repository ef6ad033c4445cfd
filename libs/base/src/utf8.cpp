#include "comet/base/utf8.hpp"

#include <boost/nowide/utf/utf.hpp>  // of Boost.Nowide only this header, which needs no library

namespace comet::inline v0_1 {

namespace {
using Utf8 = boost::nowide::utf::utf_traits<char>;
}

std::size_t utf8_character_size(std::string_view text) noexcept {
  const char* at = text.data();
  const auto code_point = Utf8::decode(at, text.data() + text.size());
  const bool is_one =
      code_point != boost::nowide::utf::illegal && code_point != boost::nowide::utf::incomplete;
  return is_one ? static_cast<std::size_t>(at - text.data()) : 0;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

char32_t utf8_code_point(std::string_view character) noexcept {
  const char* at = character.data();
  return Utf8::decode_valid(at);
}

bool is_plain_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    if (size == 0 || is_control(utf8_code_point(text.substr(0, size)))) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace comet::inline v0_1
