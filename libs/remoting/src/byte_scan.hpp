#pragma once
// Looks at 16 bytes at a time where the processor can, otherwise at eight: most text of a header
// needs no escapes.

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace comet::inline v0_1::remoting {

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

#if defined(__SSE2__)
// A bit for each of the 16 bytes that is a quote or a backslash.
inline unsigned quotes_and_backslashes(__m128i bytes) noexcept {
  const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(quotes, backslashes)));
}

// A bit for each of the 16 bytes that is below 0x20: those that the minimum leaves alone.
inline unsigned controls(__m128i bytes) noexcept {
  const __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  return static_cast<unsigned>(_mm_movemask_epi8(below));
}

inline __m128i load_16(const char* from) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
#endif

}  // namespace detail

// Where the first quote or backslash stands; `end` when there is none.
inline const char* find_quote_or_backslash(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    const unsigned found = detail::quotes_and_backslashes(detail::load_16(at));
    if (found != 0) return at + std::countr_zero(found);
  }
#endif
  for (std::uint64_t bytes; end - at >= 8; at += sizeof bytes) {
    std::memcpy(&bytes, at, sizeof bytes);
    const std::uint64_t found = detail::has_quote_or_backslash(bytes);
    if (found != 0) {
      at += detail::first_of(found);
      break;
    }
  }
  while (at != end && *at != '"' && *at != '\\') ++at;
  return at;
}

inline bool is_plain(char c) noexcept {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

// Copies up to the first byte that JSON wants escaped and returns that place in the text, `end`
// when there is none. `to` has room for all of the text. Where the size is no multiple of a step,
// the last step overlaps the one before.
[[gnu::always_inline]] inline const char* copy_plain(const char* at, const char* end,
                                                     char* to) noexcept {
  const std::ptrdiff_t size = end - at;
#if defined(__SSE2__)
  if (size >= 16) {
    for (std::ptrdiff_t done = 0; done < size; done += 16) {
      const std::ptrdiff_t from = done + 16 <= size ? done : size - 16;
      const __m128i bytes = detail::load_16(at + from);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + from), bytes);
      const unsigned found = detail::quotes_and_backslashes(bytes) | detail::controls(bytes);
      if (found != 0) return at + from + std::countr_zero(found);
    }
    return end;
  }
#endif
  if (size >= 8) {
    for (std::ptrdiff_t done = 0; done < size; done += 8) {
      const std::ptrdiff_t from = done + 8 <= size ? done : size - 8;
      std::uint64_t bytes = 0;
      std::memcpy(&bytes, at + from, sizeof bytes);
      if ((detail::has_quote_or_backslash(bytes) | detail::has_control(bytes)) != 0) {
        at += from, to += from;  // looked at below
        break;
      }
      std::memcpy(to + from, &bytes, sizeof bytes);
      if (done + 8 >= size) return end;
    }
  }
  while (at != end && is_plain(*at)) *to++ = *at++;
  return at;
}

}  // namespace comet::inline v0_1::remoting
