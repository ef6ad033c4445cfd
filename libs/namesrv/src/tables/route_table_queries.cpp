// What clients and administrators ask of a RouteTable.

#include <algorithm>
#include <utility>

#include "tables/route_table.hpp"
#include "tables/route_table_types.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

// 5.x: by these topics brokers ask for their own members, so that nobody may be shown as another.
constexpr std::string_view kMemberGroupTopics = "rmq_sys_SYNC_BROKER_MEMBER_";

void act_as_master(BrokerData& broker) {
  auto lowest = broker.broker_addrs.extract(broker.broker_addrs.begin());
  lowest.key() = kMasterId;
  broker.broker_addrs.insert(std::move(lowest));
}

}  // namespace

std::optional<DataVersion> RouteTable::data_version(std::string_view address) const {
  const auto known = members_by_address_.find(address);
  if (known == members_by_address_.end()) return std::nullopt;
  const Member& member = known->second.broker->members.at(known->second.id);
  if (!member.confirmed) return std::nullopt;
  return member.data_version;
}

std::optional<TopicRouteData> RouteTable::find_route(std::string_view topic) const {
  Shard& shard = shard_of(topic);
  const std::scoped_lock lock(shard.mutex);
  const auto known = shard.topics.find(topic);
  if (known == shard.topics.end()) return std::nullopt;
  return make_route(topic, known->second);
}

std::optional<SharedBytes> RouteTable::find_route_json(std::string_view topic,
                                                       IntegerKeys keys) const {
  Shard& shard = shard_of(topic);
  const std::scoped_lock lock(shard.mutex);
  const auto known = shard.topics.find(topic);
  if (known == shard.topics.end()) return std::nullopt;
  Topic& found = known->second;
  // Read before the brokers are: an answer may be younger than its generation, never older.
  const std::uint64_t generation = generation_;
  if (found.answer && found.answer->generation != generation) shard.forget_answer(found);

  const std::size_t form = keys == IntegerKeys::quoted ? 1 : 0;
  if (found.answer && !found.answer->json[form].empty()) return found.answer->json[form];

  const std::optional<TopicRouteData> route = make_route(topic, found);
  if (!route) return std::nullopt;
  SharedBytes json = SharedBytes::own(to_json(*route, keys));
  const std::size_t room = limits_.max_cached / Shard::kCount;
  if (json.size() > room) return json;
  if (shard.cached_bytes + json.size() > room) {
    for (auto& [name, other] : shard.topics) shard.forget_answer(other);
  }
  if (!found.answer) {
    found.answer = std::make_unique<Topic::Answer>();
    found.answer->generation = generation;
  }
  shard.cached_bytes += json.size();
  found.answer->json[form] = json;
  return json;
}

// Brokers by name. nullopt: all of them have departed.
std::optional<TopicRouteData> RouteTable::make_route(std::string_view name,
                                                     const Topic& topic) const {
  const std::shared_lock lock(brokers_mutex_);
  std::vector<std::pair<const Broker*, const Entry*>> parts;
  parts.reserve(topic.entries.size());
  for (const Entry& entry : topic.entries) {
    const Broker& broker = broker_of(entry);
    if (!broker.members.empty()) parts.emplace_back(&broker, &entry);
  }
  if (parts.empty()) return std::nullopt;
  std::ranges::sort(parts, {}, [](const auto& part) { return std::string_view(part.first->name); });

  TopicRouteData route;
  const bool acting = options_.support_acting_master && !name.starts_with(kMemberGroupTopics);
  for (const auto& [broker, entry] : parts) {
    QueueData queue;
    queue.broker_name = broker->name;
    queue.read_queue_nums = entry->read_queue_nums;
    queue.write_queue_nums = entry->write_queue_nums;
    queue.perm = broker->is_writable() ? entry->perm : entry->perm & ~routing::perm::kWrite;
    queue.topic_sys_flag = entry->topic_sys_flag;
    BrokerData data = make_broker_data(*broker);
    if (acting && broker->enable_acting_master && !broker->has_master()) act_as_master(data);
    route.queues.push_back(std::move(queue));
    route.brokers.push_back(std::move(data));
    for (const auto& [id, member] : broker->members) {
      if (!member.filter_servers.empty()) {
        route.filter_servers[member.address] = member.filter_servers;
      }
    }
    if (!topic.queue_mappings) continue;
    const auto mapping = topic.queue_mappings->find(broker->name);
    if (mapping != topic.queue_mappings->end()) {
      route.queue_mappings.insert(*mapping);
    }
  }
  return route;
}

BrokerData RouteTable::make_broker_data(const Broker& broker) {
  BrokerData data;
  data.cluster = broker.cluster;
  data.broker_name = broker.name;
  data.enable_acting_master = broker.enable_acting_master;
  data.zone_name = broker.zone_name;
  for (const auto& [id, member] : broker.members) data.broker_addrs[id] = member.address;
  return data;
}

const RouteTable::Broker& RouteTable::broker_of(const Entry& entry) const {
  return *brokers_by_index_[entry.broker];
}

void RouteTable::touch_routes(const Broker& broker) { touched_.push_back(broker.index); }

// Makes queries see what has been touched, and collects the topics for the observer.
void RouteTable::show_changes() {
  if (touched_.empty()) return;
  ++generation_;
  ++revision_;
  const std::vector<std::uint32_t> touched = std::exchange(touched_, {});
  if (observer_ == nullptr || !observer_->active()) return;
  for (std::size_t i = 0; i < Shard::kCount; ++i) {
    for (const auto& [name, topic] : shards_[i].topics) {
      const bool affected = std::ranges::any_of(
          touched, [&](std::uint32_t index) { return topic.has(topic.place_of(index), index); });
      if (affected) note_change(name);
    }
  }
}

void RouteTable::note_change(std::string_view topic) {
  ++revision_;
  if (observer_ != nullptr && observer_->active()) changed_.emplace_back(topic);
}

void RouteTable::tell_observer() {
  if (changed_.empty()) return;
  std::vector<std::string> topics = std::exchange(changed_, {});
  std::ranges::sort(topics);
  const auto doubles = std::ranges::unique(topics);
  topics.erase(doubles.begin(), doubles.end());
  observer_->routes_changed(topics);
}

template <class Chosen>
std::vector<std::string> RouteTable::topics_if(Chosen chosen) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < Shard::kCount; ++i) {
    for (const auto& [name, topic] : shards_[i].topics) {
      const auto alive = [&](const Entry& entry) { return !broker_of(entry).members.empty(); };
      const auto first = std::ranges::find_if(topic.entries, alive);
      if (first != topic.entries.end() && chosen(topic, *first)) names.push_back(name);
    }
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> RouteTable::topics() const {
  return topics_if([](const Topic&, const Entry&) { return true; });
}

std::vector<std::string> RouteTable::topics_of_cluster(std::string_view cluster) const {
  return topics_if([&](const Topic& topic, const Entry&) {
    return std::ranges::any_of(topic.entries, [&](const Entry& entry) {
      const Broker& broker = broker_of(entry);
      return broker.cluster == cluster && !broker.members.empty();
    });
  });
}

std::vector<std::string> RouteTable::topics_by_flag(std::int32_t with, std::int32_t without) const {
  return topics_if([&](const Topic&, const Entry& first) {
    return (first.topic_sys_flag & with) == with && (first.topic_sys_flag & without) == 0;
  });
}

std::optional<BrokerData> RouteTable::find_broker(std::string_view broker_name) const {
  const auto known = brokers_.find(broker_name);
  if (known == brokers_.end()) return std::nullopt;
  return make_broker_data(*known->second);
}

std::map<std::string, std::vector<BrokerData>> RouteTable::clusters() const {
  std::map<std::string, std::vector<BrokerData>> all;
  for (const auto& [name, broker] : brokers_) {
    all[broker->cluster].push_back(make_broker_data(*broker));
  }
  return all;
}

}  // namespace comet::inline v0_1::namesrv
