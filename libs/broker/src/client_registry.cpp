#include "client_registry.hpp"

#include <algorithm>
#include <set>

#include "comet/base/log.hpp"
#include "comet/routing/json.hpp"
#include "table_limits.hpp"

namespace comet::broker {
namespace {

constexpr std::size_t kRegistrySlice = 256;  // groups that are looked at with the lock held

ConsumerData consumer_from_json(const boost::json::object& object) {
  ConsumerData data;
  data.group = routing::get_string(object, "groupName");
  data.consume_type = routing::get_string(object, "consumeType");
  data.message_model = routing::get_string(object, "messageModel");
  data.consume_from_where = routing::get_string(object, "consumeFromWhere");
  data.unit_mode = routing::get_bool(object, "unitMode", false);
  if (const auto* set = object.if_contains("subscriptionDataSet");
      set != nullptr && set->is_array()) {
    for (const boost::json::value& item : set->get_array()) {
      if (item.is_object())
        data.subscriptions.push_back(Subscription::from_json(item.get_object()));
    }
  }
  return data;
}

}  // namespace

Result<Heartbeat> parse_heartbeat(std::string_view json) {
  auto parsed = routing::parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  Heartbeat heartbeat;
  heartbeat.client_id = routing::get_string(*root, "clientID");
  heartbeat.fingerprint = routing::get_int(*root, "heartbeatFingerprint", 0);
  heartbeat.without_subscriptions = routing::get_bool(*root, "withoutSub", false);
  if (const auto* set = root->if_contains("consumerDataSet"); set != nullptr && set->is_array()) {
    for (const boost::json::value& item : set->get_array()) {
      if (item.is_object()) heartbeat.consumers.push_back(consumer_from_json(item.get_object()));
    }
  }
  if (const auto* set = root->if_contains("producerDataSet"); set != nullptr && set->is_array()) {
    for (const boost::json::value& item : set->get_array()) {
      if (item.is_object())
        heartbeat.producer_groups.push_back(routing::get_string(item.get_object(), "groupName"));
    }
  }
  return heartbeat;
}

bool ClientRegistry::touch(std::map<std::uint64_t, Client>& clients,
                           const std::shared_ptr<remoting::Connection>& connection,
                           const ClientInfo& client) {
  auto [entry, is_new] = clients.try_emplace(connection->id());
  entry->second = Client{client, connection, time_.now()};
  return is_new;
}

bool ClientRegistry::register_consumer(const std::shared_ptr<remoting::Connection>& connection,
                                       const ClientInfo& client, const ConsumerData& data) {
  std::lock_guard lock(mutex_);
  if (!connection->is_open()) return false;
  ConsumerGroup& group = consumers_[data.group];
  group.consume_type = data.consume_type;
  group.message_model = data.message_model;
  group.consume_from_where = data.consume_from_where;
  bool changed = touch(group.clients, connection, client);
  if (changed) {
    log::info("consumer {} of group {} joined from {} ({})", client.id, data.group,
              connection->remote().to_string(), remoting::to_string(client.language));
  }
  std::set<std::string_view> subscribed;
  for (const Subscription& subscription : data.subscriptions) {
    subscribed.insert(subscription.topic);
    auto [entry, is_new] = group.subscriptions.try_emplace(subscription.topic, subscription);
    if (!is_new && subscription.version > entry->second.version) entry->second = subscription;
    changed |= is_new;
  }
  changed |= std::erase_if(group.subscriptions, [&subscribed](const auto& entry) {
               return !subscribed.contains(entry.first);
             }) != 0;
  return changed;
}

bool ClientRegistry::unregister_consumer(std::uint64_t connection_id, std::string_view group) {
  std::lock_guard lock(mutex_);
  auto found = consumers_.find(group);
  if (found == consumers_.end() || found->second.clients.erase(connection_id) == 0) return false;
  log::info("a consumer of group {} left", group);
  if (found->second.clients.empty()) consumers_.erase(found);
  return true;
}

bool ClientRegistry::refresh_consumer(const std::shared_ptr<remoting::Connection>& connection,
                                      const ClientInfo& client, std::string_view group) {
  std::lock_guard lock(mutex_);
  auto found = consumers_.find(group);
  if (found == consumers_.end()) return false;
  auto known = found->second.clients.find(connection->id());
  if (known == found->second.clients.end() || client.fingerprint == 0 ||
      known->second.info.fingerprint != client.fingerprint) {
    return false;
  }
  known->second.last_heartbeat = time_.now();
  return true;
}

void ClientRegistry::register_producer(const std::shared_ptr<remoting::Connection>& connection,
                                       const ClientInfo& client, const std::string& group) {
  std::lock_guard lock(mutex_);
  if (!connection->is_open()) return;
  auto found = producers_.find(group);
  if (found == producers_.end()) {
    if (producers_.size() >= kMostGroups) {
      log::warn("producer group {} is not registered: there are {} already", group, kMostGroups);
      return;
    }
    found = producers_.try_emplace(group).first;
  }
  touch(found->second.clients, connection, client);
  producer_connections_[client.id] = connection;
}

void ClientRegistry::unregister_producer(std::uint64_t connection_id, std::string_view group) {
  std::lock_guard lock(mutex_);
  auto found = producers_.find(group);
  if (found == producers_.end()) return;
  auto known = found->second.clients.find(connection_id);
  if (known == found->second.clients.end()) return;
  const Client client = std::move(known->second);
  found->second.clients.erase(known);
  if (found->second.clients.empty()) producers_.erase(found);
  const auto is_there = [connection_id](const auto& entry) {
    return entry.second.clients.contains(connection_id);
  };
  if (std::none_of(producers_.begin(), producers_.end(), is_there)) forget_producer(client);
}

void ClientRegistry::forget_producer(const Client& client) {
  auto found = producer_connections_.find(client.info.id);
  if (found != producer_connections_.end() && found->second == client.connection)
    producer_connections_.erase(found);
}

std::shared_ptr<remoting::Connection> ClientRegistry::next_producer(std::string_view group) {
  std::lock_guard lock(mutex_);
  auto found = producers_.find(group);
  if (found == producers_.end()) return nullptr;
  ProducerGroup& producers = found->second;
  auto next = producers.clients.upper_bound(producers.last_asked);
  for (std::size_t tries = producers.clients.size(); tries > 0; --tries, ++next) {
    if (next == producers.clients.end()) next = producers.clients.begin();
    if (!next->second.connection->is_open()) continue;
    producers.last_asked = next->first;
    return next->second.connection;
  }
  return nullptr;
}

std::shared_ptr<remoting::Connection> ClientRegistry::find_producer(
    std::string_view client_id) const {
  std::lock_guard lock(mutex_);
  auto found = producer_connections_.find(client_id);
  return found == producer_connections_.end() ? nullptr : found->second;
}

std::vector<std::string> ClientRegistry::connection_closed(std::uint64_t connection_id) {
  std::lock_guard lock(mutex_);
  std::vector<std::string> changed;
  for (auto& [name, group] : consumers_) {
    auto client = group.clients.find(connection_id);
    if (client == group.clients.end()) continue;
    log::info("consumer {} of group {} is gone: its connection closed", client->second.info.id,
              name);
    group.clients.erase(client);
    changed.push_back(name);
  }
  std::erase_if(consumers_, [](const auto& entry) { return entry.second.clients.empty(); });
  for (auto& [name, group] : producers_) {
    auto client = group.clients.find(connection_id);
    if (client == group.clients.end()) continue;
    forget_producer(client->second);
    group.clients.erase(client);
  }
  std::erase_if(producers_, [](const auto& entry) { return entry.second.clients.empty(); });
  return changed;
}

std::vector<std::shared_ptr<remoting::Connection>> ClientRegistry::silent_since(
    Duration expiry) const {
  std::lock_guard lock(mutex_);
  std::map<std::uint64_t, std::shared_ptr<remoting::Connection>> silent;
  Instant limit = time_.now() - expiry;
  auto collect = [&](const std::map<std::uint64_t, Client>& clients) {
    for (const auto& [id, client] : clients) {
      if (client.last_heartbeat < limit) silent.emplace(id, client.connection);
    }
  };
  for (const auto& [name, group] : consumers_) collect(group.clients);
  for (const auto& [name, group] : producers_) collect(group.clients);
  std::vector<std::shared_ptr<remoting::Connection>> connections;
  for (auto& [id, connection] : silent) connections.push_back(std::move(connection));
  return connections;
}

// A client that has come back on a new connection, while the old one is not yet known to be lost,
// is there once: its share of the queues is one consumer's.
std::vector<std::string> ClientRegistry::consumer_ids(std::string_view group) const {
  std::lock_guard lock(mutex_);
  std::set<std::string> ids;
  if (auto found = consumers_.find(group); found != consumers_.end()) {
    for (const auto& [id, client] : found->second.clients) ids.insert(client.info.id);
  }
  return {ids.begin(), ids.end()};
}

std::vector<std::shared_ptr<remoting::Connection>> ClientRegistry::consumer_connections(
    std::string_view group) const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<remoting::Connection>> connections;
  if (auto found = consumers_.find(group); found != consumers_.end()) {
    for (const auto& [id, client] : found->second.clients) connections.push_back(client.connection);
  }
  return connections;
}

std::vector<ClientCount> ClientRegistry::counts() const {
  constexpr std::size_t kMost = 20'000;
  std::vector<ClientCount> all;
  const auto add = [&all](const std::string& group, const auto& clients,
                          const std::string* consume_type) {
    std::map<std::pair<remoting::Language, std::int32_t>, std::size_t> alike;
    for (const auto& [id, client] : clients) ++alike[{client.info.language, client.info.version}];
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
  for (const auto& [name, group] : consumers_) add(name, group.clients, &group.consume_type);
  for (const auto& [name, group] : producers_) add(name, group.clients, nullptr);
  return all;
}

std::vector<ClientRegistry::ConnectedClient> ClientRegistry::describe(
    const std::map<std::uint64_t, Client>& clients) const {
  std::vector<ConnectedClient> all;
  all.reserve(clients.size());
  const Instant now = time_.now();
  const std::int64_t wall_now = time_.wall_millis();
  for (const auto& [id, client] : clients) {
    ConnectedClient& one = all.emplace_back();
    one.info = client.info;
    one.connection = client.connection;
    one.last_heartbeat_millis = wall_now - to_millis(now - client.last_heartbeat);
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
  view.clients = describe(found->second.clients);
  for (const auto& [topic, subscription] : found->second.subscriptions) {
    view.subscriptions.push_back(subscription);
  }
  return view;
}

std::optional<std::vector<ClientRegistry::ConnectedClient>> ClientRegistry::producer_group(
    std::string_view group) const {
  const std::lock_guard lock(mutex_);
  const auto found = producers_.find(group);
  if (found == producers_.end()) return std::nullopt;
  return describe(found->second.clients);
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
    group.clients = describe(at->second.clients);
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
  result.subscription = subscription->second;
  return result;
}

}  // namespace comet::broker
