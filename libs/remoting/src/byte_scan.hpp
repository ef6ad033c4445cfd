#pragma once
// Looks at eight bytes at a time: most text of a header needs no escapes.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace comet::remoting {

namespace detail {

inline constexpr std::uint64_t kOnes = 0x0101010101010101u;
inline constexpr std::uint64_t kHighBits = 0x8080808080808080u;

// Not zero when one of the eight bytes is zero.
inline std::uint64_t has_zero(std::uint64_t bytes) noexcept {
  return (bytes - kOnes) & ~bytes & kHighBits;
}

inline std::uint64_t has_quote_or_backslash(std::uint64_t bytes) noexcept {
  return has_zero(bytes ^ (kOnes * '"')) | has_zero(bytes ^ (kOnes * '\\'));
}

inline std::uint64_t has_control(std::uint64_t bytes) noexcept {
  return (bytes - kOnes * 0x20) & ~bytes & kHighBits;
}

// Which of the eight bytes is the first that the functions above have found. Not known with the
// other byte order: then the caller looks at each.
inline std::size_t first_of(std::uint64_t found) noexcept {
  if constexpr (std::endian::native != std::endian::little) return 0;
  return static_cast<std::size_t>(std::countr_zero(found)) / 8;
}

}  // namespace detail

// Where the first quote or backslash stands; the text's size when there is none.
inline std::size_t find_quote_or_backslash(std::string_view text) noexcept {
  std::size_t i = 0;
  for (std::uint64_t bytes; i + sizeof bytes <= text.size(); i += sizeof bytes) {
    std::memcpy(&bytes, text.data() + i, sizeof bytes);
    const std::uint64_t found = detail::has_quote_or_backslash(bytes);
    if (found != 0) {
      i += detail::first_of(found);
      break;
    }
  }
  while (i < text.size() && text[i] != '"' && text[i] != '\\') ++i;
  return i;
}

// Where the first byte stands that JSON wants escaped; the text's size when there is none.
inline std::size_t find_to_escape(std::string_view text) noexcept {
  std::size_t i = 0;
  for (std::uint64_t bytes; i + sizeof bytes <= text.size(); i += sizeof bytes) {
    std::memcpy(&bytes, text.data() + i, sizeof bytes);
    const std::uint64_t found = detail::has_quote_or_backslash(bytes) | detail::has_control(bytes);
    if (found != 0) {
      i += detail::first_of(found);
      break;
    }
  }
  auto is_plain = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
  };
  while (i < text.size() && is_plain(text[i])) ++i;
  return i;
}

}  // namespace comet::remoting
