#pragma once
// Big-endian numbers in byte strings: the byte order of RocketMQ's wire and files.
// Bytes are passed as std::string_view throughout the project; text and binary alike.

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace comet::inline v0_1 {

template <std::integral T>
[[nodiscard]] inline T byte_swap_if_little(T value) noexcept {
  if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  } else if constexpr (sizeof(T) == 4) {
    return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  } else {
    static_assert(sizeof(T) == 8);
    return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  }
}

// Reads a big-endian T at `from`; the caller guarantees sizeof(T) readable bytes.
template <std::integral T>
[[nodiscard]] inline T load_be(const char* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return byte_swap_if_little(value);
}

// Writes `value` big-endian at `to`; the caller guarantees sizeof(T) writable bytes.
template <std::integral T>
inline void store_be(char* to, T value) noexcept {
  value = byte_swap_if_little(value);
  std::memcpy(to, &value, sizeof value);
}

template <std::integral T>
inline void append_be(std::string& to, std::type_identity_t<T> value) {
  char bytes[sizeof(T)];
  store_be<T>(bytes, value);
  to.append(bytes, sizeof bytes);
}

// Reads numbers and byte strings from the front of a view. A read past the end makes the reader
// fail for good: every later read yields zero or an empty view, and ok() is false. So a decoder
// can read a whole structure and check once.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : rest_(bytes) {}

  template <std::integral T>
  [[nodiscard]] T read() noexcept {
    if (!need(sizeof(T))) return T{};
    T value = load_be<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }

  // `size` comes from the input and may be negative or absurd.
  [[nodiscard]] std::string_view read_bytes(std::int64_t size) noexcept {
    if (size < 0 || !need(static_cast<std::uint64_t>(size))) {
      ok_ = false;
      return {};
    }
    std::string_view bytes = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(bytes.size());
    return bytes;
  }

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  void fail() noexcept { ok_ = false; }

 private:
  bool need(std::uint64_t size) noexcept {
    if (ok_ && size <= rest_.size()) return true;
    ok_ = false;
    rest_ = {};
    return false;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace comet::inline v0_1
