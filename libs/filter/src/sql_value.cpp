#include "sql_value.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::filter {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

// Beyond what a double holds: infinite or zero. Rare, hence the copy.
double extreme(std::string_view digits) noexcept {
  try {
    return std::strtod(std::string(digits).c_str(), nullptr);
  } catch (...) {
    return kInfinity;
  }
}

// Without a sign.
std::optional<double> parse_real(std::string_view text) noexcept {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return kInfinity;
  if (text.empty() || !(is_digit(text.front()) || text.front() == '.')) return std::nullopt;
  const char last = text.back();
  if (last == 'f' || last == 'F' || last == 'd' || last == 'D') text.remove_suffix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) {
    return std::nullopt;
  }
  return error == std::errc() ? number : extreme(text);
}

int order_of(double a, double b) noexcept {
  if (a < b) return -1;
  if (a > b) return 1;
  if (std::isnan(a) || std::isnan(b)) return int{std::isnan(a)} - int{std::isnan(b)};
  return int{std::signbit(b)} - int{std::signbit(a)};  // -0.0 is less than 0.0
}

template <class T>
int order_of(T a, T b) noexcept {
  return a < b ? -1 : int{b < a};
}

double as_real(const SqlValue& number) noexcept {
  return number.type == SqlType::integer ? static_cast<double>(number.integer) : number.real;
}

int order_of_numbers(const SqlValue& a, const SqlValue& b) noexcept {
  if (a.type == SqlType::integer && b.type == SqlType::integer) {
    return order_of(a.integer, b.integer);
  }
  return order_of(as_real(a), as_real(b));
}

bool is_word_true(std::string_view text) noexcept {
  return text.size() == 4 && (text[0] | 0x20) == 't' && (text[1] | 0x20) == 'r' &&
         (text[2] | 0x20) == 'u' && (text[3] | 0x20) == 'e';
}

// `text` as what `other` is; `other` is no text.
SqlValue converted(std::string_view text, const SqlValue& other) noexcept {
  if (other.is_number()) return to_number(text);
  if (other.type == SqlType::boolean) return SqlValue::of(is_word_true(text));
  return {};
}

std::optional<int> compare_same_kind(const SqlValue& a, const SqlValue& b) noexcept {
  if (a.is_number() && b.is_number()) return order_of_numbers(a, b);
  if (a.type == SqlType::boolean && b.type == SqlType::boolean)
    return order_of(a.boolean, b.boolean);
  return std::nullopt;
}

}  // namespace

SqlValue to_number(std::string_view text) noexcept {
  text = trim(text);
  const bool is_negative = text.starts_with('-');
  const std::string_view digits = is_negative || text.starts_with('+') ? text.substr(1) : text;
  if (digits.empty()) return {};
  if (is_digit(digits.front())) {
    const char* begin = is_negative ? text.data() : digits.data();
    const std::string_view whole(begin,
                                 static_cast<std::size_t>(text.data() + text.size() - begin));
    if (const auto integer = parse_number<std::int64_t>(whole)) return SqlValue::of(*integer);
  }
  const std::optional<double> real = parse_real(digits);
  if (!real) return {};
  return SqlValue::of(is_negative ? -*real : *real);
}

std::optional<int> compare(const SqlValue& a, const SqlValue& b) noexcept {
  if (a.type == SqlType::text && b.type == SqlType::text) return a.text.compare(b.text);
  if (a.type == SqlType::text) return compare_same_kind(converted(a.text, b), b);
  if (b.type == SqlType::text) return compare_same_kind(a, converted(b.text, a));
  return compare_same_kind(a, b);
}

std::optional<int> compare_order(const SqlValue& a, const SqlValue& b) noexcept {
  if (a.type == SqlType::text && b.type == SqlType::text) {
    return compare_same_kind(to_number(a.text), to_number(b.text));
  }
  return compare(a, b);
}

}  // namespace comet::inline v0_1::filter
