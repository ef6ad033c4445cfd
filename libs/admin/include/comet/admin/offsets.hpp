#pragma once
// Offsets of queues and of the groups that read them. Offsets count messages of a queue, from 0;
// times are milliseconds since 1970.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1::admin {

using QueueOffsets = std::map<MessageQueue, std::int64_t>;
// {"offsetTable":{{mq}:3}} (Apache: ResetOffsetBody).
[[nodiscard]] Result<QueueOffsets> parse_queue_offsets(std::string_view json);

class TopicOffset {
 public:
  std::int64_t min_offset = 0;        // of the oldest message
  std::int64_t max_offset = 0;        // that the next message will get
  std::int64_t last_update_time = 0;  // when the newest message was stored; 0: there is none
  friend bool operator==(const TopicOffset&, const TopicOffset&) = default;
};
// GET_TOPIC_STATS_INFO (Apache: TopicStatsTable).
class TopicStats {
 public:
  std::map<MessageQueue, TopicOffset> queues;
  double put_tps = 0;  // 5.x: messages per second
  friend bool operator==(const TopicStats&, const TopicStats&) = default;
};
[[nodiscard]] Result<TopicStats> parse_topic_stats(std::string_view json);

class GroupOffset {
 public:
  std::int64_t broker_offset = 0;    // that the next message will get
  std::int64_t consumer_offset = 0;  // that the group reads next; -1: none committed
  std::int64_t last_time = 0;  // when the message before consumer_offset was stored; 0: not known
  std::optional<std::int64_t> pull_offset;  // 5.x: that has been pulled so far
  // Messages that are not consumed; 0 if the group stands beyond the end.
  [[nodiscard]] std::int64_t lag() const noexcept {
    return consumer_offset < broker_offset
               ? broker_offset - std::max<std::int64_t>(consumer_offset, 0)
               : 0;
  }
  friend bool operator==(const GroupOffset&, const GroupOffset&) = default;
};
// GET_CONSUME_STATS (Apache: ConsumeStats).
class ConsumeStats {
 public:
  std::map<MessageQueue, GroupOffset> queues;
  double consume_tps = 0;  // messages per second
  [[nodiscard]] std::int64_t total_lag() const noexcept;
  friend bool operator==(const ConsumeStats&, const ConsumeStats&) = default;
};
[[nodiscard]] Result<ConsumeStats> parse_consume_stats(std::string_view json);

// GET_BROKER_CONSUME_STATS (Apache: ConsumeStatsList).
class BrokerConsumeStats {
 public:
  std::string broker_address;  // as the broker says
  std::map<std::string, std::vector<ConsumeStats>> groups;
  std::int64_t total_lag = 0;
};
[[nodiscard]] Result<BrokerConsumeStats> parse_broker_consume_stats(std::string_view json);

// One queue in the answer of QUERY_CONSUME_TIME_SPAN (Apache: QueueTimeSpan).
class QueueTimeSpan {
 public:
  MessageQueue queue;
  std::int64_t min_time = 0;      // of the oldest message
  std::int64_t max_time = 0;      // of the newest
  std::int64_t consume_time = 0;  // of what the group reads next
  std::int64_t delay = 0;         // ms that the group is behind
};
[[nodiscard]] Result<std::vector<QueueTimeSpan>> parse_time_spans(std::string_view json);

// INVOKE_BROKER_TO_GET_CONSUMER_STATUS: client id -> queue -> offset (Apache:
// GetConsumerStatusBody).
[[nodiscard]] Result<std::map<std::string, QueueOffsets>> parse_consumer_status(
    std::string_view json);

// Where a group shall go on reading a topic.
class OffsetReset {
 public:
  static constexpr std::int64_t kEnd = -1;  // as the time: behind the newest message

  OffsetReset() = default;  // no aggregate: it is passed to awaited calls (docs/gcc12.md)

  std::string group;
  std::string topic;
  std::int64_t time = kEnd;  // ms: at the first message stored then or later
  bool force = true;         // false: only backwards
  // The members are C++ clients, which expect the pushed offsets in a form of their own.
  bool cpp_clients = false;
};
class ResetQueue {
 public:
  MessageQueue queue;
  std::int64_t offset = 0;  // where the group goes on
  // Only for groups without members, whose offsets are set by this side.
  std::optional<std::int64_t> broker_offset;
  std::optional<std::int64_t> offset_before;
};
class ResetResult {
 public:
  std::vector<ResetQueue> queues;  // sorted by queue
  // Brokers that only ask members to move (4.9, useServerSideResetOffset=false) had none of the
  // group: its stored offsets have been changed from here.
  bool offline = false;
};

}  // namespace comet::inline v0_1::admin
