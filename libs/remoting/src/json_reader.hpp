#pragma once
// A pull parser over JSON text in memory: no tree, no allocation. The caller asks for what it
// expects next; a mismatch or malformed text makes the reader fail for good (ok() is false), so
// that a whole document can be read and checked once.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "byte_scan.hpp"

namespace comet::inline v0_1::remoting {

// A string as it stands in the text, without its quotes. Its escapes are well-formed.
class JsonString {
 public:
  std::string_view raw;
  bool escaped = false;  // `raw` has escapes: it must be decoded

  // Writes the decoded text to `to`, which has room for raw.size() bytes (decoding never makes text
  // longer); returns its size. Surrogates without their other half become U+FFFD.
  std::size_t decode(char* to) const noexcept;
  [[nodiscard]] std::string text() const;
};

class JsonReader {
 public:
  enum class Kind : std::uint8_t { object, array, string, number, boolean, null, none };

  // Objects and arrays inside each other. Headers need two levels.
  static constexpr int kMaxDepth = 32;

  explicit JsonReader(std::string_view text) noexcept
      : at_(text.data()), end_(text.data() + text.size()) {}

  // What kind of value stands next; none: no value does.
  [[nodiscard]] Kind peek() noexcept;

  // An object: enter_object, then next_key and its value until next_key is false.
  bool enter_object() noexcept;
  bool next_key(JsonString& key) noexcept { return next_member() && read_key(key); }
  // The two steps of next_key: to what stands behind the comma, and past the colon.
  bool next_member() noexcept { return take_separator('}'); }
  bool read_key(JsonString& key) noexcept { return read_string(key) && take(':'); }
  // The byte that many places ahead; 0 behind the end.
  [[nodiscard]] char ahead(std::size_t places) const noexcept {
    return rest() > places ? at_[places] : '\0';
  }
  // Goes past `text` if it stands next exactly so.
  template <std::size_t N>
  bool take_text(const char (&text)[N]) noexcept {
    constexpr std::size_t size = N - 1;
    if (rest() < size || std::memcmp(at_, text, size) != 0) return false;
    at_ += size;
    return true;
  }

  // The same as next_key() where a key of one letter stands without spaces, as in a send; false,
  // with nothing read, for all else.
  bool take_short_key(JsonString& key) noexcept {
    const char* at = at_;
    const std::size_t comma = first_ ? 0 : 1;
    if (rest() < 5 || (comma == 1 && *at++ != ',')) return false;
    if (at[0] != '"' || at[1] == '"' || at[1] == '\\' || at[2] != '"' || at[3] != ':') return false;
    key.raw = std::string_view(at + 1, 1);
    key.escaped = false;
    first_ = false;
    at_ = at + 4;
    return true;
  }

  bool read_string(JsonString& out) noexcept {
    if (!take('"')) return false;
    const char* const close = find_quote_or_backslash(at_, end_);
    if (close == end_ || *close != '"') return read_escaped(out, close);
    out.raw = std::string_view(at_, static_cast<std::size_t>(close - at_));
    out.escaped = false;
    at_ = close + 1;
    return true;
  }
  // The number as it is written, "true" or "false".
  bool read_number(std::string_view& out) noexcept;
  // A number of up to nine digits without a fraction. False, with nothing read, for all else.
  bool take_short_integer(std::int32_t& out) noexcept {
    skip_space();
    constexpr std::ptrdiff_t max_digits = 9;
    const char* from = at_;
    const bool negative = from != end_ && *from == '-';
    if (negative) ++from;
    const char* const digits = from;
    std::int32_t value = 0;
    while (from != end_ && is_digit(*from) && from - digits < max_digits) {
      value = value * 10 + (*from++ - '0');
    }
    // With a comma or a brace it is known to be all of the number.
    if (from == digits || from == end_ || (*from != ',' && *from != '}')) return false;
    out = negative ? -value : value;
    at_ = from;
    return true;
  }
  bool read_boolean(std::string_view& out) noexcept;
  void read_null() noexcept { read_word("null"); }
  // Any value, whatever its depth.
  void skip_value() noexcept { skip_value(0); }

  void fail() noexcept {
    ok_ = false;
    at_ = end_;
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  // Nothing but white space is left.
  [[nodiscard]] bool at_end() noexcept {
    skip_space();
    return at_ == end_;
  }
  // Where it is.
  [[nodiscard]] const char* at() const noexcept { return at_; }
  // Bytes not yet read: no string to come is longer.
  [[nodiscard]] std::size_t rest() const noexcept { return static_cast<std::size_t>(end_ - at_); }

 private:
  // (The first comparison settles it for nearly all text.)
  void skip_space() noexcept {
    while (at_ != end_ && *at_ <= ' ' && is_space(*at_)) ++at_;
  }
  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
  static bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  bool take(char wanted) noexcept {
    skip_space();
    if (at_ != end_ && *at_ == wanted) {
      ++at_;
      return true;
    }
    fail();
    return false;
  }
  // Between members: true when another one follows.
  bool take_separator(char closing) noexcept {
    skip_space();
    if (at_ != end_ && *at_ == closing) {
      ++at_;
      first_ = false;  // for the object or array around: it has had a member
      return false;
    }
    if (!first_ && !take(',')) return false;
    first_ = false;
    skip_space();
    return ok_;
  }
  // The rest of a string from its first escape on.
  bool read_escaped(JsonString& out, const char* escape) noexcept;
  bool read_word(std::string_view word) noexcept;
  bool check_escape() noexcept;
  void skip_digits() noexcept;
  void skip_value(int depth) noexcept;

  const char* at_;
  const char* end_;
  bool ok_ = true;
  bool first_ = true;  // no member of the innermost object or array has been read yet
};

}  // namespace comet::inline v0_1::remoting
