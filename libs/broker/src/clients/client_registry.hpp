#pragma once
// Who is connected: producers and consumers by group, from their heartbeats (Apache:
// ProducerManager, ConsumerManager).

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "clients/heartbeat.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/connection.hpp"

namespace comet::inline v0_1::broker {

// Who is at the other end of a connection.
class ClientInfo {
 public:
  std::string id;
  remoting::Language language = remoting::Language::java;
  std::int32_t version = 0;
  std::int64_t fingerprint = 0;  // of its heartbeat's content (5.x); 0: none
};

// Thread-safe. What it keeps of a connection goes with the connection, and is limited: a heartbeat
// is registered only after find_fault() has found nothing (docs/limits.md).
class ClientRegistry {
 public:
  ClientRegistry(TimeSource& time, const ClientLimits& limits) : time_(time), limits_(limits) {}

  // Why this heartbeat cannot be registered, with the key, the value and the limit; empty: it can.
  [[nodiscard]] std::string find_fault(std::uint64_t connection_id,
                                       const Heartbeat& heartbeat) const;

  // Whether the group's members or topics have changed, so that its members must be told.
  bool register_consumer(const std::shared_ptr<remoting::Connection>& connection,
                         const ClientInfo& client, const ConsumerData& data);
  // Whether the group's members have changed, so that they must be told.
  bool unregister_consumer(std::uint64_t connection_id, std::string_view group);
  // A sign of life of a consumer that says that nothing has changed since the heartbeat of that
  // fingerprint. False when that one did not come over this connection: a full one is needed.
  [[nodiscard]] bool refresh_consumer(const std::shared_ptr<remoting::Connection>& connection,
                                      const ClientInfo& client, std::string_view group);
  void register_producer(const std::shared_ptr<remoting::Connection>& connection,
                         const ClientInfo& client, const std::string& group);
  void unregister_producer(std::uint64_t connection_id, std::string_view group);

  // A producer of the group, the next one each time; null when there is none.
  [[nodiscard]] std::shared_ptr<remoting::Connection> next_producer(std::string_view group);
  // The connection of a client that has a producer; null when there is none.
  [[nodiscard]] std::shared_ptr<remoting::Connection> find_producer(
      std::string_view client_id) const;

  // Whether a client with a heartbeat has a connection from this IP address.
  [[nodiscard]] bool has_client_at(const IpEndpoint& remote) const;

  // The connection is gone: forgets its clients. Returns its consumer groups, and whether they have
  // other members.
  class LeftGroup {
   public:
    std::string name;
    bool is_empty = false;
  };
  std::vector<LeftGroup> connection_closed(std::uint64_t connection_id);
  // Of some connections after `last`, which says how far it got, first 0: those of which a group
  // has had no heartbeat for `expiry`; the caller closes them. Nullopt: that was all.
  [[nodiscard]] std::optional<std::vector<std::shared_ptr<remoting::Connection>>> next_silent(
      Duration expiry, std::uint64_t& last) const;

  [[nodiscard]] bool has_consumers(std::string_view group) const;
  [[nodiscard]] std::vector<std::string> consumer_ids(std::string_view group) const;
  // Some members' connections of the group after `last`, which says how far it got, first 0; none:
  // that was all.
  [[nodiscard]] std::vector<std::shared_ptr<remoting::Connection>> next_members(
      std::string_view group, std::uint64_t& last) const;

  // Of all groups, up to a limit.
  [[nodiscard]] std::vector<ClientCount> counts() const;
  class Size {
   public:
    std::size_t connections = 0;
    std::size_t memberships = 0;  // of connections in groups
    std::size_t bytes = 0;        // estimated
  };
  [[nodiscard]] Size size() const;

  class ConnectedClient {
   public:
    ClientInfo info;
    std::shared_ptr<remoting::Connection> connection;
    std::int64_t last_heartbeat_millis = 0;  // wall clock
  };
  class ConsumerGroupView {
   public:
    std::string consume_type, message_model, consume_from_where;
    std::vector<ConnectedClient> clients;
    std::vector<Subscription> subscriptions;  // by topic
  };
  // Nullopt: nobody of it is connected; so below.
  [[nodiscard]] std::optional<ConsumerGroupView> consumer_group(std::string_view group) const;
  [[nodiscard]] std::optional<std::vector<ConnectedClient>> producer_group(
      std::string_view group) const;
  [[nodiscard]] std::optional<ConnectedClient> find_consumer(std::string_view group,
                                                             std::string_view client_id) const;
  // Some groups after `last`, which says how far it got, first empty; none: that was all.
  class ProducerGroupView {
   public:
    std::string name;
    std::vector<ConnectedClient> clients;
  };
  [[nodiscard]] std::vector<ProducerGroupView> next_producer_groups(std::string& last) const;
  // Adds those of some groups that subscribe to the topic; whether there are more groups.
  [[nodiscard]] bool next_subscribers(std::string_view topic, std::string& last,
                                      std::vector<std::string>& groups) const;

  enum class Lookup { found, no_group, no_topic };
  class SubscriptionLookup {
   public:
    Lookup status = Lookup::no_group;
    bool broadcasting = false;
    Subscription subscription;
  };
  [[nodiscard]] SubscriptionLookup find_subscription(std::string_view group,
                                                     std::string_view topic) const;

 private:
  // A client of a connection, shared by all groups of which it is a member.
  struct Client {
    ClientInfo info;
    std::size_t consumer_groups = 0;
    std::size_t producer_groups = 0;
  };
  struct ConsumerGroup;
  struct ProducerGroup;
  // What is known of a connection.
  struct Session {
    std::shared_ptr<remoting::Connection> connection;
    std::map<std::string, Client, std::less<>> clients;  // by id
    std::vector<ConsumerGroup*> consumer_groups;
    std::vector<ProducerGroup*> producer_groups;
    [[nodiscard]] std::size_t groups() const noexcept {
      return consumer_groups.size() + producer_groups.size();
    }
  };
  using Sessions = std::map<std::uint64_t, Session>;  // by connection id
  // A connection in a group.
  struct Member {
    Session* session = nullptr;
    Client* client = nullptr;
    Instant last_heartbeat;
  };
  using Members = std::map<std::uint64_t, Member>;  // by connection id
  struct BySubscribedTopic {
    using is_transparent = void;
    bool operator()(const Subscription& a, const Subscription& b) const noexcept {
      return a.topic < b.topic;
    }
    bool operator()(const Subscription& a, std::string_view b) const noexcept {
      return a.topic < b;
    }
    bool operator()(std::string_view a, const Subscription& b) const noexcept {
      return a < b.topic;
    }
  };
  struct ConsumerGroup {
    std::string name;
    std::string consume_type, message_model, consume_from_where;
    Members members;
    std::set<Subscription, BySubscribedTopic> subscriptions;
  };
  struct ProducerGroup {
    std::string name;
    Members members;
    std::uint64_t last_asked = 0;
  };

  // All with the lock held.
  Session& session_of(const std::shared_ptr<remoting::Connection>& connection);
  Client& client_of(Session& session, const ClientInfo& info);
  // Adds the client to the group or refreshes it; whether the connection is new in it. `count`: the
  // client's of such groups.
  bool touch(Members& members, Session& session, const ClientInfo& info,
             std::size_t Client::* count);
  // The member has left a group.
  void release(const Member& member, std::size_t Client::* count);
  void forget_if_unused(std::uint64_t connection_id);
  void forget_session(Sessions::iterator session);
  // Whether they are of other topics now.
  bool take_subscriptions(ConsumerGroup& group, const std::vector<Subscription>& subscriptions);
  void erase_if_empty(ConsumerGroup& group);
  void erase_if_empty(ProducerGroup& group);
  [[nodiscard]] std::vector<ConnectedClient> describe(const Members& members) const;

  TimeSource& time_;
  const ClientLimits& limits_;
  mutable std::mutex mutex_;
  Sessions sessions_;
  std::map<std::string, std::size_t, std::less<>> sessions_at_;  // by the bytes of the IP address
  std::map<std::string, ConsumerGroup, std::less<>> consumers_;
  std::map<std::string, ProducerGroup, std::less<>> producers_;
  // Of producers, by client id: the connection on which it came last.
  std::map<std::string, std::shared_ptr<remoting::Connection>, std::less<>> producer_connections_;
  std::size_t memberships_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace comet::inline v0_1::broker
