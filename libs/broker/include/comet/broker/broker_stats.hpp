#pragma once
// What an operator wants to see of a broker.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comet/access/access_control.hpp"
#include "comet/broker/replication_config.hpp"
#include "comet/replication/status.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::broker {

// What RocketMQ 5 tells of a stored message (Apache: TopicMessageType): it is one of a transaction,
// of a sharding key, for later, or none of these.
enum class MessageType { normal, fifo, delay, transaction };
inline constexpr std::size_t kMessageTypes = 4;

// Since the start: what came in by topic, or (with a group) what went out to it.
class TrafficStats {
 public:
  // RocketMQ's bounds of rocketmq_message_size, bytes.
  static constexpr std::array<std::uint64_t, 6> kSizeBounds = {1u << 10, 4u << 10, 512u << 10,
                                                               1u << 20, 2u << 20, 4u << 20};
  using Sizes = std::array<std::uint64_t, kSizeBounds.size() + 1>;

  std::string topic;
  std::string consumer_group;  // empty: stored
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  // Of stored messages, for each type that there was.
  class OfType {
   public:
    MessageType type = MessageType::normal;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    Sizes sizes{};  // messages by size, in this bucket alone; the last: beyond all bounds
  };
  std::vector<OfType> types;
  std::uint64_t committed = 0;  // transactions of the topic
  std::uint64_t rolled_back = 0;
};

// Where a consumer group stands in a topic, all queues of this broker together.
class ConsumerLag {
 public:
  std::string topic;
  std::string consumer_group;
  std::int64_t messages = 0;         // not yet acknowledged (committed)
  std::int64_t in_flight = 0;        // of those: given to consumers
  std::int64_t millis = 0;           // since the oldest one was stored; 0: there is none
  std::int64_t queueing_millis = 0;  // likewise of those that were not given to consumers yet
};

// Connected clients of one group that are alike.
class ClientCount {
 public:
  bool is_consumer = false;
  std::string group;
  std::string consume_type;  // of consumers
  std::string language;
  std::int32_t version = 0;
  std::size_t count = 0;
};

class StoreStats {
 public:
  std::int64_t size = 0;                  // bytes of the log
  std::int64_t flush_behind = 0;          // bytes that are not on the disk yet
  std::int64_t earliest_store_time = -1;  // ms; -1: there is no message
  store::DamageStats damage;
  bool read_only = false;
  store::DiskState disk;
};

// Messages that wait for their time (5.x; not those of delay levels).
class TimerStats {
 public:
  std::size_t pending = 0;
  std::int64_t unread = 0;      // stored, but not among those that are pending yet
  std::uint64_t delivered = 0;  // since the start, as the others
  std::uint64_t recalled = 0;
  std::uint64_t rolled = 0;        // stored anew before their log files expired
  std::int64_t behind_millis = 0;  // how late the one is that is due and waits longest; 0: none is
};

// What a limit bounds (docs/limits.md).
class BoundedStats {
 public:
  std::string name;  // of the resource, as in docs/limits.md
  std::uint64_t used = 0;
  std::uint64_t limit = 0;
};

class RegistrationStats {
 public:
  std::size_t name_servers = 0;
  std::size_t registered = 0;  // with so many of them
  std::string problem;         // of one that has failed last; empty: none has

  // The problem when no name server has taken this broker, so that nobody finds it; else empty.
  [[nodiscard]] std::string problem_everywhere() const {
    return registered == 0 ? problem : std::string();
  }
};

// How a broker and its copies stand; at most a quarter of a second old.
class ReplicationStats {
 public:
  BrokerRole role = BrokerRole::async_master;
  replication::MasterStatus master;      // of a master
  replication::FollowerStatus follower;  // of a slave
  replication::ReplicationCounters counters;
  std::size_t connections = 0;  // to a master's HA port
  std::int64_t log_end = 0;
  // What sends that waited for their copies were answered (SYNC_MASTER).
  std::uint64_t put_ok = 0;
  std::uint64_t slave_not_available = 0;
  std::uint64_t flush_slave_timeout = 0;
  std::size_t waiting = 0;
  std::string problem;  // for the operator; empty: there is none
};

class BrokerStats {
 public:
  std::size_t connections = 0;
  std::int32_t permission = 0;
  std::size_t held_pulls = 0;       // that wait for a message
  std::size_t sends_in_flight = 0;  // that wait for the log
  std::size_t send_bytes_in_flight = 0;
  std::int64_t open_transactions = 0;
  std::size_t topics = 0;
  std::size_t consumer_groups = 0;
  std::vector<TrafficStats> traffic;
  std::vector<ConsumerLag> lags;
  std::vector<ClientCount> clients;
  StoreStats store;
  TimerStats timers;
  // Of levels and timers, since the start: their topic was deleted before their time had come.
  std::uint64_t delayed_dropped = 0;
  std::vector<std::string> problems;  // as Broker::problems()
  RegistrationStats registration;
  std::optional<ReplicationStats> replication;  // nullopt: no HA port, and no slave
  std::optional<access::AccessStats> access;    // nullopt: no access control
  std::vector<BoundedStats> bounds;
  std::uint64_t refusals = 0;          // for such limits, since the start
  std::uint64_t frames_given_up = 0;   // connections closed for maxUnfinishedFrameBytes
  std::uint64_t answers_given_up = 0;  // for maxUnsentBytes
};

}  // namespace comet::inline v0_1::broker
