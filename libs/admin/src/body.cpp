#include "body.hpp"

#include <algorithm>
#include <cmath>

#include "comet/admin/cluster.hpp"
#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::admin::body {

Result<json::object> read_object(std::string_view text) {
  if (text.size() > kMaxBodySize) return BodyErrc::malformed;
  Result<json::value> value = parse_json(text);
  if (!value) return value.error();
  if (!value->is_object()) return BodyErrc::malformed;
  return std::move(value->get_object());
}

std::int32_t get_int32(const json::object& object, std::string_view key, std::int32_t otherwise) {
  using Limits = std::numeric_limits<std::int32_t>;
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(get_int(object, key, otherwise), Limits::min(), Limits::max()));
}

double get_double(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return 0;
  double number = 0;
  if (value->is_number()) {
    number = value->to_number<double>();
  } else if (const json::string* text = value->if_string()) {
    number = parse_number<double>(*text).value_or(0);
  }
  return std::isfinite(number) ? number : 0;
}

const json::object& get_object(const json::object& object, std::string_view key, bool& ok) {
  static const json::object& none = *new json::object();
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return none;
  if (const json::object* found = value->if_object()) return *found;
  ok = false;
  return none;
}

const json::array& get_array(const json::object& object, std::string_view key, bool& ok) {
  static const json::array& none = *new json::array();
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return none;
  if (const json::array* found = value->if_array()) return *found;
  ok = false;
  return none;
}

MessageQueue read_queue(const json::object& object) {
  return MessageQueue(get_string(object, "topic"), get_string(object, "brokerName"),
                      get_int32(object, "queueId"));
}

Result<MessageQueue> parse_queue_key(std::string_view key) {
  Result<json::object> object = read_object(key);
  if (!object) return object.error();
  return read_queue(*object);
}

std::vector<std::string> read_strings(const json::array& array, bool& ok) {
  std::vector<std::string> result;
  result.reserve(array.size());
  for (const json::value& item : array) {
    if (const json::string* text = item.if_string()) {
      result.emplace_back(*text);
    } else {
      ok = false;
    }
  }
  return result;
}

std::map<std::string, std::string> read_texts(const json::object& object) {
  std::map<std::string, std::string> result;
  for (const auto& member : object) {
    result.emplace(member.key(), get_string(object, member.key()));
  }
  return result;
}

}  // namespace comet::inline v0_1::admin::body
