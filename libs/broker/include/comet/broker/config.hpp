#pragma once
// What a broker is set to: data only. Apache's keys: docs/configuration.md.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/config.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/live.hpp"
#include "comet/broker/replication_config.hpp"
#include "comet/remoting/address_server.hpp"
#include "comet/remoting/connection_limits.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::remoting {
class RequestObserver;
class RpcHook;
}  // namespace comet::inline v0_1::remoting
namespace comet::inline v0_1::access {
class AccessControl;
}

namespace comet::inline v0_1::broker {

// What one answer to a pull holds at most.
class PullLimits {
 public:
  Live<std::int32_t> max_count;
  Live<std::int64_t> max_bytes;
  operator store::ReadLimits() const {  // NOLINT: implicit
    store::ReadLimits limits;
    limits.max_count = max_count;
    limits.max_bytes = max_bytes;
    return limits;
  }
};

// What clients can make a broker keep of them. A heartbeat beyond a limit is refused as a whole.
class ClientLimits {
 public:
  std::size_t max_heartbeat_bytes = 8u << 20;               // maxHeartbeatBytes
  std::size_t max_groups_per_connection = 10'000;           // of producers and of consumers
  std::size_t max_subscriptions_per_group = 20'000;         // maxSubscriptionsPerGroup
  std::size_t max_subscription_bytes_per_group = 4u << 20;  // topics and expressions
  std::size_t max_bytes = 512u << 20;                       // maxClientTableBytes, all connections
};

// Comments name Apache's key where it differs from the member. What is Live can be changed while
// the broker runs (live_settings.hpp).
class BrokerConfig {
 public:
  std::string broker_name = "broker-a";
  std::string cluster_name = "DefaultCluster";  // brokerClusterName
  std::int64_t broker_id = 0;                   // 0: master; a slave's is >= 1
  std::string broker_ip = "127.0.0.1";          // brokerIP1: what clients are told to connect to
  Address listen_at{"127.0.0.1", 10911};        // bindAddress, listenPort; port 0: a free one
  std::vector<Address> name_servers;            // namesrvAddr
  // Where the list of name servers is to be had instead (fetchNamesrvAddrByAddressServer).
  remoting::AddressServer address_server;
  store::StoreConfig store;
  ReplicationConfig replication;

  Live<bool> auto_create_topic = true;  // autoCreateTopicEnable
  Live<bool> auto_create_subscription_group = true;
  std::int32_t default_topic_queue_nums = 8;
  bool cluster_topic = true;  // clusterTopicEnable: may be read and written; so the next
  bool broker_topic = true;   // brokerTopicEnable
  std::string trace_topic;    // msgTraceTopicName with traceTopicEnable; empty: none
  Live<std::int32_t> broker_permission = 6;
  // enablePropertyFilter: consumers may choose by SQL92 expressions.
  Live<bool> property_filter = false;
  Live<bool> filter_retry_topics = false;           // filterSupportRetry: in retry topics, too
  Live<std::int64_t> start_accept_send_millis = 0;  // startAcceptSendRequestTimeStamp, wall clock
  Live<bool> long_polling = true;                   // longPollingEnable
  Live<Duration> short_polling_time{std::chrono::seconds(1)};  // shortPollingTimeMills
  PullLimits pull_from_memory{32, 256 * 1024};                 // maxTransfer...OnMessageInMemory
  PullLimits pull_from_disk{8, 64 * 1024};                     // maxTransfer...OnMessageInDisk
  Duration register_period = std::chrono::seconds(30);         // registerNameServerPeriod
  // False: every register_period a name server is only asked whether its topics are the current.
  bool force_register = true;
  bool compressed_register = false;  // topics in the compressed binary form
  Duration flush_consumer_offset_interval = std::chrono::seconds(5);
  Duration flush_delay_offset_interval = std::chrono::seconds(1);  // flushDelayOffsetInterval
  // Timer messages (5.x): docs/delay.md.
  bool timers = true;                                 // timerWheelEnable; false: they are refused
  std::int64_t timer_precision_millis = 1;            // timerPrecisionMs (Apache: 1000)
  Duration timer_max_delay = std::chrono::hours(72);  // timerMaxDelaySec
  // timerRollWindowSlot, s: timers that wait longer are stored anew, before their log files expire.
  Duration timer_roll_window = std::chrono::hours(48);
  Duration timer_flush_interval = std::chrono::seconds(1);  // timerFlushIntervalMs
  std::size_t max_timers = 10'000'000;   // timerMaxPending; 16 bytes of memory each, at most 32
  bool recall_messages = false;          // recallMessageEnable
  bool recall_when_not_writable = true;  // allowRecallWhenBrokerNotWriteable
  // Half messages whose producers have not ended their transactions.
  Duration transaction_check_interval = std::chrono::seconds(60);  // transactionCheckInterval
  Duration transaction_timeout = std::chrono::seconds(6);  // transactionTimeOut: younger ones wait
  std::int32_t transaction_check_max = 15;  // transactionCheckMax: then they are given up
  bool reject_transactions = false;         // rejectTransactionMessage
  bool store_replies = true;                // storeReplyMessageEnable
  Live<Duration> client_expiry{std::chrono::seconds(120)};  // channelExpiredTimeout
  Live<bool> notify_consumer_ids_changed = true;            // notifyConsumerIdsChangedEnable
  Live<bool> server_side_reset = true;                      // useServerSideResetOffset
  std::string region_id = "DefaultRegion";
  remoting::ConnectionLimits connection;
  std::size_t max_connections = 60'000;  // further ones are closed at once
  ClientLimits clients;
  // Pulls that wait for a message, over all connections; further ones are answered at once.
  std::size_t max_held_pulls = 200'000;
  std::size_t max_held_pull_bytes = 512u << 20;        // their expressions may be long
  std::size_t max_unfinished_frame_bytes = 64u << 20;  // over all connections
  std::size_t max_unsent_bytes = 96u << 20;            // of answers, likewise
  std::size_t max_batch_messages = 65'536;
  // Of topics that are created on first use, together; those of administrators and of the broker
  // itself count, but are not refused for it.
  std::size_t max_topic_name_bytes = 16u << 20;
  // Sends that wait for the log, over all connections; further ones are answered SYSTEM_BUSY.
  std::size_t max_sends = 10'000;  // sendThreadPoolQueueCapacity
  std::size_t max_send_bytes = 128u << 20;
  // Requests that wait for an answer of clients, over all connections: replies that are handed
  // over, and what administrators ask consumers; further ones are answered SYSTEM_BUSY.
  std::size_t max_client_calls = 10'000;
  std::size_t max_client_call_bytes = 128u << 20;
  std::shared_ptr<remoting::RequestObserver> observer;  // null: none
  // An order was taken that the next start obeys (role_orders.hpp): the owner is to stop this
  // broker and to start it anew. On the home executor. Empty: that is up to the operator.
  std::function<void()> on_restart_due;
  // aclEnable: who may do what, with files that are followed while the broker runs. Null: everybody
  // may do everything.
  std::shared_ptr<access::AccessControl> access;
  // innerClientAuthenticationCredentials: signs what the broker asks name servers; null: nobody.
  // So does ReplicationConfig::signer what it asks its master.
  std::shared_ptr<remoting::RpcHook> signer;
  // What GET_BROKER_CONFIG shows and UPDATE_BROKER_CONFIG changes, with all of kLiveKeys; without:
  // those alone.
  std::optional<Config> settings;
};

}  // namespace comet::inline v0_1::broker
