#include "sql_parser.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace comet::inline v0_1::filter {

// Counts the levels of parentheses and signs.
class SqlParser::Depth {
 public:
  explicit Depth(SqlParser& parser) : depth_(parser.depth_) {
    if (depth_ >= SqlFilter::kMaxDepth) {
      parser.fail(fmt::format("nested more than {} times", SqlFilter::kMaxDepth));
    }
    ++depth_;
  }
  ~Depth() { --depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  std::size_t& depth_;
};

SqlParser::SqlParser(SqlFilter::Program& program) : program_(program), lexer_(program.expression) {}

void SqlParser::parse() {
  const Index root = parse_or();
  if (!is_at(SqlToken::end)) {
    fail(fmt::format("AND, OR, a comparison or the end is expected before {}", lexer_.described()));
  }
  program_.root = as_truth(root, 1);
}

// --- the grammar ---

SqlParser::Index SqlParser::parse_or() {
  return parse_chain(SqlToken::kw_or, SqlOp::logical_or, &SqlParser::parse_and);
}

SqlParser::Index SqlParser::parse_and() {
  return parse_chain(SqlToken::kw_and, SqlOp::logical_and, &SqlParser::parse_equality);
}

SqlParser::Index SqlParser::parse_chain(SqlToken separator, SqlOp op,
                                        Index (SqlParser::*parse_link)()) {
  const std::size_t at = lexer_.position();
  const Index first = (this->*parse_link)();
  if (!is_at(separator)) return first;
  std::vector<Index> links{as_truth(first, at)};
  while (take(separator)) {
    const std::size_t link_at = lexer_.position();
    links.push_back(as_truth((this->*parse_link)(), link_at));
  }
  Index chain = links.back();
  for (auto link = links.rbegin() + 1; link != links.rend(); ++link) chain = add(op, *link, chain);
  return chain;
}

SqlParser::Index SqlParser::parse_equality() {
  const std::size_t at = lexer_.position();
  Index left = parse_comparison();
  while (true) {
    if (take(SqlToken::equal)) {
      left = add_equal(left, parse_comparison(), at);
    } else if (take(SqlToken::not_equal)) {
      left = add_not(add_equal(left, parse_comparison(), at));
    } else if (take(SqlToken::kw_is)) {
      const bool is_negated = take(SqlToken::kw_not);
      expect(SqlToken::kw_null, is_negated ? "NULL after IS NOT" : "NULL or NOT NULL after IS");
      left = add(SqlOp::is_null, left);
      if (is_negated) left = add_not(left);
    } else {
      return left;
    }
  }
}

SqlParser::Index SqlParser::parse_comparison() {
  const std::size_t at = lexer_.position();
  Index left = parse_unary();
  while (true) {
    if (take(SqlToken::less)) {
      left = add_order(SqlOp::less, left, parse_unary(), at);
    } else if (take(SqlToken::less_equal)) {
      left = add_order(SqlOp::less_equal, left, parse_unary(), at);
    } else if (take(SqlToken::greater)) {
      left = add_order(SqlOp::greater, left, parse_unary(), at);
    } else if (take(SqlToken::greater_equal)) {
      left = add_order(SqlOp::greater_equal, left, parse_unary(), at);
    } else if (take(SqlToken::kw_between)) {
      left = parse_between(left, false);
    } else if (take(SqlToken::kw_in)) {
      left = parse_in(left, false);
    } else if (take(SqlToken::kw_contains)) {
      left = parse_part_of_text(left, SqlOp::contains);
    } else if (take(SqlToken::kw_startswith)) {
      left = parse_part_of_text(left, SqlOp::starts_with);
    } else if (take(SqlToken::kw_endswith)) {
      left = parse_part_of_text(left, SqlOp::ends_with);
    } else if (take(SqlToken::kw_not)) {
      left = parse_not_comparison(left);
    } else {
      return left;
    }
  }
}

SqlParser::Index SqlParser::parse_not_comparison(Index left) {
  if (take(SqlToken::kw_between)) return parse_between(left, true);
  if (take(SqlToken::kw_in)) return parse_in(left, true);
  if (take(SqlToken::kw_contains)) return parse_part_of_text(left, SqlOp::not_contains);
  if (take(SqlToken::kw_startswith)) return parse_part_of_text(left, SqlOp::not_starts_with);
  if (take(SqlToken::kw_endswith)) return parse_part_of_text(left, SqlOp::not_ends_with);
  fail(fmt::format("BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH is expected after NOT, not {}",
                   lexer_.described()));
}

SqlParser::Index SqlParser::parse_between(Index left, bool is_negated) {
  const std::size_t low_at = lexer_.position();
  const Index low = parse_unary();
  expect(SqlToken::kw_and, "AND between the bounds of BETWEEN");
  const std::size_t high_at = lexer_.position();
  const Index high = parse_unary();
  check_order_operand(low, low_at);
  check_order_operand(high, high_at);
  check_order_operand(left, low_at);
  if (is_constant(low) && is_constant(high)) {
    const auto order = compare(program_.nodes[low].value, program_.nodes[high].value);
    if (!is_negated && order && *order > 0) {
      throw SqlSyntaxError(low_at, "the bounds of BETWEEN are in the wrong order");
    }
    if (order && *order <= 0) {
      const Index between = add(SqlOp::between, left, add(SqlOp::bounds, low, high));
      return is_negated ? add_not(between) : between;
    }
  }
  if (is_negated) {
    const Index below = add(SqlOp::less, left, low);
    return add(SqlOp::logical_or, below, add(SqlOp::greater, left, high));
  }
  const Index above = add(SqlOp::greater_equal, left, low);
  return add(SqlOp::logical_and, above, add(SqlOp::less_equal, left, high));
}

SqlParser::Index SqlParser::parse_in(Index left, bool is_negated) {
  if (program_.nodes[left].op != SqlOp::property) fail("only a property can be IN a list");
  expect(SqlToken::open, "'(' after IN");
  std::vector<std::string> list;
  do {
    list.push_back(expect_text("in the list of IN"));
  } while (take(SqlToken::comma));
  expect(SqlToken::close, "',' or ')' in the list of IN");
  std::sort(list.begin(), list.end());
  program_.lists.push_back(std::move(list));
  return add(is_negated ? SqlOp::not_in : SqlOp::in, left,
             static_cast<Index>(program_.lists.size() - 1));
}

SqlParser::Index SqlParser::parse_part_of_text(Index left, SqlOp op) {
  std::string text = expect_text("after CONTAINS, STARTSWITH and ENDSWITH");
  const Index index = add(op, left);
  program_.nodes[index].value =
      SqlValue::of(std::string_view(program_.texts.emplace_back(std::move(text))));
  return index;
}

SqlParser::Index SqlParser::parse_unary() {
  const Depth depth(*this);
  if (take(SqlToken::plus)) return parse_unary();
  if (take(SqlToken::minus)) return parse_negation();
  if (take(SqlToken::kw_not)) {
    const std::size_t at = lexer_.position();
    return add_not(as_truth(parse_unary(), at));
  }
  return parse_primary();
}

// Only numbers can be negated; of all else the negative is unknown.
SqlParser::Index SqlParser::parse_negation() {
  const Index operand = parse_unary();
  if (is_truth(operand)) fail("a truth value has no negative");
  const SqlNode& node = program_.nodes[operand];
  SqlValue negative;
  if (node.op == SqlOp::constant && node.value.type == SqlType::integer) {
    negative = SqlValue::of(-node.value.integer);
  } else if (node.op == SqlOp::constant && node.value.type == SqlType::real) {
    negative = SqlValue::of(-node.value.real);
  } else {
    fail("only a number has a negative");
  }
  return add_constant(negative);
}

SqlParser::Index SqlParser::parse_primary() {
  Index index = 0;
  switch (lexer_.token()) {
    case SqlToken::text:
      index = add_text(lexer_.text());
      break;
    case SqlToken::integer:
    case SqlToken::real:
      index = add_constant(lexer_.number());
      break;
    case SqlToken::kw_true:
      index = add_constant(SqlValue::of(true));
      break;
    case SqlToken::kw_false:
      index = add_constant(SqlValue::of(false));
      break;
    case SqlToken::kw_null:
      index = add_constant({});
      break;
    case SqlToken::name:
      index = add_property(lexer_.word());
      break;
    case SqlToken::open:
      lexer_.next();
      index = parse_or();
      if (!is_at(SqlToken::close))
        fail(fmt::format("')' is missing before {}", lexer_.described()));
      break;
    default:
      fail(fmt::format("a property, text, a number or '(' is missing before {}",
                       lexer_.described()));
  }
  lexer_.next();
  return index;
}

// --- nodes ---

std::uint32_t SqlParser::height_of(SqlOp op, Index left, Index right) const {
  const std::vector<SqlNode>& nodes = program_.nodes;
  switch (op) {
    case SqlOp::constant:
    case SqlOp::property:
    case SqlOp::bounds:
      return 1;
    case SqlOp::logical_and:
    case SqlOp::logical_or:
      return std::max(nodes[left].height + 1,
                      nodes[right].height + (nodes[right].op == op ? 0 : 1));
    case SqlOp::equal:
    case SqlOp::less:
    case SqlOp::less_equal:
    case SqlOp::greater:
    case SqlOp::greater_equal:
      return std::max(nodes[left].height, nodes[right].height) + 1;
    default:
      return nodes[left].height + 1;
  }
}

SqlParser::Index SqlParser::add(SqlOp op, Index left, Index right) {
  const std::uint32_t height = height_of(op, left, right);
  if (height > kMaxHeight) fail(fmt::format("more than {} comparisons in one", kMaxHeight));
  SqlNode& node = program_.nodes.emplace_back();
  node.height = height;
  node.op = op;
  node.left = left;
  node.right = right;
  return static_cast<Index>(program_.nodes.size() - 1);
}

SqlParser::Index SqlParser::add_constant(SqlValue value) {
  const Index index = add(SqlOp::constant);
  program_.nodes[index].value = value;
  return index;
}

SqlParser::Index SqlParser::add_text(std::string text) {
  return add_constant(SqlValue::of(std::string_view(program_.texts.emplace_back(std::move(text)))));
}

SqlParser::Index SqlParser::add_property(std::string_view name) {
  const Index number = program_.number_of(name);
  if (number >= SqlFilter::kMaxProperties) {
    fail(fmt::format("more than {} properties", SqlFilter::kMaxProperties));
  }
  return add(SqlOp::property, 0, number);
}

SqlParser::Index SqlParser::add_order(SqlOp op, Index left, Index right, std::size_t at) {
  check_order_operand(left, at);
  check_order_operand(right, at);
  return add(op, left, right);
}

SqlParser::Index SqlParser::add_equal(Index left, Index right, std::size_t at) {
  for (const Index operand : {left, right}) {
    if (is_constant(operand) && program_.nodes[operand].value.type == SqlType::null) {
      throw SqlSyntaxError(at, "nothing is equal to NULL; write IS NULL");
    }
  }
  const bool is_mixed =
      is_constant(left) && is_constant(right) && is_truth(left) != is_truth(right);
  if (is_mixed)
    throw SqlSyntaxError(at, "a truth value is compared with a constant of another kind");
  return add(SqlOp::equal, left, right);
}

bool SqlParser::is_constant(Index index) const {
  return program_.nodes[index].op == SqlOp::constant;
}

bool SqlParser::is_truth(Index index) const {
  const SqlNode& node = program_.nodes[index];
  if (node.op == SqlOp::property) return false;
  if (node.op != SqlOp::constant) return true;
  return node.value.type == SqlType::boolean || node.value.type == SqlType::null;
}

SqlParser::Index SqlParser::as_truth(Index index, std::size_t at) {
  if (is_truth(index)) return index;
  if (is_constant(index)) {
    throw SqlSyntaxError(at, "text or a number stands where a comparison is expected");
  }
  return add(SqlOp::never, index);
}

void SqlParser::check_order_operand(Index index, std::size_t at) const {
  const bool has_order = is_constant(index) ? program_.nodes[index].value.is_number()
                                            : program_.nodes[index].op == SqlOp::property;
  if (!has_order) throw SqlSyntaxError(at, "only numbers and properties have an order");
}

// --- words ---

bool SqlParser::take(SqlToken token) {
  if (!is_at(token)) return false;
  lexer_.next();
  return true;
}

void SqlParser::expect(SqlToken token, std::string_view what) {
  if (!take(token)) fail(fmt::format("{} is expected, not {}", what, lexer_.described()));
}

std::string SqlParser::expect_text(std::string_view where) {
  if (!is_at(SqlToken::text)) {
    fail(fmt::format("text in quotes is expected {}, not {}", where, lexer_.described()));
  }
  std::string text = lexer_.text();
  lexer_.next();
  return text;
}

void SqlParser::fail(const std::string& complaint) const {
  throw SqlSyntaxError(lexer_.position(), complaint);
}

}  // namespace comet::inline v0_1::filter
