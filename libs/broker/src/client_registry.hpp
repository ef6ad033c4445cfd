#pragma once
// Who is connected: producers and consumers by group, from their heartbeats (Apache:
// ProducerManager, ConsumerManager).

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/remoting/connection.hpp"
#include "subscription.hpp"

namespace comet::broker {

// One consumer group as a heartbeat describes it.
class ConsumerData {
 public:
  std::string group;
  std::string consume_type;   // CONSUME_ACTIVELY, CONSUME_PASSIVELY
  std::string message_model;  // CLUSTERING, BROADCASTING
  std::string consume_from_where;
  bool unit_mode = false;
  std::vector<Subscription> subscriptions;
};

// Who is at the other end of a connection.
class ClientInfo {
 public:
  std::string id;
  remoting::Language language = remoting::Language::java;
  std::int32_t version = 0;
  std::int64_t fingerprint = 0;  // of its heartbeat's content (5.x); 0: none
};

class Heartbeat {
 public:
  std::string client_id;
  std::int64_t fingerprint = 0;
  bool without_subscriptions = false;  // 5.x: as in the last one with this fingerprint
  std::vector<ConsumerData> consumers;
  std::vector<std::string> producer_groups;
};
[[nodiscard]] Result<Heartbeat> parse_heartbeat(std::string_view json);

// Thread-safe.
class ClientRegistry {
 public:
  explicit ClientRegistry(TimeSource& time) : time_(time) {}

  // Both return whether the group's members or subscriptions have changed, so that the members
  // must be told.
  bool register_consumer(const std::shared_ptr<remoting::Connection>& connection,
                         const ClientInfo& client, const ConsumerData& data);
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

  // The connection is gone: forgets its clients. Returns consumer groups whose members changed.
  std::vector<std::string> connection_closed(std::uint64_t connection_id);
  // Connections that have not sent a heartbeat for `expiry`; the caller closes them.
  [[nodiscard]] std::vector<std::shared_ptr<remoting::Connection>> silent_since(
      Duration expiry) const;

  [[nodiscard]] std::vector<std::string> consumer_ids(std::string_view group) const;
  [[nodiscard]] std::vector<std::shared_ptr<remoting::Connection>> consumer_connections(
      std::string_view group) const;

  // Of all groups, up to a limit.
  [[nodiscard]] std::vector<ClientCount> counts() const;

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
  struct Client {
    ClientInfo info;
    std::shared_ptr<remoting::Connection> connection;
    Instant last_heartbeat;
  };
  struct ConsumerGroup {
    std::string consume_type, message_model, consume_from_where;
    std::map<std::uint64_t, Client> clients;  // by connection id
    std::map<std::string, Subscription, std::less<>> subscriptions;
  };
  struct ProducerGroup {
    std::map<std::uint64_t, Client> clients;  // by connection id
    std::uint64_t last_asked = 0;
  };

  void forget_producer(const Client& client);

  [[nodiscard]] std::vector<ConnectedClient> describe(
      const std::map<std::uint64_t, Client>& clients) const;
  // Adds the client or refreshes it; whether it is new.
  bool touch(std::map<std::uint64_t, Client>& clients,
             const std::shared_ptr<remoting::Connection>& connection, const ClientInfo& client);

  TimeSource& time_;
  mutable std::mutex mutex_;
  std::map<std::string, ConsumerGroup, std::less<>> consumers_;
  std::map<std::string, ProducerGroup, std::less<>> producers_;
  // Of producers, by client id: the connection on which it came last.
  std::map<std::string, std::shared_ptr<remoting::Connection>, std::less<>> producer_connections_;
};

}  // namespace comet::broker
