#include "clients/client_registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::size_t kSilenceSlice = 4096;  // memberships that are looked at with the lock held

// What the parts of the tables take, estimated: nodes of maps, their payload, the allocator's
// share.
constexpr std::size_t kSessionBytes = 300;
constexpr std::size_t kClientBytes = 250;
constexpr std::size_t kMembershipBytes = 110;
constexpr std::size_t kGroupBytes = 350;
constexpr std::size_t kSubscriptionBytes =
    80;  // of the node; the rest: Subscription::memory_size()

std::size_t bytes_of(const Subscription& subscription) {
  return kSubscriptionBytes + subscription.memory_size();
}

}  // namespace

std::string ClientRegistry::find_fault(std::uint64_t connection_id,
                                       const Heartbeat& heartbeat) const {
  for (const ConsumerData& consumer : heartbeat.consumers) {
    if (consumer.named_subscriptions > limits_.max_subscriptions_per_group) {
      return fmt::format("consumer group {} has {} subscriptions: maxSubscriptionsPerGroup is {}",
                         printable(consumer.group), consumer.named_subscriptions,
                         limits_.max_subscriptions_per_group);
    }
    if (consumer.subscription_bytes > limits_.max_subscription_bytes_per_group) {
      return fmt::format(
          "consumer group {} has topics and expressions of {} bytes: maxSubscriptionBytesPerGroup "
          "is {}",
          printable(consumer.group), consumer.subscription_bytes,
          limits_.max_subscription_bytes_per_group);
    }
  }
  const std::lock_guard lock(mutex_);
  const auto known = sessions_.find(connection_id);
  const Session* session = known == sessions_.end() ? nullptr : &known->second;
  const auto is_new = [connection_id](const auto& groups, std::string_view name) {
    const auto found = groups.find(name);
    return found == groups.end() || !found->second.members.contains(connection_id);
  };
  std::size_t groups = heartbeat.groups_left_out + (session == nullptr ? 0 : session->groups());
  for (const ConsumerData& consumer : heartbeat.consumers) {
    if (is_new(consumers_, consumer.group)) ++groups;
  }
  for (const std::string& group : heartbeat.producer_groups) {
    if (is_new(producers_, group)) ++groups;
  }
  if (groups > limits_.max_groups_per_connection) {
    return fmt::format(
        "with this heartbeat the connection has {} groups: maxGroupsPerConnection is {}", groups,
        limits_.max_groups_per_connection);
  }
  if (session != nullptr && session->clients.size() >= kMostClientsPerConnection &&
      !session->clients.contains(heartbeat.client_id)) {
    return fmt::format("the connection has {} clients, more than {} are not taken",
                       session->clients.size(), kMostClientsPerConnection);
  }
  if (bytes_ > limits_.max_bytes) {
    return fmt::format("the table of clients takes {} bytes: maxClientTableBytes is {}", bytes_,
                       limits_.max_bytes);
  }
  return {};
}

ClientRegistry::Session& ClientRegistry::session_of(
    const std::shared_ptr<remoting::Connection>& connection) {
  const auto [entry, is_new] = sessions_.try_emplace(connection->id());
  if (is_new) {
    entry->second.connection = connection;
    ++sessions_at_[std::string(connection->remote().ip_bytes())];
    bytes_ += kSessionBytes;
  }
  return entry->second;
}

ClientRegistry::Client& ClientRegistry::client_of(Session& session, const ClientInfo& info) {
  const auto [entry, is_new] = session.clients.try_emplace(info.id);
  if (is_new) bytes_ += kClientBytes + 2 * info.id.size();
  entry->second.info = info;
  return entry->second;
}

bool ClientRegistry::touch(Members& members, Session& session, const ClientInfo& info,
                           std::size_t Client::* count) {
  Client& client = client_of(session, info);
  const auto [entry, is_new] = members.try_emplace(session.connection->id());
  Member& member = entry->second;
  const Member former = member;
  member = Member{&session, &client, time_.now()};
  if (former.client != &client) ++(client.*count);
  if (is_new) {
    ++memberships_;
    bytes_ += kMembershipBytes;
  } else if (former.client != &client) {
    release(former, count);
  }
  return is_new;
}

void ClientRegistry::release(const Member& member, std::size_t Client::* count) {
  Client& client = *member.client;
  --(client.*count);
  if (client.producer_groups == 0) {
    const auto listed = producer_connections_.find(client.info.id);
    if (listed != producer_connections_.end() && listed->second == member.session->connection)
      producer_connections_.erase(listed);
  }
  if (client.producer_groups + client.consumer_groups != 0) return;
  bytes_ -= kClientBytes + 2 * client.info.id.size();
  member.session->clients.erase(member.session->clients.find(client.info.id));
}

void ClientRegistry::forget_if_unused(std::uint64_t connection_id) {
  const auto session = sessions_.find(connection_id);
  if (session == sessions_.end() || session->second.groups() != 0) return;
  forget_session(session);
}

void ClientRegistry::forget_session(Sessions::iterator session) {
  const auto there = sessions_at_.find(session->second.connection->remote().ip_bytes());
  if (--there->second == 0) sessions_at_.erase(there);
  sessions_.erase(session);
  bytes_ -= kSessionBytes;
}

bool ClientRegistry::has_client_at(const IpEndpoint& remote) const {
  std::lock_guard lock(mutex_);
  return sessions_at_.contains(remote.ip_bytes());
}

void ClientRegistry::erase_if_empty(ConsumerGroup& group) {
  if (!group.members.empty()) return;
  for (const Subscription& subscription : group.subscriptions) bytes_ -= bytes_of(subscription);
  bytes_ -= kGroupBytes + 2 * group.name.size();
  consumers_.erase(consumers_.find(group.name));
}

void ClientRegistry::erase_if_empty(ProducerGroup& group) {
  if (!group.members.empty()) return;
  bytes_ -= kGroupBytes + 2 * group.name.size();
  producers_.erase(producers_.find(group.name));
}

bool ClientRegistry::register_consumer(const std::shared_ptr<remoting::Connection>& connection,
                                       const ClientInfo& client, const ConsumerData& data) {
  std::lock_guard lock(mutex_);
  if (!connection->is_open()) return false;
  const auto [entry, is_new_group] = consumers_.try_emplace(data.group);
  ConsumerGroup& group = entry->second;
  if (is_new_group) {
    group.name = data.group;
    bytes_ += kGroupBytes + 2 * data.group.size();
  }
  group.consume_type = data.consume_type;
  group.message_model = data.message_model;
  group.consume_from_where = data.consume_from_where;
  Session& session = session_of(connection);
  const bool has_joined = touch(group.members, session, client, &Client::consumer_groups);
  if (has_joined) {
    session.consumer_groups.push_back(&group);
    log::info("consumer {} of group {} joined from {} ({})", printable(client.id),
              printable(data.group), connection->remote().to_string(),
              remoting::to_string(client.language));
  }
  const bool has_other_topics = take_subscriptions(group, data.subscriptions);
  return has_joined || has_other_topics;
}

bool ClientRegistry::take_subscriptions(ConsumerGroup& group,
                                        const std::vector<Subscription>& subscriptions) {
  bool is_other = false;
  std::set<std::string_view> subscribed;
  for (const Subscription& subscription : subscriptions) {
    subscribed.insert(subscription.topic);
    const auto known = group.subscriptions.find(subscription.topic);
    const bool is_new = known == group.subscriptions.end();
    if (!is_new && subscription.version <= known->version) continue;
    if (!is_new) {
      bytes_ -= bytes_of(*known);
      group.subscriptions.erase(known);
    }
    bytes_ += bytes_of(*group.subscriptions.insert(subscription).first);
    is_other |= is_new;
  }
  if (group.subscriptions.size() == subscribed.size()) return is_other;
  std::erase_if(group.subscriptions, [&](const Subscription& one) {
    const bool goes = !subscribed.contains(one.topic);
    if (goes) bytes_ -= bytes_of(one);
    return goes;
  });
  return true;
}

bool ClientRegistry::unregister_consumer(std::uint64_t connection_id, std::string_view group) {
  std::lock_guard lock(mutex_);
  auto found = consumers_.find(group);
  if (found == consumers_.end()) return false;
  auto member = found->second.members.extract(connection_id);
  if (member.empty()) return false;
  log::info("a consumer of group {} left", group);
  std::erase(member.mapped().session->consumer_groups, &found->second);
  release(member.mapped(), &Client::consumer_groups);
  --memberships_;
  bytes_ -= kMembershipBytes;
  erase_if_empty(found->second);
  forget_if_unused(connection_id);
  return true;
}

bool ClientRegistry::refresh_consumer(const std::shared_ptr<remoting::Connection>& connection,
                                      const ClientInfo& client, std::string_view group) {
  std::lock_guard lock(mutex_);
  auto found = consumers_.find(group);
  if (found == consumers_.end()) return false;
  auto known = found->second.members.find(connection->id());
  if (known == found->second.members.end() || client.fingerprint == 0 ||
      known->second.client->info.fingerprint != client.fingerprint) {
    return false;
  }
  known->second.last_heartbeat = time_.now();
  return true;
}

void ClientRegistry::register_producer(const std::shared_ptr<remoting::Connection>& connection,
                                       const ClientInfo& client, const std::string& name) {
  std::lock_guard lock(mutex_);
  if (!connection->is_open()) return;
  auto found = producers_.find(name);
  if (found == producers_.end()) {
    if (producers_.size() >= kMostGroups) {
      log::warn("producer group {} is not registered: there are {} already", name, kMostGroups);
      return;
    }
    found = producers_.try_emplace(name).first;
    found->second.name = name;
    bytes_ += kGroupBytes + 2 * name.size();
  }
  ProducerGroup& group = found->second;
  Session& session = session_of(connection);
  if (touch(group.members, session, client, &Client::producer_groups)) {
    session.producer_groups.push_back(&group);
  }
  producer_connections_[client.id] = connection;
}

void ClientRegistry::unregister_producer(std::uint64_t connection_id, std::string_view group) {
  std::lock_guard lock(mutex_);
  auto found = producers_.find(group);
  if (found == producers_.end()) return;
  auto member = found->second.members.extract(connection_id);
  if (member.empty()) return;
  std::erase(member.mapped().session->producer_groups, &found->second);
  release(member.mapped(), &Client::producer_groups);
  --memberships_;
  bytes_ -= kMembershipBytes;
  erase_if_empty(found->second);
  forget_if_unused(connection_id);
}

std::shared_ptr<remoting::Connection> ClientRegistry::next_producer(std::string_view group) {
  std::lock_guard lock(mutex_);
  auto found = producers_.find(group);
  if (found == producers_.end()) return nullptr;
  ProducerGroup& producers = found->second;
  auto next = producers.members.upper_bound(producers.last_asked);
  for (std::size_t tries = producers.members.size(); tries > 0; --tries, ++next) {
    if (next == producers.members.end()) next = producers.members.begin();
    const auto& connection = next->second.session->connection;
    if (!connection->is_open()) continue;
    producers.last_asked = next->first;
    return connection;
  }
  return nullptr;
}

std::shared_ptr<remoting::Connection> ClientRegistry::find_producer(
    std::string_view client_id) const {
  std::lock_guard lock(mutex_);
  auto found = producer_connections_.find(client_id);
  return found == producer_connections_.end() ? nullptr : found->second;
}

std::vector<ClientRegistry::LeftGroup> ClientRegistry::connection_closed(
    std::uint64_t connection_id) {
  std::lock_guard lock(mutex_);
  std::vector<LeftGroup> left;
  const auto known = sessions_.find(connection_id);
  if (known == sessions_.end()) return left;
  Session& session = known->second;
  if (!session.consumer_groups.empty()) {
    log::info("consumer {} of {} group{}, {} first, is gone: its connection closed",
              session.clients.begin()->first, session.consumer_groups.size(),
              session.consumer_groups.size() == 1 ? "" : "s",
              session.consumer_groups.front()->name);
  }
  const std::size_t groups = session.groups();
  left.reserve(session.consumer_groups.size());
  for (ConsumerGroup* group : session.consumer_groups) {
    const auto member = group->members.extract(connection_id);
    release(member.mapped(), &Client::consumer_groups);
    left.push_back({group->name, group->members.empty()});
    erase_if_empty(*group);
  }
  for (ProducerGroup* group : session.producer_groups) {
    const auto member = group->members.extract(connection_id);
    release(member.mapped(), &Client::producer_groups);
    erase_if_empty(*group);
  }
  memberships_ -= groups;
  bytes_ -= groups * kMembershipBytes;
  forget_session(known);
  return left;
}

std::optional<std::vector<std::shared_ptr<remoting::Connection>>> ClientRegistry::next_silent(
    Duration expiry, std::uint64_t& last) const {
  std::lock_guard lock(mutex_);
  auto at = sessions_.upper_bound(last);
  if (at == sessions_.end()) return std::nullopt;
  const Instant limit = time_.now() - expiry;
  std::vector<std::shared_ptr<remoting::Connection>> silent;
  std::size_t looked_at = 0;
  for (; at != sessions_.end() && looked_at < kSilenceSlice; ++at) {
    const auto& [id, session] = *at;
    last = id;
    looked_at += 1 + session.groups();
    const auto is_silent = [id = id, limit](const auto* group) {
      return group->members.find(id)->second.last_heartbeat < limit;
    };
    if (std::ranges::any_of(session.consumer_groups, is_silent) ||
        std::ranges::any_of(session.producer_groups, is_silent)) {
      silent.push_back(session.connection);
    }
  }
  return silent;
}

}  // namespace comet::inline v0_1::broker
