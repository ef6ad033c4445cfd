#pragma once
// JSON members in the types that Java's classes give them.

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "comet/routing/json.hpp"

namespace comet::routing {

[[nodiscard]] inline std::int32_t get_int32(const boost::json::object& object, std::string_view key,
                                            std::int32_t otherwise) {
  const std::int64_t number = get_int(object, key, otherwise);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(
      number, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
}

// The strings of an array; other elements are passed over.
[[nodiscard]] inline std::vector<std::string> strings(const boost::json::array& array) {
  std::vector<std::string> all;
  for (const boost::json::value& element : array) {
    if (const boost::json::string* text = element.if_string()) all.emplace_back(*text);
  }
  return all;
}

}  // namespace comet::routing
