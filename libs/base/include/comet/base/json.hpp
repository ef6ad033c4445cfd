#pragma once
// JSON as Java's fastjson writes and reads it.

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {

// Rewrites fastjson's dialect into standard JSON: integer keys {0:"a"} and object keys
// {{"k":1}:2} become string keys holding the number or the object's text. Standard JSON passes
// unchanged. Malformed input comes out malformed: the parser says what is wrong.
[[nodiscard]] std::string quote_keys(std::string_view json);

// Nesting beyond this is refused.
inline constexpr std::size_t kMaxJsonDepth = 32;

// Standard JSON or fastjson's dialect.
[[nodiscard]] Result<boost::json::value> parse_json(std::string_view json);

enum class JsonCharset {
  utf8,   // non-ASCII text as it is
  ascii,  // non-ASCII text as \uXXXX (fastjson: BrowserCompatible)
};
// Appends `text` as a JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD, so the
// result is always valid.
void append_json_string(std::string& out, std::string_view text,
                        JsonCharset charset = JsonCharset::utf8);

// Appends a number as Java's Double.toString writes it: 0.0, 12.5, 1.0E7; null for what is none.
void append_java_double(std::string& out, double number);

// Members as Java reads them: a number may be given as text and the other way round; absent, null
// or of another type: the default. Numbers beyond the type's range are brought to its nearest end.
[[nodiscard]] std::int64_t get_int(const boost::json::object& object, std::string_view key,
                                   std::int64_t otherwise);
[[nodiscard]] bool get_bool(const boost::json::object& object, std::string_view key,
                            bool otherwise);
[[nodiscard]] std::string get_string(const boost::json::object& object, std::string_view key,
                                     std::string_view otherwise = {});

}  // namespace comet::inline v0_1
