// What clients and administrators ask of a RouteTable, and what administrators change in it.

#include <algorithm>
#include <utility>

#include "comet/routing/route_table.hpp"
#include "route_table_types.hpp"

namespace comet::routing {

std::optional<DataVersion> RouteTable::data_version(std::string_view address) const {
  const auto known = members_by_address_.find(address);
  if (known == members_by_address_.end()) return std::nullopt;
  return known->second.broker->members.at(known->second.id).data_version;
}

std::optional<TopicRouteData> RouteTable::find_route(std::string_view topic) const {
  const auto known = topics_.find(topic);
  if (known == topics_.end()) return std::nullopt;
  return make_route(known->second);
}

std::optional<SharedBytes> RouteTable::find_route_json(std::string_view topic, IntegerKeys keys) {
  const auto known = topics_.find(topic);
  if (known == topics_.end()) return std::nullopt;
  Topic& found = known->second;
  if (found.answer && found.answer->generation != generation_) forget_answer(found);

  const std::size_t form = keys == IntegerKeys::quoted ? 1 : 0;
  if (found.answer && !found.answer->json[form].empty()) return found.answer->json[form];

  SharedBytes json = SharedBytes::own(to_json(make_route(found), keys));
  if (json.size() > limits_.max_cached) return json;
  if (cached_bytes_ + json.size() > limits_.max_cached) forget_all_answers();
  if (!found.answer) {
    found.answer = std::make_unique<Topic::Answer>();
    found.answer->generation = generation_;
  }
  cached_bytes_ += json.size();
  found.answer->json[form] = json;
  return json;
}

TopicRouteData RouteTable::make_route(const Topic& topic) const {
  TopicRouteData route;
  for (const Entry& entry : topic.entries) {
    QueueData queue;
    queue.broker_name = entry.broker->name;
    queue.read_queue_nums = entry.read_queue_nums;
    queue.write_queue_nums = entry.write_queue_nums;
    queue.perm = entry.perm;
    queue.topic_sys_flag = entry.topic_sys_flag;
    route.queues.push_back(std::move(queue));
    route.brokers.push_back(make_broker_data(*entry.broker));
    for (const auto& [id, member] : entry.broker->members) {
      if (!member.filter_servers.empty()) {
        route.filter_servers[member.address] = member.filter_servers;
      }
    }
  }
  return route;
}

BrokerData RouteTable::make_broker_data(const Broker& broker) {
  BrokerData data;
  data.cluster = broker.cluster;
  data.broker_name = broker.name;
  for (const auto& [id, member] : broker.members) data.broker_addrs[id] = member.address;
  return data;
}

void RouteTable::forget_answer(Topic& topic) noexcept {
  if (!topic.answer) return;
  for (const SharedBytes& json : topic.answer->json) cached_bytes_ -= json.size();
  topic.answer.reset();
}

void RouteTable::forget_all_answers() noexcept {
  for (auto& [name, topic] : topics_) forget_answer(topic);
}

std::size_t RouteTable::wipe_write_permission(std::string_view broker_name) {
  return change_permission(broker_name, ~perm::kWrite, 0);
}

std::size_t RouteTable::add_write_permission(std::string_view broker_name) {
  return change_permission(broker_name, 0, perm::kRead | perm::kWrite);
}

std::size_t RouteTable::change_permission(std::string_view broker_name, std::int32_t keep,
                                          std::int32_t add) {
  const auto broker = brokers_.find(broker_name);
  if (broker == brokers_.end()) return 0;
  std::size_t changed = 0;
  for (auto& [name, topic] : topics_) {
    if (changed == broker->second.entries) break;
    const auto entry = topic.place_of(broker_name);
    if (entry == topic.entries.end() || entry->broker != &broker->second) continue;
    ++changed;
    const std::int32_t perm = (entry->perm & keep) | add;
    if (perm == entry->perm) continue;
    entry->perm = perm;
    forget_answer(topic);
    note_change(name);
  }
  tell_observer();
  return changed;
}

void RouteTable::remove_topic(std::string_view topic, std::string_view cluster) {
  const auto known = topics_.find(topic);
  if (known == topics_.end()) return;
  std::vector<Entry>& entries = known->second.entries;
  for (std::size_t i = entries.size(); i-- > 0;) {
    if (!cluster.empty() && entries[i].broker->cluster != cluster) continue;
    note_change(topic);
    remove_entry(known->second, entries.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (entries.empty()) topics_.erase(known);
  tell_observer();
}

std::vector<std::string> RouteTable::topics() const {
  std::vector<std::string> names;
  names.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> RouteTable::topics_of_cluster(std::string_view cluster) const {
  std::vector<std::string> names;
  for (const auto& [name, topic] : topics_) {
    const bool here = std::ranges::any_of(
        topic.entries, [&](const Entry& entry) { return entry.broker->cluster == cluster; });
    if (here) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> RouteTable::topics_by_flag(std::int32_t with, std::int32_t without) const {
  std::vector<std::string> names;
  for (const auto& [name, topic] : topics_) {
    const std::int32_t flag = topic.entries.front().topic_sys_flag;
    if ((flag & with) == with && (flag & without) == 0) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

std::optional<BrokerData> RouteTable::find_broker(std::string_view broker_name) const {
  const auto known = brokers_.find(broker_name);
  if (known == brokers_.end()) return std::nullopt;
  return make_broker_data(known->second);
}

std::map<std::string, std::vector<BrokerData>> RouteTable::clusters() const {
  std::map<std::string, std::vector<BrokerData>> all;
  for (const auto& [name, broker] : brokers_) {
    all[broker.cluster].push_back(make_broker_data(broker));
  }
  return all;
}

}  // namespace comet::routing
