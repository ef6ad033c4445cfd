#pragma once
// Values of SQL92 expressions and how they compare.

#include <cstdint>
#include <optional>
#include <string_view>

namespace comet::inline v0_1::filter {

inline bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

enum class SqlType : std::uint8_t {
  null,    // absent, or unknown
  failed,  // the comparison makes no sense; nothing that it is part of matches
  boolean,
  integer,
  real,
  text,
};

class SqlValue {
 public:
  SqlType type = SqlType::null;
  union {
    bool boolean;
    std::int64_t integer;
    double real;
  };
  std::string_view text;

  SqlValue() noexcept : integer(0) {}
  static SqlValue failure() noexcept { return SqlValue(SqlType::failed); }
  static SqlValue of(bool value) noexcept {
    SqlValue made(SqlType::boolean);
    made.boolean = value;
    return made;
  }
  static SqlValue of(std::int64_t value) noexcept {
    SqlValue made(SqlType::integer);
    made.integer = value;
    return made;
  }
  static SqlValue of(double value) noexcept {
    SqlValue made(SqlType::real);
    made.real = value;
    return made;
  }
  static SqlValue of(std::string_view value) noexcept {
    SqlValue made(SqlType::text);
    made.text = value;
    return made;
  }
  [[nodiscard]] bool is_true() const noexcept { return type == SqlType::boolean && boolean; }
  [[nodiscard]] bool is_false() const noexcept { return type == SqlType::boolean && !boolean; }
  [[nodiscard]] bool is_number() const noexcept {
    return type == SqlType::integer || type == SqlType::real;
  }

 private:
  explicit SqlValue(SqlType made) noexcept : type(made), integer(0) {}
};

// A number as Java writes or takes it: sign, digits, fraction, exponent, f or d behind it, NaN,
// Infinity; blanks around it. As an integer where it is one of 64 bits. Null for other text.
[[nodiscard]] SqlValue to_number(std::string_view text) noexcept;

// Negative, 0 or positive as a is less than, equal to or greater than b. Text is converted to the
// type of what it is compared with. Nothing when it cannot be, or when the types have no order
// between them. NaN is equal to itself and greater than all, as in Java.
[[nodiscard]] std::optional<int> compare(const SqlValue& a, const SqlValue& b) noexcept;

// The same for <, <=, >, >=, which compare numbers only: text on both sides is converted, too.
[[nodiscard]] std::optional<int> compare_order(const SqlValue& a, const SqlValue& b) noexcept;

}  // namespace comet::inline v0_1::filter
