#include "sql_lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "comet/base/printable.hpp"
#include "comet/filter/sql_filter.hpp"

namespace comet::inline v0_1::filter {
namespace {

constexpr std::size_t kMostShown = 40;  // bytes of a word in a complaint

struct Keyword {
  std::string_view word;
  SqlToken token;
};
constexpr std::array kKeywords{
    Keyword{"NOT", SqlToken::kw_not},
    Keyword{"AND", SqlToken::kw_and},
    Keyword{"OR", SqlToken::kw_or},
    Keyword{"BETWEEN", SqlToken::kw_between},
    Keyword{"IN", SqlToken::kw_in},
    Keyword{"IS", SqlToken::kw_is},
    Keyword{"NULL", SqlToken::kw_null},
    Keyword{"TRUE", SqlToken::kw_true},
    Keyword{"FALSE", SqlToken::kw_false},
    Keyword{"CONTAINS", SqlToken::kw_contains},
    Keyword{"STARTSWITH", SqlToken::kw_startswith},
    Keyword{"ENDSWITH", SqlToken::kw_endswith},
};

bool is_name_start(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}
bool is_name_part(char c) noexcept { return is_name_start(c) || is_digit(c); }
bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

SqlToken keyword_or_name(std::string_view word) noexcept {
  for (const Keyword& keyword : kKeywords) {
    if (std::equal(word.begin(), word.end(), keyword.word.begin(), keyword.word.end(),
                   [](char a, char b) { return upper(a) == b; })) {
      return keyword.token;
    }
  }
  return SqlToken::name;
}

}  // namespace

SqlLexer::SqlLexer(std::string_view expression) : expression_(expression) { read_word(); }

void SqlLexer::next() {
  begin_ += word_.size();
  read_word();
}

std::string SqlLexer::described() const {
  if (token_ == SqlToken::end) return "the end";
  const std::string_view shown = word_.substr(0, kMostShown);
  return fmt::format("'{}{}'", printable(shown), shown.size() < word_.size() ? "..." : "");
}

std::string SqlLexer::text() const {
  std::string value;
  value.reserve(word_.size());
  for (std::size_t i = 1; i + 1 < word_.size(); ++i) {
    if (word_[i] == '\'') ++i;  // '' is one '
    value += word_[i];
  }
  return value;
}

SqlValue SqlLexer::number() const {
  if (token_ == SqlToken::real) return to_number(word_);
  std::string_view digits = word_;
  if (digits.back() == 'l' || digits.back() == 'L') digits.remove_suffix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc()) {
    throw SqlSyntaxError(position(), fmt::format("{} is beyond 9223372036854775807", described()));
  }
  return SqlValue::of(value);
}

void SqlLexer::take(SqlToken token, std::size_t size) noexcept {
  token_ = token;
  word_ = expression_.substr(begin_, size);
}

void SqlLexer::skip_blanks() {
  while (begin_ < expression_.size() && (is_blank(expression_[begin_]) || skip_comment())) {
    if (is_blank(expression_[begin_])) ++begin_;
  }
}

// Leaves `begin_` at the comment's last byte, which counts as a blank, or behind it.
bool SqlLexer::skip_comment() {
  const std::string_view rest = expression_.substr(begin_);
  if (rest.starts_with("--")) {
    begin_ += std::min(rest.find_first_of("\r\n"), rest.size());
    return begin_ < expression_.size();
  }
  if (!rest.starts_with("/*")) return false;
  const std::size_t end = rest.find("*/", 2);
  if (end == std::string_view::npos) {
    throw SqlSyntaxError(begin_ + 1, "the comment has no end; '*/' is missing");
  }
  begin_ += end + 2;
  return begin_ < expression_.size();
}

void SqlLexer::read_word() {
  skip_blanks();
  if (begin_ == expression_.size()) return take(SqlToken::end, 0);
  const std::string_view rest = expression_.substr(begin_);
  const char first = rest.front();
  if (is_name_start(first)) {
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_name_part);
    const auto size = static_cast<std::size_t>(end - rest.begin());
    return take(keyword_or_name(rest.substr(0, size)), size);
  }
  if (first == '\'') return read_text();
  if (is_digit(first) || (first == '.' && rest.size() > 1 && is_digit(rest[1]))) {
    return read_number();
  }
  read_symbol();
}

void SqlLexer::read_text() {
  const std::string_view rest = expression_.substr(begin_);
  std::size_t end = 1;
  while (true) {
    end = rest.find('\'', end);
    if (end == std::string_view::npos) {
      throw SqlSyntaxError(begin_ + 1, "the text has no end; a ' is missing");
    }
    ++end;
    if (end == rest.size() || rest[end] != '\'') break;
    ++end;
  }
  take(SqlToken::text, end);
}

void SqlLexer::read_number() {
  const std::string_view rest = expression_.substr(begin_);
  const auto digits_from = [rest](std::size_t at) {
    while (at < rest.size() && is_digit(rest[at])) ++at;
    return at;
  };
  std::size_t end = digits_from(0);
  bool is_real = false;
  if (end < rest.size() && rest[end] == '.') {
    is_real = true;
    end = digits_from(end + 1);
  }
  if (end < rest.size() && upper(rest[end]) == 'E') {
    std::size_t digits = end + 1;
    if (digits < rest.size() && (rest[digits] == '+' || rest[digits] == '-')) ++digits;
    if (const std::size_t behind = digits_from(digits); behind > digits) {
      is_real = true;
      end = behind;
    }
  }
  if (!is_real && end < rest.size() && upper(rest[end]) == 'L') ++end;
  take(is_real ? SqlToken::real : SqlToken::integer, end);
}

void SqlLexer::read_symbol() {
  const std::string_view rest = expression_.substr(begin_);
  if (rest.starts_with("<>")) return take(SqlToken::not_equal, 2);
  if (rest.starts_with("<=")) return take(SqlToken::less_equal, 2);
  if (rest.starts_with(">=")) return take(SqlToken::greater_equal, 2);
  switch (rest.front()) {
    case '=':
      return take(SqlToken::equal, 1);
    case '<':
      return take(SqlToken::less, 1);
    case '>':
      return take(SqlToken::greater, 1);
    case '+':
      return take(SqlToken::plus, 1);
    case '-':
      return take(SqlToken::minus, 1);
    case ',':
      return take(SqlToken::comma, 1);
    case '(':
      return take(SqlToken::open, 1);
    case ')':
      return take(SqlToken::close, 1);
    default:
      break;
  }
  throw SqlSyntaxError(begin_ + 1, fmt::format("'{}' means nothing here; text is written 'so'",
                                               printable(rest.substr(0, 1))));
}

}  // namespace comet::inline v0_1::filter
