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

#include "comet/base/json.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::routing {

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

[[nodiscard]] inline TopicQueueMapping read_queue_mapping(const boost::json::object& object) {
  TopicQueueMapping mapping;
  mapping.topic = get_string(object, "topic");
  mapping.scope = get_string(object, "scope");
  mapping.broker_name = get_string(object, "bname");
  mapping.total_queues = get_int32(object, "totalQueues", 0);
  mapping.epoch = get_int(object, "epoch", 0);
  mapping.dirty = get_bool(object, "dirty", false);
  const boost::json::value* ids = object.if_contains("currIdMap");
  if (ids == nullptr || !ids->is_object()) return mapping;
  for (const auto& [key, value] : ids->get_object()) {
    if (const auto global = parse_number<std::int32_t>(key)) {
      mapping.current_ids[*global] = get_int32(ids->get_object(), key, 0);
    }
  }
  return mapping;
}

}  // namespace comet::inline v0_1::routing
