// How brokers go.

#include <algorithm>
#include <utility>

#include "tables/route_table.hpp"
#include "tables/route_table_types.hpp"

namespace comet::inline v0_1::namesrv {

std::optional<RemovedBroker> RouteTable::unregister_broker(std::string_view address) {
  const auto known = members_by_address_.find(address);
  if (known == members_by_address_.end()) return std::nullopt;
  RemovedBroker removed;
  {
    const std::unique_lock lock(brokers_mutex_);
    const Place place = known->second;
    removed = remove_member(*place.broker, place.id);
  }
  show_changes();
  tell_observer();
  return removed;
}

std::vector<RemovedBroker> RouteTable::connection_closed(std::uint64_t connection) {
  std::vector<std::string> addresses;
  const auto [begin, end] = addresses_by_connection_.equal_range(connection);
  for (auto item = begin; item != end; ++item) addresses.push_back(item->second);

  std::vector<RemovedBroker> removed;
  {
    const std::unique_lock lock(brokers_mutex_);
    for (const std::string& address : addresses) {
      const Place place = members_by_address_.at(address);
      removed.push_back(remove_member(*place.broker, place.id));
    }
  }
  show_changes();
  tell_observer();
  return removed;
}

std::vector<RemovedBroker> RouteTable::expire(Instant now) {
  std::vector<Place> silent;
  for (const auto& [address, place] : members_by_address_) {
    const Member& member = place.broker->members.at(place.id);
    if (now - member.last_seen > member.timeout) silent.push_back(place);
  }
  std::vector<RemovedBroker> removed;
  {
    const std::unique_lock lock(brokers_mutex_);
    for (const Place& place : silent) {
      const Duration silence = now - place.broker->members.at(place.id).last_seen;
      removed.push_back(remove_member(*place.broker, place.id));
      removed.back().silent = silence;
    }
  }
  show_changes();
  tell_observer();
  return removed;
}

bool RouteTable::touch(std::string_view address, Instant now) {
  const auto known = members_by_address_.find(address);
  if (known == members_by_address_.end()) return false;
  Member& member = known->second.broker->members.at(known->second.id);
  if (member.confirmed) member.last_seen = now;
  return member.confirmed;
}

// The broker ends with its last member. Its entries are left for sweep().
RemovedBroker RouteTable::remove_member(Broker& broker, std::int64_t id) {
  const Member& member = broker.members.at(id);
  RemovedBroker removed;
  removed.cluster = broker.cluster;
  removed.broker_name = broker.name;
  removed.broker_id = id;
  removed.address = member.address;
  removed.connection = member.connection;
  removed.confirmed = member.confirmed;

  const bool lowest = broker.members.begin()->first == id;
  detach_member(broker, id);
  if (broker.members.empty()) {
    broker.shards_to_sweep = Shard::kCount;
    auto node = brokers_.extract(broker.name);
    departed_.push_back(std::move(node.mapped()));
  } else if (lowest && broker.enable_acting_master) {
    MinBrokerIdChange change;
    change.min_broker_id = broker.members.begin()->first;
    change.min_broker_addr = broker.members.begin()->second.address;
    change.offline_broker_addr = removed.address;
    for (const auto& [left, item] : broker.members) change.addresses.push_back(item.address);
    removed.min_id_change = std::move(change);
  }
  return removed;
}

void RouteTable::detach_member(Broker& broker, std::int64_t id) {
  const auto node = broker.members.extract(id);
  forget_connection(node.mapped());
  members_by_address_.erase(node.mapped().address);
  member_count_ = members_by_address_.size();
  touch_routes(broker);
}

void RouteTable::forget_connection(const Member& member) {
  const auto [begin, end] = addresses_by_connection_.equal_range(member.connection);
  const auto found =
      std::find_if(begin, end, [&](const auto& item) { return item.second == member.address; });
  if (found != end) addresses_by_connection_.erase(found);
}

bool RouteTable::sweep() {
  if (departed_.empty()) return false;
  sweep_shard(shards_[next_to_sweep_]);
  next_to_sweep_ = (next_to_sweep_ + 1) % Shard::kCount;
  for (const auto& broker : departed_) --broker->shards_to_sweep;
  forget_departed();
  return !departed_.empty();
}

void RouteTable::sweep_shard(Shard& shard) {
  const auto has_left = [this](const Entry& entry) { return broker_of(entry).members.empty(); };
  for (auto topic = shard.topics.begin(); topic != shard.topics.end();) {
    const auto next = std::next(topic);
    std::vector<Entry>& entries = topic->second.entries;
    if (std::ranges::any_of(entries, has_left)) {
      for (std::size_t i = entries.size(); i-- > 0;) {
        const bool last = entries.size() == 1;
        if (has_left(entries[i])) drop_entry(shard, topic, i);
        if (last) break;  // the topic may have ended
      }
    }
    topic = next;
  }
}

void RouteTable::forget_departed() {
  const auto is_swept = [](const auto& broker) {
    return broker->entries == 0 || broker->shards_to_sweep == 0;
  };
  const std::unique_lock lock(brokers_mutex_);
  for (const auto& broker : departed_) {
    if (is_swept(broker)) brokers_by_index_[broker->index] = nullptr;
  }
  std::erase_if(departed_, is_swept);
}

}  // namespace comet::inline v0_1::namesrv
