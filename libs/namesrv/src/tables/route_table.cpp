// How brokers come.

#include "tables/route_table.hpp"

#include <utility>

#include "comet/base/address.hpp"
#include "comet/base/printable.hpp"
#include "comet/base/utf8.hpp"
#include "tables/route_table_types.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

constexpr Duration kMovesBelongTogether = std::chrono::minutes(10);

// Who is to be told that a member has come with the lowest id (Apache: chooseBrokerAddrsToNotify).
template <class Members>
MinBrokerIdChange describe_new_minimum(const Members& members, const std::string& ha_server_addr) {
  MinBrokerIdChange change;
  change.min_broker_id = members.begin()->first;
  change.min_broker_addr = members.begin()->second.address;
  change.ha_broker_addr = ha_server_addr;
  for (const auto& [id, member] : members) {
    if (id != change.min_broker_id || members.size() == 1) {
      change.addresses.push_back(member.address);
    }
  }
  return change;
}

}  // namespace

RouteTable::RouteTable(RouteTableLimits limits, RouteTableOptions options)
    : limits_(limits), options_(options), shards_(std::make_unique<Shard[]>(Shard::kCount)) {}
RouteTable::~RouteTable() = default;

void RouteTable::set_options(const RouteTableOptions& options) {
  {
    const std::unique_lock lock(brokers_mutex_);
    options_ = options;
  }
  ++generation_;
  for (auto& [name, broker] : brokers_) {
    for (auto& [id, member] : broker->members) member.body_digest = 0;
  }
}

RegisterOutcome RouteTable::register_broker(BrokerRegistration registration, Instant now) {
  RegisterOutcome outcome;
  outcome.refusal = find_fault(registration);
  if (!outcome.refusal.empty()) return outcome;
  if (is_stale(registration)) {
    outcome.stale = true;
    (void)unregister_broker(registration.address);
    return outcome;
  }

  const Placed placed = place_member(registration, now, outcome);
  show_changes();
  if (brings_topics(*placed.broker, registration)) {
    take_topics(*placed.broker, registration.body, placed.topics_differ, outcome);
    outcome.left_out_changed = outcome.topics_left_out != placed.member->topics_left_out;
    placed.member->topics_left_out = outcome.topics_left_out;
    placed.member->brought_topics = true;
  }
  placed.member->body_digest = outcome.topics_left_out == 0 ? registration.body_digest : 0;
  outcome.topics = placed.broker->entries;
  tell_observer();
  return outcome;
}

// Everything but the topics. In one step for queries: an address that changes its id is always
// there, under the old one or the new one.
RouteTable::Placed RouteTable::place_member(BrokerRegistration& registration, Instant now,
                                            RegisterOutcome& outcome) {
  const std::unique_lock lock(brokers_mutex_);
  const std::optional<std::int64_t> former_minimum = min_id(registration.broker_name);
  // Before the broker is looked up: leaving may have been the end of it.
  const std::optional<DataVersion> former_version = leave_former_place(registration, outcome);
  Broker& broker = broker_named(registration.broker_name);
  Member& member = take_place(broker, registration, now, outcome);
  if (former_minimum && registration.broker_id < *former_minimum) {
    outcome.min_id_change = describe_new_minimum(broker.members, registration.ha_server_addr);
  }
  if (member.data_version != registration.body.topic_config.data_version) ++revision_;
  member.data_version = registration.body.topic_config.data_version;
  member.brought_topics = false;
  if (member.filter_servers != registration.body.filter_servers) {
    member.filter_servers = std::move(registration.body.filter_servers);
    touch_routes(broker);
  }
  refresh(broker, member, registration, now);
  if (registration.broker_id != kMasterId) tell_master(broker, outcome);
  return {&broker, &member, outcome.first || former_version != member.data_version};
}

std::optional<RegisterOutcome> RouteTable::register_again(const BrokerRegistration& registration,
                                                          Instant now) {
  Member* member = find_member(registration);
  if (member == nullptr || !member->confirmed || registration.body_digest == 0 ||
      member->body_digest != registration.body_digest) {
    return std::nullopt;
  }
  Broker& broker = *brokers_.find(registration.broker_name)->second;
  if (brings_topics(broker, registration) && !member->brought_topics) return std::nullopt;
  if (!find_fault(registration).empty()) return std::nullopt;  // register_broker() says what

  RegisterOutcome outcome;
  {
    const std::unique_lock lock(brokers_mutex_);
    stay_connected(*member, registration.connection);
    refresh(broker, *member, registration, now);
  }
  if (registration.broker_id != kMasterId) tell_master(broker, outcome);
  outcome.topics = broker.entries;
  show_changes();
  tell_observer();
  return outcome;
}

// The member that the registration's address already is, under the same name and id.
RouteTable::Member* RouteTable::find_member(const BrokerRegistration& registration) {
  const auto known = members_by_address_.find(registration.address);
  if (known == members_by_address_.end()) return nullptr;
  const Place& place = known->second;
  if (place.id != registration.broker_id || place.broker->name != registration.broker_name) {
    return nullptr;
  }
  return &place.broker->members.at(place.id);
}

// Masters do, and the slave that comes next to them: it keeps the routes while there is no master.
bool RouteTable::brings_topics(const Broker& broker, const BrokerRegistration& registration) {
  if (registration.broker_id == kMasterId) return true;
  return registration.enable_acting_master.has_value() &&
         broker.members.begin()->first == registration.broker_id;
}

void RouteTable::tell_master(const Broker& broker, RegisterOutcome& outcome) const {
  const auto master = broker.members.find(kMasterId);
  if (master == broker.members.end()) return;
  outcome.master_addr = master->second.address;
  outcome.master_ha_server_addr = master->second.ha_server_addr;
}

// 5.x: a master that was replaced while it was cut off must not come back over its successor.
bool RouteTable::is_stale(const BrokerRegistration& registration) const {
  const auto broker = brokers_.find(registration.broker_name);
  if (broker == brokers_.end()) return false;
  const auto holder = broker->second->members.find(registration.broker_id);
  return holder != broker->second->members.end() &&
         holder->second.address != registration.address &&
         holder->second.data_version.state_version >
             registration.body.topic_config.data_version.state_version;
}

std::optional<std::int64_t> RouteTable::min_id(std::string_view broker_name) const {
  const auto broker = brokers_.find(broker_name);
  if (broker == brokers_.end()) return std::nullopt;
  return broker->second->members.begin()->first;
}

// An address that comes as another broker or under another id ends what it was. Returns the data
// version that it had in the same broker.
std::optional<DataVersion> RouteTable::leave_former_place(const BrokerRegistration& registration,
                                                          RegisterOutcome& outcome) {
  const auto known = members_by_address_.find(registration.address);
  if (known == members_by_address_.end()) return std::nullopt;
  const Place place = known->second;
  const Member& member = place.broker->members.at(place.id);
  outcome.confirmed = !member.confirmed;
  const DataVersion version = member.data_version;
  if (place.broker->name != registration.broker_name) {
    outcome.previous_name = place.broker->name;
    (void)remove_member(*place.broker, place.id);
    return std::nullopt;
  }
  if (place.id != registration.broker_id) {
    outcome.previous_id = place.id;
    detach_member(*place.broker, place.id);
  }
  // What a restored broker had is no reason to pass over what it brings now.
  if (outcome.confirmed) return std::nullopt;
  return version;
}

RouteTable::Broker& RouteTable::broker_named(const std::string& name) {
  const auto known = brokers_.find(name);
  if (known != brokers_.end()) return *known->second;

  auto broker = std::make_unique<Broker>();
  broker->name = name;
  const auto free = std::ranges::find(brokers_by_index_, nullptr);
  broker->index = static_cast<std::uint32_t>(free - brokers_by_index_.begin());
  if (free == brokers_by_index_.end()) {
    brokers_by_index_.push_back(broker.get());
  } else {
    *free = broker.get();
  }
  return *brokers_.emplace(name, std::move(broker)).first->second;
}

// Makes the address the one that has the id.
RouteTable::Member& RouteTable::take_place(Broker& broker, const BrokerRegistration& registration,
                                           Instant now, RegisterOutcome& outcome) {
  const auto holder = broker.members.find(registration.broker_id);
  outcome.first = holder == broker.members.end();
  if (!outcome.first && holder->second.address != registration.address) {
    const Member& before = holder->second;
    outcome.previous_address = before.address;
    outcome.moves = now - before.moved_at < kMovesBelongTogether ? before.moves + 1 : 1;
    detach_member(broker, registration.broker_id);
  }
  const auto [slot, inserted] = broker.members.try_emplace(registration.broker_id);
  Member& member = slot->second;
  if (inserted) {
    member.address = registration.address;
    member.moves = outcome.moves;
    member.moved_at = now;
    members_by_address_[member.address] = Place{&broker, registration.broker_id};
    member_count_ = members_by_address_.size();
    touch_routes(broker);
  }
  member.confirmed = true;
  stay_connected(member, registration.connection);
  return member;
}

void RouteTable::stay_connected(Member& member, std::uint64_t connection) {
  forget_connection(member);
  member.connection = connection;
  addresses_by_connection_.emplace(connection, member.address);
}

// What a registration's header says of a member and of its broker.
void RouteTable::refresh(Broker& broker, Member& member, const BrokerRegistration& registration,
                         Instant now) {
  member.ha_server_addr = registration.ha_server_addr;
  member.last_seen = now;
  member.timeout = registration.timeout;

  // Two clusters should not share a broker name; if they do, the first one has it.
  const bool moves = broker.members.size() == 1 && broker.cluster != registration.cluster;
  const bool acting = registration.enable_acting_master.value_or(false);
  if (!moves && broker.enable_acting_master == acting &&
      broker.zone_name == registration.zone_name) {
    return;
  }
  if (moves) broker.cluster = registration.cluster;
  broker.enable_acting_master = acting;
  broker.zone_name = registration.zone_name;
  touch_routes(broker);
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
  if (!registration.zone_name.empty() && !usable_name(registration.zone_name)) {
    return fault("zone name", registration.zone_name);
  }
  const std::vector<std::string>& filters = registration.body.filter_servers;
  if (filters.size() > limits_.max_filter_servers) {
    return "it names " + std::to_string(filters.size()) + " filter servers, more than " +
           std::to_string(limits_.max_filter_servers) + " are not taken";
  }
  for (const std::string& filter : filters) {
    if (!usable_name(filter)) return fault("filter server", filter);
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

}  // namespace comet::inline v0_1::namesrv
