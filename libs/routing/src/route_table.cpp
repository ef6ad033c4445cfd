// How brokers come and go.

#include "comet/routing/route_table.hpp"

#include <algorithm>
#include <utility>

#include "comet/base/address.hpp"
#include "comet/base/printable.hpp"
#include "comet/base/utf8.hpp"
#include "route_table_types.hpp"

namespace comet::routing {

RouteTable::RouteTable(RouteTableLimits limits) : limits_(limits) {}
RouteTable::~RouteTable() = default;

RegisterOutcome RouteTable::register_broker(BrokerRegistration registration, Instant now) {
  RegisterOutcome outcome;
  outcome.refusal = find_fault(registration);
  if (!outcome.refusal.empty()) return outcome;
  if (is_stale(registration)) {
    outcome.stale = true;
    (void)unregister_broker(registration.address);
    return outcome;
  }

  // Before the broker is looked up: leaving may have been the end of it.
  const std::optional<DataVersion> former_version = leave_former_place(registration, outcome);
  Broker& broker = brokers_[registration.broker_name];
  broker.name = registration.broker_name;
  Member& member = take_place(broker, registration, outcome);

  if (registration.broker_id == kMasterId) {
    const TopicConfigTable& table = registration.body.topic_config;
    take_topics(broker, table, outcome.first || former_version != table.data_version, outcome);
    outcome.left_out_changed = outcome.topics_left_out != member.topics_left_out;
    member.topics_left_out = outcome.topics_left_out;
  } else if (const auto master = broker.members.find(kMasterId); master != broker.members.end()) {
    outcome.master_addr = master->second.address;
    outcome.master_ha_server_addr = master->second.ha_server_addr;
  }
  outcome.topics = broker.entries;

  if (member.filter_servers != registration.body.filter_servers) addresses_changed(broker);
  member.ha_server_addr = std::move(registration.ha_server_addr);
  member.last_seen = now;
  member.timeout = registration.timeout;
  member.data_version = registration.body.topic_config.data_version;
  member.filter_servers = std::move(registration.body.filter_servers);
  tell_observer();
  return outcome;
}

// 5.x: a master that was replaced while it was cut off must not come back over its successor.
bool RouteTable::is_stale(const BrokerRegistration& registration) const {
  const auto broker = brokers_.find(registration.broker_name);
  if (broker == brokers_.end()) return false;
  const auto holder = broker->second.members.find(registration.broker_id);
  return holder != broker->second.members.end() && holder->second.address != registration.address &&
         holder->second.data_version.state_version >
             registration.body.topic_config.data_version.state_version;
}

// An address that comes as another broker or under another id ends what it was. Returns the data
// version that it had in the same broker.
std::optional<DataVersion> RouteTable::leave_former_place(const BrokerRegistration& registration,
                                                          RegisterOutcome& outcome) {
  const auto known = members_by_address_.find(registration.address);
  if (known == members_by_address_.end()) return std::nullopt;
  const Place place = known->second;
  const DataVersion version = place.broker->members.at(place.id).data_version;
  if (place.broker->name != registration.broker_name) {
    outcome.previous_name = place.broker->name;
    (void)remove_member(*place.broker, place.id);
    return std::nullopt;
  }
  if (place.id != registration.broker_id) {
    outcome.previous_id = place.id;
    detach_member(*place.broker, place.id);
  }
  return version;
}

// Makes the address the one that has the id.
RouteTable::Member& RouteTable::take_place(Broker& broker, const BrokerRegistration& registration,
                                           RegisterOutcome& outcome) {
  const auto holder = broker.members.find(registration.broker_id);
  outcome.first = holder == broker.members.end();
  if (!outcome.first && holder->second.address != registration.address) {
    outcome.previous_address = holder->second.address;
    detach_member(broker, registration.broker_id);
  }
  const auto [slot, inserted] = broker.members.try_emplace(registration.broker_id);
  Member& member = slot->second;
  if (inserted) {
    addresses_changed(broker);
    member.address = registration.address;
    members_by_address_[member.address] = Place{&broker, registration.broker_id};
  } else {
    forget_connection(member);
  }
  member.connection = registration.connection;
  addresses_by_connection_.emplace(member.connection, member.address);

  // Two clusters should not share a broker name; if they do, the first one has it.
  if (broker.members.size() == 1 && broker.cluster != registration.cluster) {
    broker.cluster = registration.cluster;
    addresses_changed(broker);
  }
  return member;
}

// What is wrong with a registration that cannot be taken; empty: nothing.
std::string RouteTable::find_fault(const BrokerRegistration& registration) const {
  const auto fault = [](std::string_view what, std::string_view value) {
    return std::string(what) + " \"" + printable(value) + "\" cannot be used";
  };
  if (!usable_name(registration.cluster)) return fault("cluster name", registration.cluster);
  if (!usable_name(registration.broker_name)) return fault("broker name", registration.broker_name);
  const Result<Address> address = Address::parse(registration.address);
  if (!usable_name(registration.address) || !address || address->port() == 0) {
    return fault("broker address", registration.address);
  }
  if (!registration.ha_server_addr.empty() && !usable_name(registration.ha_server_addr)) {
    return fault("HA server address", registration.ha_server_addr);
  }
  if (registration.broker_id < 0) {
    return fault("broker id", std::to_string(registration.broker_id));
  }
  if (members_by_address_.size() >= limits_.max_brokers &&
      !members_by_address_.contains(registration.address)) {
    return "there are already " + std::to_string(limits_.max_brokers) + " brokers";
  }
  return {};
}

bool RouteTable::usable_name(std::string_view name) const {
  return !name.empty() && name.size() <= limits_.max_name && is_plain_text(name);
}

void RouteTable::take_topics(Broker& broker, const TopicConfigTable& table, bool changed,
                             RegisterOutcome& outcome) {
  for (const auto& [name, config] : table.topics) {
    if (!usable_name(config.topic_name) || !take_topic(broker, config, changed)) {
      ++outcome.topics_left_out;
    }
  }
}

// False: there is no room. Without `changed` only what is missing is added.
bool RouteTable::take_topic(Broker& broker, const TopicConfig& config, bool changed) {
  Entry fresh;
  fresh.broker = &broker;
  fresh.read_queue_nums = config.read_queue_nums;
  fresh.write_queue_nums = config.write_queue_nums;
  fresh.perm = config.perm;
  fresh.topic_sys_flag = config.topic_sys_flag;

  const auto known = topics_.find(config.topic_name);
  if (known != topics_.end()) {
    Topic& topic = known->second;
    const auto entry = topic.place_of(broker.name);
    if (entry != topic.entries.end() && entry->broker == &broker) {
      if (!changed || *entry == fresh) return true;
      forget_answer(topic);
      note_change(config.topic_name);
      *entry = fresh;
      return true;
    }
  }
  if (broker.entries >= limits_.max_topics_per_broker || entries_ >= limits_.max_entries) {
    return false;
  }
  Topic& topic = known != topics_.end() ? known->second : topics_[config.topic_name];
  forget_answer(topic);
  note_change(config.topic_name);
  topic.entries.insert(topic.place_of(broker.name), fresh);
  ++broker.entries;
  ++entries_;
  return true;
}

std::optional<RemovedBroker> RouteTable::unregister_broker(std::string_view address) {
  const auto known = members_by_address_.find(address);
  if (known == members_by_address_.end()) return std::nullopt;
  const Place place = known->second;
  RemovedBroker removed = remove_member(*place.broker, place.id);
  tell_observer();
  return removed;
}

std::vector<RemovedBroker> RouteTable::connection_closed(std::uint64_t connection) {
  std::vector<std::string> addresses;
  const auto [begin, end] = addresses_by_connection_.equal_range(connection);
  for (auto item = begin; item != end; ++item) addresses.push_back(item->second);

  std::vector<RemovedBroker> removed;
  for (const std::string& address : addresses) removed.push_back(*unregister_broker(address));
  return removed;
}

std::vector<RemovedBroker> RouteTable::expire(Instant now) {
  std::vector<Place> silent;
  for (const auto& [address, place] : members_by_address_) {
    const Member& member = place.broker->members.at(place.id);
    if (now - member.last_seen > member.timeout) silent.push_back(place);
  }
  std::vector<RemovedBroker> removed;
  for (const Place& place : silent) {
    const Duration silence = now - place.broker->members.at(place.id).last_seen;
    removed.push_back(remove_member(*place.broker, place.id));
    removed.back().silent = silence;
  }
  tell_observer();
  return removed;
}

bool RouteTable::touch(std::string_view address, Instant now) {
  const auto known = members_by_address_.find(address);
  if (known == members_by_address_.end()) return false;
  known->second.broker->members.at(known->second.id).last_seen = now;
  return true;
}

// The broker ends with its last member, and with the broker its entries in all topics.
RemovedBroker RouteTable::remove_member(Broker& broker, std::int64_t id) {
  const Member& member = broker.members.at(id);
  RemovedBroker removed;
  removed.cluster = broker.cluster;
  removed.broker_name = broker.name;
  removed.broker_id = id;
  removed.address = member.address;
  removed.connection = member.connection;

  detach_member(broker, id);
  if (broker.members.empty()) {
    remove_entries(broker);
    brokers_.erase(removed.broker_name);
  }
  return removed;
}

void RouteTable::detach_member(Broker& broker, std::int64_t id) {
  const auto node = broker.members.extract(id);
  forget_connection(node.mapped());
  members_by_address_.erase(node.mapped().address);
  addresses_changed(broker);
}

// Of the broker's members, or something else that all its topics' routes say of it.
void RouteTable::addresses_changed(const Broker& broker) {
  ++generation_;
  if (observer_ == nullptr || !observer_->active()) return;
  for (auto& [name, topic] : topics_) {
    const auto entry = topic.place_of(broker.name);
    if (entry != topic.entries.end() && entry->broker == &broker) note_change(name);
  }
}

void RouteTable::note_change(std::string_view topic) {
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

void RouteTable::forget_connection(const Member& member) {
  const auto [begin, end] = addresses_by_connection_.equal_range(member.connection);
  const auto found =
      std::find_if(begin, end, [&](const auto& item) { return item.second == member.address; });
  if (found != end) addresses_by_connection_.erase(found);
}

void RouteTable::remove_entries(Broker& broker) {
  for (auto item = topics_.begin(); item != topics_.end() && broker.entries > 0;) {
    Topic& topic = item->second;
    const auto entry = topic.place_of(broker.name);
    if (entry != topic.entries.end() && entry->broker == &broker) {
      note_change(item->first);
      remove_entry(topic, entry);
    }
    item = topic.entries.empty() ? topics_.erase(item) : std::next(item);
  }
}

void RouteTable::remove_entry(Topic& topic, std::vector<Entry>::iterator entry) {
  forget_answer(topic);
  --entry->broker->entries;
  --entries_;
  topic.entries.erase(entry);
}

}  // namespace comet::routing
