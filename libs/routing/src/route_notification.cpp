#include "comet/routing/route_notification.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "comet/base/body_error.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"

namespace comet::inline v0_1::routing {

std::string route_notification_json(const std::vector<std::string>& topics) {
  JsonWriter json;
  json.begin_object();
  json.key("topics");
  json.begin_array();
  for (const std::string& topic : topics) json.value(topic);
  json.end_array();
  json.end_object();
  return json.take();
}

Result<std::vector<std::string>> parse_route_notification(std::string_view json) {
  const Result<boost::json::value> parsed = parse_json(json);
  if (!parsed) return parsed.error();
  std::vector<std::string> topics;
  const boost::json::object* body = parsed->if_object();
  const boost::json::value* list = body == nullptr ? nullptr : body->if_contains("topics");
  if (list == nullptr || !list->is_array()) return topics;
  for (const boost::json::value& item : list->get_array()) {
    if (const boost::json::string* text = item.if_string()) topics.emplace_back(*text);
  }
  return topics;
}

}  // namespace comet::inline v0_1::routing
