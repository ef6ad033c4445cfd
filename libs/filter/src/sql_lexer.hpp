#pragma once
// The words of an SQL92 expression.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sql_value.hpp"

namespace comet::inline v0_1::filter {

enum class SqlToken : std::uint8_t {
  end,
  name,     // of a property
  text,     // 'text'
  integer,  // 5, 5L
  real,     // 5.5, .5, 5E10
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  plus,
  minus,
  comma,
  open,
  close,
  kw_not,
  kw_and,
  kw_or,
  kw_between,
  kw_in,
  kw_is,
  kw_null,
  kw_true,
  kw_false,
  kw_contains,
  kw_startswith,
  kw_endswith,
};

// Reads word by word.
class SqlLexer {
 public:
  // `expression` must outlive it. Throws SqlSyntaxError for the first word, as next() does.
  explicit SqlLexer(std::string_view expression);

  [[nodiscard]] SqlToken token() const noexcept { return token_; }
  // As it is written.
  [[nodiscard]] std::string_view word() const noexcept { return word_; }
  // Of the word, counted from 1.
  [[nodiscard]] std::size_t position() const noexcept { return begin_ + 1; }
  void next();

  // "'>='", "the end": for complaints.
  [[nodiscard]] std::string described() const;

  // The value of a word that is text or a number. Throws SqlSyntaxError for an integer beyond 64
  // bits.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] SqlValue number() const;

 private:
  void skip_blanks();
  [[nodiscard]] bool skip_comment();
  void read_word();
  void read_text();
  void read_number();
  void read_symbol();
  void take(SqlToken token, std::size_t size) noexcept;

  std::string_view expression_;
  std::size_t begin_ = 0;
  std::string_view word_;
  SqlToken token_ = SqlToken::end;
};

}  // namespace comet::inline v0_1::filter
