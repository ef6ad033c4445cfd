#include "comet/filter/sql_filter.hpp"

#include <fmt/format.h>

#include "sql_parser.hpp"
#include "sql_program.hpp"

namespace comet::inline v0_1::filter {

SqlSyntaxError::SqlSyntaxError(std::size_t position, const std::string& complaint)
    : Error(make_error_code(BaseErrc::bad_value),
            fmt::format("SQL92 expression, character {}: {}", position, complaint)),
      position_(position) {}

SqlFilter::SqlFilter(std::shared_ptr<const Program> program) noexcept
    : program_(std::move(program)) {}

SqlFilter SqlFilter::compile(std::string_view expression) {
  if (expression.size() > kMaxSize) {
    throw SqlSyntaxError(kMaxSize + 1, fmt::format("longer than {} bytes", kMaxSize));
  }
  auto program = std::make_shared<Program>(expression);
  SqlParser(*program).parse();
  return SqlFilter(std::move(program));
}

bool SqlFilter::matches(std::string_view properties) const noexcept {
  try {
    return program_->matches(properties);
  } catch (const std::bad_alloc&) {
    return false;
  }
}

const std::string& SqlFilter::expression() const noexcept { return program_->expression; }

}  // namespace comet::inline v0_1::filter
