#include "comet/base/json.hpp"

#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "comet/base/body_error.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/base/utf8.hpp"

namespace comet::inline v0_1 {
namespace {

Result<boost::json::value> parse_standard(std::string_view json) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  error_code error;
  boost::json::value value = boost::json::parse(json, error, {}, options);
  if (error == boost::json::error::too_deep) return BodyErrc::too_deep;
  if (error) return error;
  return value;
}

void append_unicode_escape(std::string& out, char32_t unit) {
  constexpr char kHex[] = "0123456789ABCDEF";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 15];
}

void append_ascii(std::string& out, char32_t code_point) {
  if (code_point < 0x10000) {
    append_unicode_escape(out, code_point);
  } else {  // as UTF-16 does it
    append_unicode_escape(out, 0xD800 + ((code_point - 0x10000) >> 10));
    append_unicode_escape(out, 0xDC00 + ((code_point - 0x10000) & 0x3FF));
  }
}

// For the characters that JSON does not allow in a string as they are.
void append_special(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      append_unicode_escape(out, static_cast<unsigned char>(c));
  }
}

bool stands_for_itself(char c) noexcept {
  return c >= 0x20 && c != '"' && c != '\\' && static_cast<unsigned char>(c) < 0x80;
}

std::int64_t saturate(double number) noexcept {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (std::isnan(number)) return 0;
  if (number >= kLimit) return std::numeric_limits<std::int64_t>::max();
  if (number < -kLimit) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(number);
}

bool is_true(std::string_view text) noexcept {
  return text.size() == 4 && (text[0] | 0x20) == 't' && (text[1] | 0x20) == 'r' &&
         (text[2] | 0x20) == 'u' && (text[3] | 0x20) == 'e';
}

}  // namespace

// Most text is standard JSON already; the rewriting is for the rest.
Result<boost::json::value> parse_json(std::string_view json) {
  Result<boost::json::value> value = parse_standard(json);
  if (value || value.error() == BodyErrc::too_deep) return value;
  const std::string quoted = quote_keys(json);
  if (quoted == json) return value;
  return parse_standard(quoted);
}

void append_json_string(std::string& out, std::string_view text, JsonCharset charset) {
  out += '"';
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && stands_for_itself(text[plain])) ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;

    const std::size_t size = utf8_character_size(text);
    if (size == 1) {
      append_special(out, text[0]);
    } else if (charset == JsonCharset::ascii) {
      append_ascii(out, size == 0 ? U'\uFFFD' : utf8_code_point(text.substr(0, size)));
    } else {
      out += size == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out += '"';
}

void append_java_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  const double size = std::fabs(number);
  // Java's bounds for the plain form.
  const bool is_plain = size == 0 || (size >= 1e-3 && size < 1e7);
  char text[64];
  const auto [end, error] =
      std::to_chars(text, text + sizeof text, number,
                    is_plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string_view digits(text, static_cast<std::size_t>(end - text));
  if (is_plain) {
    out += digits;
    if (digits.find('.') == std::string_view::npos) out += ".0";
    return;
  }
  const std::size_t e = digits.find('e');
  const std::string_view mantissa = digits.substr(0, e);
  std::string_view exponent = digits.substr(e + 1);
  out += mantissa;
  if (mantissa.find('.') == std::string_view::npos) out += ".0";
  out += 'E';
  if (exponent.front() == '-') out += '-';
  exponent.remove_prefix(1);
  while (exponent.size() > 1 && exponent.front() == '0') exponent.remove_prefix(1);
  out += exponent;
}

std::int64_t get_int(const boost::json::object& object, std::string_view key,
                     std::int64_t otherwise) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr) return otherwise;
  switch (value->kind()) {
    case boost::json::kind::int64:
      return value->get_int64();
    case boost::json::kind::uint64:
      return std::numeric_limits<std::int64_t>::max();  // only kept for what int64 cannot hold
    case boost::json::kind::double_:
      return saturate(value->get_double());
    case boost::json::kind::string:
      return parse_number<std::int64_t>(value->get_string()).value_or(otherwise);
    default:
      return otherwise;
  }
}

bool get_bool(const boost::json::object& object, std::string_view key, bool otherwise) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr) return otherwise;
  if (const bool* flag = value->if_bool()) return *flag;
  if (const boost::json::string* text = value->if_string()) return is_true(*text);
  if (value->is_number()) return get_int(object, key, 0) != 0;
  return otherwise;
}

std::string get_string(const boost::json::object& object, std::string_view key,
                       std::string_view otherwise) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr) return std::string(otherwise);
  if (const boost::json::string* text = value->if_string()) return std::string(*text);
  if (const bool* flag = value->if_bool()) return *flag ? "true" : "false";
  if (const std::int64_t* number = value->if_int64()) return std::to_string(*number);
  if (const std::uint64_t* number = value->if_uint64()) return std::to_string(*number);
  return std::string(otherwise);
}

}  // namespace comet::inline v0_1
