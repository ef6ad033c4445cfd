#pragma once
// What administrators ask name servers and brokers:
//
//   comet::admin::AdminConfig config;
//   config.name_servers("127.0.0.1:9876");
//   comet::admin::Admin admin(executor, config);
//   comet::admin::ConsumeStats stats = co_await admin.consume_stats("billing");
//   std::cout << stats.total_lag() << " messages behind\n";
//   co_await admin.stop();
//
// Servers may be ours or Apache's, 4.9 and 5.x.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/admin/broker_data.hpp"
#include "comet/admin/cluster.hpp"
#include "comet/admin/connections.hpp"
#include "comet/admin/groups.hpp"
#include "comet/admin/ha_status.hpp"
#include "comet/admin/offsets.hpp"
#include "comet/base/properties.hpp"
#include "comet/base/stream.hpp"
#include "comet/base/tls_network.hpp"
#include "comet/client/client_config.hpp"
#include "comet/client/errors.hpp"
#include "comet/message/message.hpp"
#include "comet/remoting/acl.hpp"
#include "comet/remoting/codes.hpp"
#include "comet/routing/topic_config.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::admin {

class AdminConfig {
 public:
  // "host:port", several separated by ';'. Without any, NAMESRV_ADDR of the environment counts;
  // without that, only brokers that are named by their address can be asked. Throws Error naming an
  // item that is not host:port.
  AdminConfig& name_servers(std::string_view list);
  // For each request, its connection included; an operation may need several. 5 s. Three times as
  // long for those that a broker hands on to a consumer, ten times for broker_consume_stats, as
  // with mqadmin.
  AdminConfig& timeout(Duration value) {
    timeout_ = value;
    return *this;
  }
  // Signs every request, for clusters with access control (Apache: AclClientRPCHook).
  AdminConfig& access_key(std::string access_key, std::string secret_key,
                          std::string security_token = {}) {
    client_.remoting.hooks.push_back(std::make_shared<remoting::AclSigner>(remoting::Credentials(
        std::move(access_key), std::move(secret_key), std::move(security_token))));
    return *this;
  }
  // Connections with TLS. For admins that are not given a network; their constructor throws Error
  // (TlsErrc::bad_file) naming a file that cannot be used.
  AdminConfig& tls(TlsClientConfig value) {
    tls_ = std::move(value);
    return *this;
  }

  // Name servers, hooks, serialization, connection limits; the rest has no effect here.
  [[nodiscard]] client::ClientConfig& client() noexcept { return client_; }
  [[nodiscard]] const client::ClientConfig& client() const noexcept { return client_; }
  [[nodiscard]] Duration timeout() const noexcept { return timeout_; }
  [[nodiscard]] const std::optional<TlsClientConfig>& tls() const noexcept { return tls_; }

 private:
  client::ClientConfig client_;
  Duration timeout_ = std::chrono::seconds(5);  // Apache: DefaultMQAdminExt.timeoutMillis
  std::optional<TlsClientConfig> tls_;
};

// A server has answered, and the answer is no. code() is its response code (response_category);
// what() says who refused what and why.
class Refused : public Error {
 public:
  Refused(remoting::ResponseCode code, remoting::RequestCode request, Address server,
          std::string remark);
  [[nodiscard]] remoting::ResponseCode response() const noexcept {
    return static_cast<remoting::ResponseCode>(code().value());
  }
  [[nodiscard]] remoting::RequestCode request() const noexcept { return request_; }
  [[nodiscard]] const Address& server() const noexcept { return server_; }
  // The server's own words.
  [[nodiscard]] const std::string& remark() const noexcept { return remark_; }

 private:
  remoting::RequestCode request_;
  Address server_;
  std::string remark_;
};

// What went wrong, for people: "GET_TOPIC_STATS_INFO at 127.0.0.1:10911: topic[T] not exist
// (TOPIC_NOT_EXIST, code 17)" on one line, with the system's words where no server has answered.
[[nodiscard]] std::string describe(const boost::system::system_error& error);

// Where a queue can be read.
class QueuePlace {
 public:
  QueuePlace() = default;
  QueuePlace(MessageQueue queue_in, Address broker_in)
      : queue(std::move(queue_in)), broker(std::move(broker_in)) {}
  MessageQueue queue;
  Address broker;  // the master; a slave where there is none
};

class MessageBatch {
 public:
  std::vector<MessageExt> messages;  // bodies decompressed
  std::int64_t next_offset = 0;      // where to go on
  std::int64_t min_offset = 0;       // of the queue
  std::int64_t max_offset = 0;
  bool at_end = false;  // there is nothing at or behind the offset that was asked for
};

// What has become of a message in one consumer group.
class MessageTrack {
 public:
  std::string group;
  // Apache's TrackType: "CONSUMED", "CONSUMED_BUT_FILTERED", "PULL" (the group pulls at will),
  // "CONSUME_BROADCASTING", "NOT_CONSUME_YET", "NOT_ONLINE", "UNKNOWN".
  std::string state;
};

// Every operation is an awaitable with these common rules.
// Executor: an Admin belongs to the executor it was made with (one thread, or a strand); call and
// await it there. Operations may overlap.
// Ownership: arguments are copied; the Admin outlives its operations, the executor's context
// outlives the Admin.
// Errors (Error): Refused when a server answers with another code than success; RemotingErrc,
// asio::error or system codes when it cannot be reached or does not answer in time, with request
// and address in what(); ClientErrc::bad_answer for a body that cannot be read;
// ClientErrc::no_name_server when a name server is needed and none is configured, and
// RemotingErrc::no_name_server when none of them answers.
// Cancellation: ends the operation with operation_aborted; what has been sent may still be done.
class Admin {
 public:
  // Over TCP and the system's clocks.
  Admin(asio::any_io_executor executor, AdminConfig config);
  // Over another network or time (tests); both outlive the executor's context.
  Admin(asio::any_io_executor executor, AdminConfig config, Network& network, TimeSource& time);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // Closes the connections; operations in progress fail. Destroying an admin without it does the
  // same in the background.
  [[nodiscard]] asio::awaitable<void> stop();
  [[nodiscard]] const std::vector<Address>& name_servers() const noexcept;

  // --- Clusters and routes, from the first name server that answers (cluster_calls.cpp)

  [[nodiscard]] asio::awaitable<ClusterInfo> cluster_info();
  // The brokers of a scope, sorted by cluster, name and id. With `slaves` all of them, else the
  // masters. ClientErrc::broker_not_exist for a cluster that is not known or has no master.
  [[nodiscard]] asio::awaitable<std::vector<BrokerNode>> brokers(Scope scope, bool slaves = false);
  // The master of that name, else a slave. ClientErrc::broker_not_exist.
  [[nodiscard]] asio::awaitable<Address> broker_address(std::string broker_name);
  // Sorted by name.
  [[nodiscard]] asio::awaitable<std::vector<std::string>> topics();
  [[nodiscard]] asio::awaitable<std::vector<std::string>> topics_of_cluster(std::string cluster);
  // Clusters that have the topic.
  [[nodiscard]] asio::awaitable<std::vector<std::string>> clusters_of_topic(std::string topic);
  // Refused with TOPIC_NOT_EXIST when there is none.
  [[nodiscard]] asio::awaitable<routing::TopicRouteData> route(std::string topic);
  // Those that may be read, sorted.
  [[nodiscard]] asio::awaitable<std::vector<QueuePlace>> readable_queues(std::string topic);
  // Those that have the topic, or serve the group: its retry topic's, else all masters.
  [[nodiscard]] asio::awaitable<std::vector<BrokerNode>> brokers_of_topic(std::string topic);
  [[nodiscard]] asio::awaitable<std::vector<BrokerNode>> brokers_of_group(std::string group);

  // --- Name servers: changes go to each of them, as they tell each other nothing
  // (namesrv_calls.cpp)

  [[nodiscard]] asio::awaitable<Properties> name_server_config(Address name_server);
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> update_name_server_config(
      std::map<std::string, std::string> values);
  [[nodiscard]] asio::awaitable<std::string> kv_config(std::string name_space, std::string key);
  [[nodiscard]] asio::awaitable<std::map<std::string, std::string>> kv_list(std::string name_space);
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> put_kv_config(std::string name_space,
                                                                    std::string key,
                                                                    std::string value);
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> delete_kv_config(std::string name_space,
                                                                       std::string key);
  // Which brokers have how many queues of a topic whose order matters:
  // KV ORDER_TOPIC_CONFIG, "broker-a:4;broker-b:4". `merge`: other brokers' entries stay.
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> put_order_config(std::string topic,
                                                                       std::string value,
                                                                       bool merge);
  // Until the broker registers changed topics the next time: producers leave it or come back.
  // The topics changed, by name server; the first one that fails ends it.
  [[nodiscard]] asio::awaitable<std::vector<std::pair<Address, std::int32_t>>> wipe_write_perm(
      std::string broker_name);
  [[nodiscard]] asio::awaitable<std::vector<std::pair<Address, std::int32_t>>> add_write_perm(
      std::string broker_name);

  // --- Topics (topic_calls.cpp)

  // Creates the topic or changes it. One outcome per broker.
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> put_topic(Scope scope,
                                                                routing::TopicConfig topic);
  // From all brokers of the cluster, then, if they have all done it, from the name servers.
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> delete_topic(std::string topic,
                                                                   std::string cluster);
  [[nodiscard]] asio::awaitable<routing::TopicConfigTable> topic_configs(Address broker);
  // nullopt when that broker does not have it.
  [[nodiscard]] asio::awaitable<std::optional<routing::TopicConfig>> topic_config(
      Address broker, std::string topic);
  // Of all masters that have the topic, or of one broker.
  [[nodiscard]] asio::awaitable<TopicStats> topic_stats(std::string topic);
  [[nodiscard]] asio::awaitable<TopicStats> topic_stats(Address broker, std::string topic);
  // Groups that are online or have offsets; sorted.
  [[nodiscard]] asio::awaitable<std::vector<std::string>> groups_of_topic(std::string topic);
  [[nodiscard]] asio::awaitable<std::vector<std::string>> system_topics(Address broker);

  // --- Consumer groups (consumer_calls.cpp)

  [[nodiscard]] asio::awaitable<GroupTable::Groups> groups(Address broker);
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> put_group(Scope scope, GroupConfig group);
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> delete_group(Scope scope, std::string group,
                                                                   bool remove_offsets);
  // Of all masters that serve the group, or of one broker; with a topic, of that alone. No offsets:
  // the group is not known, or has read nothing.
  [[nodiscard]] asio::awaitable<ConsumeStats> consume_stats(std::string group,
                                                            std::string topic = {});
  [[nodiscard]] asio::awaitable<ConsumeStats> consume_stats(Address broker, std::string group,
                                                            std::string topic);
  [[nodiscard]] asio::awaitable<BrokerConsumeStats> broker_consume_stats(Address broker,
                                                                         bool order_topics);
  // Refused with CONSUMER_NOT_ONLINE when no broker has a member of the group.
  [[nodiscard]] asio::awaitable<ConsumerConnections> consumer_connections(std::string group);
  [[nodiscard]] asio::awaitable<ConsumerConnections> consumer_connections(Address broker,
                                                                          std::string group);
  // Of the brokers of the topic.
  [[nodiscard]] asio::awaitable<std::vector<ClientConnection>> producer_connections(
      std::string group, std::string topic);
  [[nodiscard]] asio::awaitable<std::map<std::string, std::vector<ProducerInfo>>> producers(
      Address broker);
  // From the consumer itself, through a broker that it is connected to.
  [[nodiscard]] asio::awaitable<ConsumerRunningInfo> consumer_running_info(std::string group,
                                                                           std::string client_id,
                                                                           bool stack = false);
  // The consumer is given this stored message (by its offset message id, see message_by_id) once
  // more.
  [[nodiscard]] asio::awaitable<DirectResult> consume_directly(std::string group,
                                                               std::string client_id,
                                                               std::string message_id,
                                                               std::string topic = {});

  // --- Offsets (offset_calls.cpp)

  [[nodiscard]] asio::awaitable<std::int64_t> min_offset(QueuePlace place);
  [[nodiscard]] asio::awaitable<std::int64_t> max_offset(QueuePlace place);
  // Of the first message stored at that time (ms) or later; brokers of 4.9 may give the one before.
  [[nodiscard]] asio::awaitable<std::int64_t> search_offset(QueuePlace place, std::int64_t time);
  // When the oldest message was stored, ms; -1: the queue is empty.
  [[nodiscard]] asio::awaitable<std::int64_t> earliest_time(QueuePlace place);
  // nullopt: the group has none.
  [[nodiscard]] asio::awaitable<std::optional<std::int64_t>> consumer_offset(std::string group,
                                                                             QueuePlace place);
  [[nodiscard]] asio::awaitable<void> update_consumer_offset(std::string group, QueuePlace place,
                                                             std::int64_t offset);
  // Where the group goes on; its members are told. Where it has no members, the stored offsets are
  // changed instead, as mqadmin does.
  [[nodiscard]] asio::awaitable<ResetResult> reset_offsets(OffsetReset reset);
  // The target group gets the source group's offsets; an empty topic: of all that it reads.
  // `offline`: also of topics that the source group has no members for.
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> clone_offsets(std::string source,
                                                                    std::string target,
                                                                    std::string topic,
                                                                    bool offline);
  [[nodiscard]] asio::awaitable<std::vector<QueueTimeSpan>> time_spans(Address broker,
                                                                       std::string topic,
                                                                       std::string group);
  // What the members of the group have read, by client id; an empty client id: all of them.
  [[nodiscard]] asio::awaitable<std::map<std::string, QueueOffsets>> consumer_status(
      Address broker, std::string topic, std::string group, std::string client_id = {});

  // --- Messages (message_calls.cpp, track_calls.cpp)

  // By the id that the broker has given ("msgId" of Apache's send results is another one). The id
  // holds the address that the broker had then; when no broker of the topic (of any, without one)
  // has it today, all of them are asked. Throws ClientErrc::illegal_message when that is no such
  // id.
  [[nodiscard]] asio::awaitable<MessageExt> message_by_id(std::string offset_message_id,
                                                          std::string topic = {});
  [[nodiscard]] asio::awaitable<MessageExt> message_at(Address broker,
                                                       std::int64_t physical_offset);
  // Of all brokers that have the topic, oldest first, each stored within [begin, end] ms. Empty
  // when there is none.
  [[nodiscard]] asio::awaitable<std::vector<MessageExt>> messages_by_key(std::string topic,
                                                                         std::string key, int most,
                                                                         std::int64_t begin,
                                                                         std::int64_t end);
  // The same by the tag. Brokers older than 5.5 have no such index: nothing is found.
  [[nodiscard]] asio::awaitable<std::vector<MessageExt>> messages_by_tag(std::string topic,
                                                                         std::string tag, int most,
                                                                         std::int64_t begin,
                                                                         std::int64_t end);
  // By the id that the producer has given (UNIQ_KEY): a message that was sent again has several.
  [[nodiscard]] asio::awaitable<std::vector<MessageExt>> messages_by_unique_key(std::string topic,
                                                                                std::string key);
  // In every group that reads its topic.
  [[nodiscard]] asio::awaitable<std::vector<MessageTrack>> tracks(MessageExt message);
  // Up to `most` messages of the queue from an offset on; `tags` is "*" or "A || B". Nothing is
  // committed, no consumer is disturbed.
  [[nodiscard]] asio::awaitable<MessageBatch> read(QueuePlace place, std::int64_t offset, int most,
                                                   std::string tags = "*");

  // --- Brokers (broker_calls.cpp)

  // Keys: docs/cometctl.md names those that its tables show.
  [[nodiscard]] asio::awaitable<std::map<std::string, std::string>> runtime_info(Address broker);
  // Of a master or a slave. Brokers of 4.9 do not answer it.
  [[nodiscard]] asio::awaitable<HaStatus> ha_status(Address broker);
  // CometMQ's alone (docs/replication.md). A slave becomes the master, copies its master's log
  // anew; each with a new start. `force`: whatever speaks against it. Returns what the broker says.
  // Throws Refused with the reason.
  [[nodiscard]] asio::awaitable<std::string> promote(Address slave, std::string role, bool force);
  [[nodiscard]] asio::awaitable<std::string> resync(Address slave, bool force);
  [[nodiscard]] asio::awaitable<Properties> broker_config(Address broker);
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> update_broker_config(
      Scope scope, std::map<std::string, std::string> values);
  // Names and keys as Apache's BrokerStatsManager has them: "TOPIC_PUT_NUMS" and a topic,
  // "GROUP_GET_NUMS" and "topic@group", ... Refused where nothing has been counted yet.
  [[nodiscard]] asio::awaitable<BrokerStats> broker_stats(Address broker, std::string name,
                                                          std::string key);
  // Entries of a consume queue; with a group, whether its subscription wants each.
  [[nodiscard]] asio::awaitable<ConsumeQueueData> consume_queue(Address broker, std::string topic,
                                                                std::int32_t queue_id,
                                                                std::int64_t index,
                                                                std::int32_t count,
                                                                std::string group = {});
  // Consume queues whose log is gone; topics that no client uses; log files beyond their time.
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> clean_expired_consume_queues(Scope scope);
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> clean_unused_topics(Scope scope);
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> delete_expired_commit_log(Scope scope);

 private:
  struct Impl;
  [[nodiscard]] asio::awaitable<std::string> track_in_group(std::string group, MessageQueue queue,
                                                            MessageExt message);
  [[nodiscard]] asio::awaitable<std::vector<ResetQueue>> reset_stored_offsets(BrokerNode server,
                                                                              OffsetReset reset);
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::admin
