#pragma once
// From the words of an SQL92 expression to its tree.

#include <cstdint>
#include <string>
#include <vector>

#include "sql_lexer.hpp"
#include "sql_program.hpp"

namespace comet::inline v0_1::filter {

// Recursive descent, a function for each rule of the grammar; what binds closer is called later:
// or, and, equality, comparison, unary, primary. Each returns the number of a node.
class SqlParser {
 public:
  // Fills the program, whose expression it reads.
  explicit SqlParser(SqlFilter::Program& program);
  // Throws SqlSyntaxError.
  void parse();

 private:
  using Index = std::uint32_t;
  class Depth;

  // Of evaluation, which recurs; chains of AND and OR do not count.
  static constexpr std::uint32_t kMaxHeight = 500;

  Index parse_or();
  Index parse_and();
  // Links with a separator between them; built to lean to the right.
  Index parse_chain(SqlToken separator, SqlOp op, Index (SqlParser::*parse_link)());
  Index parse_equality();
  Index parse_comparison();
  Index parse_not_comparison(Index left);
  Index parse_between(Index left, bool is_negated);
  Index parse_in(Index left, bool is_negated);
  Index parse_part_of_text(Index left, SqlOp op);
  Index parse_unary();
  Index parse_negation();
  Index parse_primary();

  [[nodiscard]] std::uint32_t height_of(SqlOp op, Index left, Index right) const;
  Index add(SqlOp op, Index left = 0, Index right = 0);
  Index add_constant(SqlValue value);
  Index add_text(std::string text);
  Index add_property(std::string_view name);
  Index add_not(Index operand) { return add(SqlOp::logical_not, operand); }
  Index add_order(SqlOp op, Index left, Index right, std::size_t at);
  Index add_equal(Index left, Index right, std::size_t at);

  [[nodiscard]] bool is_truth(Index index) const;
  [[nodiscard]] bool is_constant(Index index) const;
  // A property is taken for a truth value, with Apache's result: it never is one.
  Index as_truth(Index index, std::size_t at);
  void check_order_operand(Index index, std::size_t at) const;

  [[nodiscard]] bool is_at(SqlToken token) const noexcept { return lexer_.token() == token; }
  bool take(SqlToken token);
  void expect(SqlToken token, std::string_view what);
  std::string expect_text(std::string_view where);
  [[noreturn]] void fail(const std::string& complaint) const;

  SqlFilter::Program& program_;
  SqlLexer lexer_;
  std::size_t depth_ = 0;
};

}  // namespace comet::inline v0_1::filter
