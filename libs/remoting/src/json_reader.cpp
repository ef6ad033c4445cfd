#include "json_reader.hpp"

#include <cstring>

namespace comet::inline v0_1::remoting {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::uint32_t read_hex4(const char* digits) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    value = value << 4 | static_cast<std::uint32_t>(hex_value(digits[i]));
  }
  return value;
}

char* put_utf8(char* to, std::uint32_t code) noexcept {
  auto put = [&to](std::uint32_t byte) { *to++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return to;
}

constexpr std::uint32_t kReplacement = 0xFFFD;
bool is_high_surrogate(std::uint32_t code) noexcept { return code >= 0xD800 && code < 0xDC00; }
bool is_low_surrogate(std::uint32_t code) noexcept { return code >= 0xDC00 && code < 0xE000; }

// Decodes the \uXXXX at `from` (its backslash), with the second half of a surrogate pair if there
// is one; returns where the text goes on.
const char* decode_unicode(const char* from, const char* end, char*& to) noexcept {
  std::uint32_t code = read_hex4(from + 2);
  from += 6;
  if (is_high_surrogate(code) && end - from >= 6 && from[0] == '\\' && from[1] == 'u' &&
      is_low_surrogate(read_hex4(from + 2))) {
    code = 0x10000 + ((code - 0xD800) << 10) + (read_hex4(from + 2) - 0xDC00);
    from += 6;
  } else if (is_high_surrogate(code) || is_low_surrogate(code)) {
    code = kReplacement;
  }
  to = put_utf8(to, code);
  return from;
}

char decode_short_escape(char c) noexcept {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;  // quote, backslash, slash
  }
}

}  // namespace

std::size_t JsonString::decode(char* to) const noexcept {
  if (!escaped) return raw.copy(to, raw.size());
  char* begin = to;
  const char* end = raw.data() + raw.size();
  for (const char* from = raw.data(); from != end;) {
    const std::size_t left = static_cast<std::size_t>(end - from);
    if (*from != '\\') {
      const void* next = std::memchr(from, '\\', left);
      const std::size_t plain =
          next == nullptr ? left : static_cast<std::size_t>(static_cast<const char*>(next) - from);
      std::memcpy(to, from, plain);
      to += plain;
      from += plain;
    } else if (from[1] == 'u') {
      from = decode_unicode(from, end, to);
    } else {
      *to++ = decode_short_escape(from[1]);
      from += 2;
    }
  }
  return static_cast<std::size_t>(to - begin);
}

std::string JsonString::text() const {
  std::string decoded(raw.size(), '\0');
  decoded.resize(decode(decoded.data()));
  return decoded;
}

JsonReader::Kind JsonReader::peek() noexcept {
  skip_space();
  if (at_ == end_) return Kind::none;
  switch (*at_) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      return *at_ == '-' || is_digit(*at_) ? Kind::number : Kind::none;
  }
}

bool JsonReader::enter_object() noexcept {
  first_ = true;
  return take('{');
}

bool JsonReader::read_escaped(JsonString& out, const char* escape) noexcept {
  const char* const begin = at_;
  at_ = escape;
  out.escaped = true;
  while (at_ != end_) {
    if (*at_ == '"') {
      out.raw = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
      ++at_;
      return true;
    }
    if (!check_escape()) break;
    at_ = find_quote_or_backslash(at_, end_);
  }
  fail();
  return false;
}

bool JsonReader::check_escape() noexcept {
  if (end_ - at_ < 2) return false;
  char kind = at_[1];
  if (kind == 'u') {
    if (end_ - at_ < 6) return false;
    for (int i = 2; i < 6; ++i) {
      if (hex_value(at_[i]) < 0) return false;
    }
    at_ += 6;
    return true;
  }
  at_ += 2;
  return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
}

void JsonReader::skip_digits() noexcept {
  if (at_ == end_ || !is_digit(*at_)) return fail();
  while (at_ != end_ && is_digit(*at_)) ++at_;
}

bool JsonReader::read_number(std::string_view& out) noexcept {
  skip_space();
  const char* begin = at_;
  if (at_ != end_ && *at_ == '-') ++at_;
  skip_digits();
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    skip_digits();
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    skip_digits();
  }
  out = ok_ ? std::string_view(begin, static_cast<std::size_t>(at_ - begin)) : std::string_view();
  return ok_;
}

bool JsonReader::read_word(std::string_view word) noexcept {
  skip_space();
  if (static_cast<std::size_t>(end_ - at_) < word.size() ||
      std::string_view(at_, word.size()) != word) {
    fail();
    return false;
  }
  at_ += word.size();
  return true;
}

bool JsonReader::read_boolean(std::string_view& out) noexcept {
  skip_space();
  const std::string_view word = at_ != end_ && *at_ == 't' ? "true" : "false";
  if (!read_word(word)) return false;
  out = std::string_view(at_ - word.size(), word.size());
  return true;
}

void JsonReader::skip_value(int depth) noexcept {
  if (depth > kMaxDepth) return fail();
  JsonString text;
  std::string_view word;
  switch (peek()) {
    case Kind::object:
      enter_object();
      while (next_key(text)) skip_value(depth + 1);
      break;
    case Kind::array:
      first_ = true;
      ++at_;
      while (take_separator(']')) skip_value(depth + 1);
      break;
    case Kind::string:
      read_string(text);
      break;
    case Kind::number:
      read_number(word);
      break;
    case Kind::boolean:
      read_boolean(word);
      break;
    case Kind::null:
      read_null();
      break;
    case Kind::none:
      fail();
  }
}

}  // namespace comet::inline v0_1::remoting
