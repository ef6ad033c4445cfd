// What others are told of the clients: members of groups, subscriptions, counts.

#include <algorithm>
#include <utility>

#include "clients/client_registry.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::size_t kRegistrySlice =
    256;  // groups or members that are looked at with the lock held

}  // namespace

bool ClientRegistry::has_consumers(std::string_view group) const {
  const std::lock_guard lock(mutex_);
  return consumers_.contains(group);
}

// A client that has come back on a new connection, while the old one is not yet known to be lost,
// is there once: its share of the queues is one consumer's.
std::vector<std::string> ClientRegistry::consumer_ids(std::string_view group) const {
  std::lock_guard lock(mutex_);
  std::set<std::string> ids;
  if (auto found = consumers_.find(group); found != consumers_.end()) {
    for (const auto& [id, member] : found->second.members) ids.insert(member.client->info.id);
  }
  return {ids.begin(), ids.end()};
}

std::vector<std::shared_ptr<remoting::Connection>> ClientRegistry::next_members(
    std::string_view group, std::uint64_t& last) const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<remoting::Connection>> connections;
  const auto found = consumers_.find(group);
  if (found == consumers_.end()) return connections;
  const Members& members = found->second.members;
  for (auto at = members.upper_bound(last); at != members.end(); ++at) {
    if (connections.size() == kRegistrySlice) break;
    last = at->first;
    connections.push_back(at->second.session->connection);
  }
  return connections;
}

std::vector<ClientCount> ClientRegistry::counts() const {
  constexpr std::size_t kMost = 20'000;
  std::vector<ClientCount> all;
  const auto add = [&all](const std::string& group, const Members& members,
                          const std::string* consume_type) {
    std::map<std::pair<remoting::Language, std::int32_t>, std::size_t> alike;
    for (const auto& [id, member] : members) {
      ++alike[{member.client->info.language, member.client->info.version}];
    }
    for (const auto& [kind, count] : alike) {
      if (all.size() == kMost) return;
      ClientCount& one = all.emplace_back();
      one.is_consumer = consume_type != nullptr;
      one.group = group;
      if (consume_type != nullptr) one.consume_type = *consume_type;
      one.language = remoting::to_string(kind.first);
      one.version = kind.second;
      one.count = count;
    }
  };
  std::lock_guard lock(mutex_);
  for (const auto& [name, group] : consumers_) add(name, group.members, &group.consume_type);
  for (const auto& [name, group] : producers_) add(name, group.members, nullptr);
  return all;
}

std::vector<ClientRegistry::ConnectedClient> ClientRegistry::describe(
    const Members& members) const {
  std::vector<ConnectedClient> all;
  all.reserve(members.size());
  const Instant now = time_.now();
  const std::int64_t wall_now = time_.wall_millis();
  for (const auto& [id, member] : members) {
    ConnectedClient& one = all.emplace_back();
    one.info = member.client->info;
    one.connection = member.session->connection;
    one.last_heartbeat_millis = wall_now - to_millis(now - member.last_heartbeat);
  }
  return all;
}

std::optional<ClientRegistry::ConsumerGroupView> ClientRegistry::consumer_group(
    std::string_view group) const {
  const std::lock_guard lock(mutex_);
  const auto found = consumers_.find(group);
  if (found == consumers_.end()) return std::nullopt;
  ConsumerGroupView view;
  view.consume_type = found->second.consume_type;
  view.message_model = found->second.message_model;
  view.consume_from_where = found->second.consume_from_where;
  view.clients = describe(found->second.members);
  view.subscriptions.assign(found->second.subscriptions.begin(), found->second.subscriptions.end());
  return view;
}

std::optional<std::vector<ClientRegistry::ConnectedClient>> ClientRegistry::producer_group(
    std::string_view group) const {
  const std::lock_guard lock(mutex_);
  const auto found = producers_.find(group);
  if (found == producers_.end()) return std::nullopt;
  return describe(found->second.members);
}

std::optional<ClientRegistry::ConnectedClient> ClientRegistry::find_consumer(
    std::string_view group, std::string_view client_id) const {
  const auto view = consumer_group(group);
  if (!view) return std::nullopt;
  // The last connection, should a client have come back while the old one is not known to be lost.
  for (auto client = view->clients.rbegin(); client != view->clients.rend(); ++client) {
    if (client->info.id == client_id) return *client;
  }
  return std::nullopt;
}

std::vector<ClientRegistry::ProducerGroupView> ClientRegistry::next_producer_groups(
    std::string& last) const {
  std::vector<ProducerGroupView> groups;
  const std::lock_guard lock(mutex_);
  for (auto at = producers_.upper_bound(last); at != producers_.end(); ++at) {
    if (groups.size() == kRegistrySlice) break;
    ProducerGroupView& group = groups.emplace_back();
    group.name = last = at->first;
    group.clients = describe(at->second.members);
  }
  return groups;
}

bool ClientRegistry::next_subscribers(std::string_view topic, std::string& last,
                                      std::vector<std::string>& groups) const {
  const std::lock_guard lock(mutex_);
  auto at = consumers_.upper_bound(last);
  for (std::size_t looked_at = 0; at != consumers_.end() && looked_at < kRegistrySlice;
       ++at, ++looked_at) {
    last = at->first;
    if (at->second.subscriptions.contains(topic)) groups.push_back(at->first);
  }
  return at != consumers_.end();
}

ClientRegistry::Size ClientRegistry::size() const {
  const std::lock_guard lock(mutex_);
  Size size;
  size.connections = sessions_.size();
  size.memberships = memberships_;
  size.bytes = bytes_;
  return size;
}

ClientRegistry::SubscriptionLookup ClientRegistry::find_subscription(std::string_view group,
                                                                     std::string_view topic) const {
  std::lock_guard lock(mutex_);
  SubscriptionLookup result;
  auto found = consumers_.find(group);
  if (found == consumers_.end()) return result;
  result.broadcasting = found->second.message_model == "BROADCASTING";
  auto subscription = found->second.subscriptions.find(topic);
  if (subscription == found->second.subscriptions.end()) {
    result.status = Lookup::no_topic;
    return result;
  }
  result.status = Lookup::found;
  result.subscription = *subscription;
  return result;
}

}  // namespace comet::inline v0_1::broker
