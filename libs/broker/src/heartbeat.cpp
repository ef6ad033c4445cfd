#include "heartbeat.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "comet/routing/json.hpp"

namespace comet::inline v0_1::broker {
namespace {

// Calls take(object) for each object in the array of that name.
template <class Take>
void for_each_object(const boost::json::object& owner, std::string_view name, Take take) {
  const boost::json::value* array = owner.if_contains(name);
  if (array == nullptr || !array->is_array()) return;
  for (const boost::json::value& item : array->get_array()) {
    if (item.is_object()) take(item.get_object());
  }
}

ConsumerData consumer_from_json(const boost::json::object& object) {
  ConsumerData data;
  data.group = routing::get_string(object, "groupName");
  data.consume_type = routing::get_string(object, "consumeType");
  data.message_model = routing::get_string(object, "messageModel");
  data.consume_from_where = routing::get_string(object, "consumeFromWhere");
  data.unit_mode = routing::get_bool(object, "unitMode", false);
  for_each_object(object, "subscriptionDataSet", [&data](const boost::json::object& item) {
    data.subscriptions.push_back(Subscription::from_json(item));
  });
  return data;
}

}  // namespace

Result<Heartbeat> parse_heartbeat(std::string_view json) {
  const auto parsed = routing::parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  Heartbeat heartbeat;
  heartbeat.client_id = routing::get_string(*root, "clientID");
  heartbeat.fingerprint = routing::get_int(*root, "heartbeatFingerprint", 0);
  heartbeat.without_subscriptions = routing::get_bool(*root, "withoutSub", false);
  for_each_object(*root, "consumerDataSet", [&heartbeat](const boost::json::object& item) {
    heartbeat.consumers.push_back(consumer_from_json(item));
  });
  for_each_object(*root, "producerDataSet", [&heartbeat](const boost::json::object& item) {
    heartbeat.producer_groups.push_back(routing::get_string(item, "groupName"));
  });
  return heartbeat;
}

}  // namespace comet::inline v0_1::broker
