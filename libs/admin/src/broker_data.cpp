#include "comet/admin/broker_data.hpp"

#include "body.hpp"
#include "read_subscription.hpp"

namespace comet::inline v0_1::admin {
namespace {

using namespace body;

StatsWindow read_window(const json::object& object) {
  StatsWindow window;
  window.sum = get_int(object, "sum", 0);
  window.tps = get_double(object, "tps");
  window.avgpt = get_double(object, "avgpt");
  return window;
}

ConsumeQueueEntry read_entry(const json::object& object) {
  ConsumeQueueEntry entry;
  entry.physical_offset = get_int(object, "physicOffset", 0);
  entry.size = get_int32(object, "physicSize");
  entry.tags_code = get_int(object, "tagsCode", 0);
  entry.matches = get_bool(object, "eval", true);
  entry.extra = get_string(object, "extendDataJson");
  entry.problem = get_string(object, "msg");
  return entry;
}

}  // namespace

std::int64_t BrokerStats::day_sum() const noexcept {
  if (day.sum != 0) return day.sum;
  return hour.sum != 0 ? hour.sum : minute.sum;
}

Result<BrokerStats> parse_broker_stats(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  bool ok = true;
  BrokerStats stats;
  stats.minute = read_window(get_object(*root, "statsMinute", ok));
  stats.hour = read_window(get_object(*root, "statsHour", ok));
  stats.day = read_window(get_object(*root, "statsDay", ok));
  if (!ok) return BodyErrc::malformed;
  return stats;
}

Result<ConsumeQueueData> parse_consume_queue(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  bool ok = true;
  ConsumeQueueData data;
  data.min_index = get_int(*root, "minQueueIndex", 0);
  data.max_index = get_int(*root, "maxQueueIndex", 0);
  data.filter = get_string(*root, "filterData");
  const json::object& subscription = get_object(*root, "subscriptionData", ok);
  if (!subscription.empty()) data.subscription = read_subscription({}, subscription);
  for (const json::value& item : get_array(*root, "queueData", ok)) {
    const json::object* object = item.if_object();
    if (object == nullptr) return BodyErrc::malformed;
    data.entries.push_back(read_entry(*object));
  }
  if (!ok) return BodyErrc::malformed;
  return data;
}

}  // namespace comet::inline v0_1::admin
