#pragma once
// What the readers of answers' bodies share.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "comet/base/body_error.hpp"
#include "comet/base/error.hpp"
#include "comet/base/json.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1::admin::body {

namespace json = boost::json;

// The body's object, within kMaxBodySize.
[[nodiscard]] Result<json::object> read_object(std::string_view text);

// Brought to the nearest end of the range.
[[nodiscard]] std::int32_t get_int32(const json::object& object, std::string_view key,
                                     std::int32_t otherwise = 0);
// A number, also as text; NaN and infinities count as absent.
[[nodiscard]] double get_double(const json::object& object, std::string_view key);

// The member if it is an object or an array, else an empty one: absent and null mean the same.
// False in `ok` when it is there and of another kind.
[[nodiscard]] const json::object& get_object(const json::object& object, std::string_view key,
                                             bool& ok);
[[nodiscard]] const json::array& get_array(const json::object& object, std::string_view key,
                                           bool& ok);

[[nodiscard]] MessageQueue read_queue(const json::object& object);
// Of a map's key, which holds the object as text.
[[nodiscard]] Result<MessageQueue> parse_queue_key(std::string_view key);

// Reads a map that is keyed by queues: `read(value)` makes a Value of each member's JSON value, or
// sets its second argument to false.
template <class Value, class Read>
Result<std::map<MessageQueue, Value>> read_queue_map(const json::object& members, Read read) {
  std::map<MessageQueue, Value> result;
  for (const auto& member : members) {
    Result<MessageQueue> queue = parse_queue_key(member.key());
    if (!queue) return queue.error();
    bool ok = true;
    Value value = read(member.value(), ok);
    if (!ok) return BodyErrc::malformed;
    result.insert_or_assign(std::move(*queue), std::move(value));
  }
  return result;
}

// The strings of an array; false in `ok` when there is anything else.
[[nodiscard]] std::vector<std::string> read_strings(const json::array& array, bool& ok);
// The members as text.
[[nodiscard]] std::map<std::string, std::string> read_texts(const json::object& object);

}  // namespace comet::inline v0_1::admin::body
