#pragma once
// Clients as brokers know them, and what consumers tell about themselves.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1::admin {

class ClientConnection {
 public:
  std::string client_id;
  std::string client_addr;  // "ip:port"
  std::string language;     // "JAVA", "CPP", ...
  std::int32_t version = 0;
  friend bool operator==(const ClientConnection&, const ClientConnection&) = default;
};

class Subscription {
 public:
  std::string topic;
  std::string expression_type;  // "TAG", "SQL92"
  std::string expression;       // "*", "A || B"
  std::int64_t version = 0;     // ms when it was made
  friend bool operator==(const Subscription&, const Subscription&) = default;
};

// GET_CONSUMER_CONNECTION_LIST (Apache: ConsumerConnection).
class ConsumerConnections {
 public:
  std::vector<ClientConnection> connections;          // sorted by client id
  std::map<std::string, Subscription> subscriptions;  // by topic
  std::string consume_type;                           // "CONSUME_PASSIVELY": push
  std::string message_model;                          // "CLUSTERING", "BROADCASTING"
  std::string consume_from_where;
};
[[nodiscard]] Result<ConsumerConnections> parse_consumer_connections(std::string_view json);
// GET_PRODUCER_CONNECTION_LIST (Apache: ProducerConnection); sorted by client id.
[[nodiscard]] Result<std::vector<ClientConnection>> parse_producer_connections(
    std::string_view json);

// GET_ALL_PRODUCER_INFO: by group (Apache: ProducerTableInfo).
class ProducerInfo {
 public:
  ClientConnection connection;
  std::int64_t last_update = 0;  // ms: the last heartbeat
};
[[nodiscard]] Result<std::map<std::string, std::vector<ProducerInfo>>> parse_producer_table(
    std::string_view json);

// What a consumer has of one queue (Apache: ProcessQueueInfo). Times in ms, 0: never.
class ProcessQueueInfo {
 public:
  std::int64_t commit_offset = 0;
  std::int64_t cached_min_offset = 0;
  std::int64_t cached_max_offset = 0;
  std::int64_t cached_count = 0;
  std::int64_t cached_mib = 0;
  bool locked = false;
  bool dropped = false;
  std::int64_t last_lock_time = 0;
  std::int64_t last_pull_time = 0;
  std::int64_t last_consume_time = 0;
};
// What a consumer measures of one topic (Apache: ConsumeStatus); ms and messages per second.
class ConsumeStatus {
 public:
  double pull_rt = 0;
  double pull_tps = 0;
  double consume_rt = 0;
  double consume_ok_tps = 0;
  double consume_failed_tps = 0;
  std::int64_t consume_failed_messages = 0;
};
// GET_CONSUMER_RUNNING_INFO, from the consumer itself (Apache: ConsumerRunningInfo).
class ConsumerRunningInfo {
 public:
  std::map<std::string, std::string> properties;
  std::vector<Subscription> subscriptions;  // sorted by topic
  std::map<MessageQueue, ProcessQueueInfo> queues;
  std::map<std::string, ConsumeStatus> status;  // by topic
  std::string stack;                            // of its threads, where asked for
};
[[nodiscard]] Result<ConsumerRunningInfo> parse_running_info(std::string_view json);

// CONSUME_MESSAGE_DIRECTLY (Apache: ConsumeMessageDirectlyResult).
class DirectResult {
 public:
  std::string result;  // "CR_SUCCESS", "CR_LATER", ...
  std::string remark;
  bool order = false;
  bool auto_commit = true;
  std::int64_t spent_millis = 0;
};
[[nodiscard]] Result<DirectResult> parse_direct_result(std::string_view json);

}  // namespace comet::inline v0_1::admin
