#include "comet/admin/cluster.hpp"

#include <algorithm>

#include "body.hpp"
#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::admin {
namespace {

using namespace body;

// False when an id is no number.
bool read_broker(std::string_view name, const json::object& object, routing::BrokerData& broker) {
  bool ok = true;
  broker.broker_name = get_string(object, "brokerName", name);
  broker.cluster = get_string(object, "cluster");
  broker.enable_acting_master = get_bool(object, "enableActingMaster", false);
  broker.zone_name = get_string(object, "zoneName");
  for (const auto& [id_text, address] : read_texts(get_object(object, "brokerAddrs", ok))) {
    const auto id = parse_number<std::int64_t>(id_text);
    if (!id) return false;
    broker.broker_addrs.emplace(*id, address);
  }
  return ok;
}

Result<std::vector<std::string>> parse_list(std::string_view json, std::string_view key) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  bool ok = true;
  std::vector<std::string> list = read_strings(get_array(*root, key, ok), ok);
  if (!ok) return BodyErrc::malformed;
  return list;
}

}  // namespace

Result<ClusterInfo> parse_cluster_info(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  ClusterInfo info;
  bool ok = true;
  for (const auto& member : get_object(*root, "brokerAddrTable", ok)) {
    const json::object* object = member.value().if_object();
    if (object == nullptr) return BodyErrc::malformed;
    const std::string name(member.key());
    if (!read_broker(name, *object, info.brokers[name])) return BodyErrc::malformed;
  }
  for (const auto& member : get_object(*root, "clusterAddrTable", ok)) {
    const json::array* names = member.value().if_array();
    if (names == nullptr) return BodyErrc::malformed;
    std::vector<std::string> sorted = read_strings(*names, ok);
    std::sort(sorted.begin(), sorted.end());
    info.clusters.emplace(member.key(), std::move(sorted));
  }
  if (!ok) return BodyErrc::malformed;
  return info;
}

Result<std::vector<std::string>> parse_topic_list(std::string_view json) {
  return parse_list(json, "topicList");
}

Result<std::vector<std::string>> parse_group_list(std::string_view json) {
  return parse_list(json, "groupList");
}

Result<std::map<std::string, std::string>> parse_kv_table(std::string_view json) {
  Result<json::object> root = read_object(json);
  if (!root) return root.error();
  bool ok = true;
  std::map<std::string, std::string> table = read_texts(get_object(*root, "table", ok));
  if (!ok) return BodyErrc::malformed;
  return table;
}

bool all_ok(const std::vector<Outcome>& outcomes) noexcept {
  return std::all_of(outcomes.begin(), outcomes.end(),
                     [](const Outcome& outcome) { return outcome.ok(); });
}

}  // namespace comet::inline v0_1::admin
