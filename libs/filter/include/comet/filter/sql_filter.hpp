#pragma once
// SQL92 expressions over message properties, by which consumers choose messages (Apache:
// org.apache.rocketmq.filter). A language of comparisons: = <> < <= > >=, BETWEEN, IN, IS NULL,
// CONTAINS, STARTSWITH, ENDSWITH, NOT, AND, OR, parentheses; 'text', numbers, TRUE, FALSE, NULL;
// comments -- and /* */. docs/filter.md describes it.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::filter {

// What is wrong with an expression and where. what() reads
// "SQL92 expression, character 7: a value or a property is missing before ')'".
class SqlSyntaxError : public Error {
 public:
  SqlSyntaxError(std::size_t position, const std::string& complaint);
  // Of the offending word; counted in bytes from 1, one behind the last byte for the end.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

 private:
  std::size_t position_;
};

// A compiled expression. Copies share it; thread-safe, as it never changes.
class SqlFilter {
 public:
  // Limits, lest an expression exhaust the stack or the time of a broker.
  static constexpr std::size_t kMaxSize = 64 * 1024;
  static constexpr std::size_t kMaxDepth = 200;
  static constexpr std::size_t kMaxProperties = 1000;

  // Throws SqlSyntaxError.
  [[nodiscard]] static SqlFilter compile(std::string_view expression);

  // Whether the message with these properties (their string form, comet/message/properties.hpp)
  // is wanted. An expression that is neither true nor false for it, because a property is absent,
  // or that compares what cannot be compared, says no. Allocates nothing unless the expression
  // names more than 16 properties.
  [[nodiscard]] bool matches(std::string_view properties) const noexcept;

  [[nodiscard]] const std::string& expression() const noexcept;

  class Program;  // of the inside

 private:
  explicit SqlFilter(std::shared_ptr<const Program> program) noexcept;
  std::shared_ptr<const Program> program_;
};

}  // namespace comet::inline v0_1::filter
