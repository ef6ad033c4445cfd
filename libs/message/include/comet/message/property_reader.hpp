#pragma once
// Properties one after the other, from their string form (properties.hpp).

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <cstddef>
#include <string_view>

namespace comet::inline v0_1 {

// As tolerant as MessageProperties::decode; of several values of one name the last counts. Looks
// at 16 bytes at a time where the processor can.
class PropertyReader {
 public:
  // `text` must outlive what next() gives, views into it.
  explicit PropertyReader(std::string_view text) noexcept
      : text_(text.data()), begin_(text_), block_(text_), end_(text_ + text.size()) {
    look_at_block();
  }

  // False at the end.
  bool next(std::string_view& name, std::string_view& value) noexcept {
    while (begin_ != end_) {
      const char* name_end = nullptr;
      const char* at = next_separator();
      for (; at != end_ && *at == kNameEnd; at = next_separator()) {
        if (name_end == nullptr) name_end = at;
      }
      const char* begin = begin_;
      begin_ = at == end_ ? end_ : at + 1;
      // Apache drops fragments shorter than name, separator and value of one byte each.
      if (name_end == nullptr || at - begin < 3 || name_end + 1 == at) continue;
      name = {begin, static_cast<std::size_t>(name_end - begin)};
      value = {name_end + 1, static_cast<std::size_t>(at - name_end - 1)};
      return true;
    }
    return false;
  }

 private:
  static constexpr char kNameEnd = '\x01';
  static constexpr char kPropertyEnd = '\x02';
  static constexpr std::ptrdiff_t kBlock = 16;

  const char* next_separator() noexcept {
    while (found_ == 0) {
      if (end_ - block_ <= kBlock) return end_;
      block_ += kBlock;
      look_at_block();
    }
    const char* at = block_ + std::countr_zero(found_);
    found_ &= found_ - 1;
    return at;
  }

  // A bit in `found_` for each separator among the next bytes.
  void look_at_block() noexcept {
#if defined(__SSE2__)
    if (end_ - block_ >= kBlock) {
      found_ = separators_in(block_);
      return;
    }
    if (end_ - text_ >= kBlock) {  // the last block overlaps the one before
      found_ = separators_in(end_ - kBlock) >> (kBlock - (end_ - block_));
      return;
    }
#endif
    found_ = 0;
    unsigned bit = 1;
    for (const char* at = block_; at != end_ && bit != 1u << kBlock; ++at, bit <<= 1) {
      if (*at == kNameEnd || *at == kPropertyEnd) found_ |= bit;
    }
  }

#if defined(__SSE2__)
  static unsigned separators_in(const char* block) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
    const __m128i names = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(kNameEnd));
    const __m128i properties = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(kPropertyEnd));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(names, properties)));
  }
#endif

  const char* text_;
  const char* begin_;  // of the next property
  const char* block_;
  const char* end_;
  unsigned found_ = 0;
};

}  // namespace comet::inline v0_1
