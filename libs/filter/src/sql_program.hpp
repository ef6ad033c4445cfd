#pragma once
// A parsed SQL92 expression: a tree whose nodes lie in one array.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comet/filter/sql_filter.hpp"
#include "sql_value.hpp"

namespace comet::inline v0_1::filter {

enum class SqlOp : std::uint8_t {
  constant,
  property,
  never,        // a property where a truth value is wanted: unknown when absent, else false
  logical_not,  // of `left`
  logical_and,
  logical_or,
  equal,
  less,
  less_equal,
  greater,
  greater_equal,
  between,  // `left` and `right`: bounds
  bounds,   // two constant numbers
  is_null,  // `left`
  in,       // `left` is a property; texts of `list`
  not_in,
  contains,  // `left`, the text `value`
  not_contains,
  starts_with,
  not_starts_with,
  ends_with,
  not_ends_with,
};

class SqlNode {
 public:
  SqlOp op = SqlOp::constant;
  std::uint32_t left = 0;    // of nodes
  std::uint32_t right = 0;   // of nodes; of a property: its number; of in: its list
  std::uint32_t height = 1;  // levels of evaluation below it, and its own
  SqlValue value;
};

class SqlFilter::Program {
 public:
  explicit Program(std::string_view text) : expression(text) {}

  // Of the property, which has a place among those that matches() looks for.
  [[nodiscard]] std::uint32_t number_of(std::string_view name);

  [[nodiscard]] bool matches(std::string_view message_properties) const;

  std::string expression;
  std::vector<SqlNode> nodes;
  std::uint32_t root = 0;
  std::vector<std::vector<std::string>> lists;  // sorted
  std::deque<std::string> texts;                // what constants view; stays where it is

 private:
  // Those that the message has not have no data.
  using Properties = std::span<const std::string_view>;

  void find_properties(std::string_view text, std::span<std::string_view> found) const noexcept;
  [[nodiscard]] SqlValue evaluate(std::uint32_t index, Properties properties) const noexcept;
  [[nodiscard]] SqlValue evaluate(const SqlNode& node, Properties properties) const noexcept;
  [[nodiscard]] SqlValue evaluate_logic(const SqlNode& first, Properties properties) const noexcept;
  [[nodiscard]] SqlValue evaluate_equal(const SqlNode& node, Properties properties) const noexcept;
  [[nodiscard]] SqlValue evaluate_order(const SqlNode& node, Properties properties) const noexcept;
  [[nodiscard]] SqlValue evaluate_between(const SqlNode& node,
                                          Properties properties) const noexcept;
  [[nodiscard]] SqlValue evaluate_text(const SqlNode& node, Properties properties) const noexcept;

  std::vector<std::string> names_;  // of properties
  std::uint64_t name_signs_ = 0;    // which names can be among them
};

}  // namespace comet::inline v0_1::filter
