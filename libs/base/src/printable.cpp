#include "comet/base/printable.hpp"

#include "comet/base/utf8.hpp"

namespace comet::inline v0_1 {

std::string printable(std::string_view text, std::size_t max_size) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    if (out.size() >= max_size) {
      out += "...";
      break;
    }
    const std::size_t size = utf8_character_size(text);
    const std::string_view character = text.substr(0, size == 0 ? 1 : size);
    if (size != 0 && !is_control(utf8_code_point(character))) {
      out += character;
    } else {
      for (const char c : character) {
        const auto byte = static_cast<unsigned char>(c);
        out += "\\x";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
      }
    }
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace comet::inline v0_1
