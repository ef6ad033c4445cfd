// Expressions and the properties they are tried on: the first byte is the length of the properties,
// in fours.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "comet/filter/sql_filter.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace comet::filter;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view properties = text.substr(0, std::size_t{data[0]} * 4);
  const std::string_view expression = text.substr(properties.size());
  try {
    const SqlFilter filter = SqlFilter::compile(expression);
    (void)filter.matches(properties);
    (void)filter.matches(
        "a\x01"
        "1\x02TAGS\x01x\x02");
  } catch (const SqlSyntaxError& error) {
    if (error.position() == 0 || error.position() > expression.size() + 1) std::abort();
  }
  return 0;
}
