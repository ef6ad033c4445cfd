#pragma once
// Headers of the commands between clients and brokers (names: Apache's *RequestHeader classes).
// string_view members are views into the command that was read, see header.hpp.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "comet/remoting/header.hpp"

namespace comet::inline v0_1::remoting {

// SEND_MESSAGE (10) and SEND_REPLY_MESSAGE (324); with short names SEND_MESSAGE_V2 (310),
// SEND_BATCH_MESSAGE (320) and SEND_REPLY_MESSAGE_V2 (325).
struct SendMessageHeader {
  std::string_view producer_group;
  std::string_view topic;
  std::string_view default_topic;
  std::int32_t default_topic_queue_nums = 0;
  std::int32_t queue_id = 0;  // < 0: the broker chooses
  std::int32_t sys_flag = 0;
  std::int64_t born_timestamp = 0;
  std::int32_t flag = 0;
  std::optional<std::string_view> properties;
  std::optional<std::int32_t> reconsume_times;
  std::optional<bool> unit_mode;
  std::optional<std::int32_t> max_reconsume_times;
  std::optional<bool> batch;
  std::optional<std::string_view> broker_name;

  using H = SendMessageHeader;
  static constexpr auto fields = std::make_tuple(
      field("producerGroup", "a", &H::producer_group), field("topic", "b", &H::topic),
      field("defaultTopic", "c", &H::default_topic),
      field("defaultTopicQueueNums", "d", &H::default_topic_queue_nums),
      field("queueId", "e", &H::queue_id), field("sysFlag", "f", &H::sys_flag),
      field("bornTimestamp", "g", &H::born_timestamp), field("flag", "h", &H::flag),
      field("properties", "i", &H::properties), field("reconsumeTimes", "j", &H::reconsume_times),
      field("unitMode", "k", &H::unit_mode),
      field("maxReconsumeTimes", "l", &H::max_reconsume_times), field("batch", "m", &H::batch),
      field("bname", "n", &H::broker_name));
};

struct SendMessageResponseHeader {
  std::string_view msg_id;
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;
  std::optional<std::string_view> transaction_id;
  std::optional<std::string_view> region_id;
  std::optional<std::string_view> trace_on;
  std::optional<std::string_view> recall_handle;  // 5.x: of a timer message, for RECALL_MESSAGE

  using H = SendMessageResponseHeader;
  static constexpr auto fields = std::make_tuple(
      field("msgId", &H::msg_id), field("queueId", &H::queue_id),
      field("queueOffset", &H::queue_offset), field("transactionId", &H::transaction_id),
      field("MSG_REGION", &H::region_id), field("TRACE_ON", &H::trace_on),
      field("recallHandle", &H::recall_handle));
};

// What the answer to a send that was refused has left of SendMessageResponseHeader.
struct SendRefusedResponseHeader {
  std::optional<std::string_view> region_id;
  std::optional<std::string_view> trace_on;

  using H = SendRefusedResponseHeader;
  static constexpr auto fields =
      std::make_tuple(field("MSG_REGION", &H::region_id), field("TRACE_ON", &H::trace_on));
};

// PUSH_REPLY_MESSAGE_TO_CLIENT (326), from the broker to the client that asked.
struct PushReplyHeader {
  std::string_view producer_group;
  std::string_view topic;
  std::string_view default_topic;
  std::int32_t default_topic_queue_nums = 0;
  std::int32_t queue_id = 0;
  std::int32_t sys_flag = 0;
  std::int64_t born_timestamp = 0;
  std::int32_t flag = 0;
  std::optional<std::string_view> properties;
  std::optional<std::int32_t> reconsume_times;
  std::optional<bool> unit_mode;
  std::string_view born_host;   // ip:port
  std::string_view store_host;  // ip:port
  std::int64_t store_timestamp = 0;

  using H = PushReplyHeader;
  static constexpr auto fields = std::make_tuple(
      field("producerGroup", &H::producer_group), field("topic", &H::topic),
      field("defaultTopic", &H::default_topic),
      field("defaultTopicQueueNums", &H::default_topic_queue_nums), field("queueId", &H::queue_id),
      field("sysFlag", &H::sys_flag), field("bornTimestamp", &H::born_timestamp),
      field("flag", &H::flag), field("properties", &H::properties),
      field("reconsumeTimes", &H::reconsume_times), field("unitMode", &H::unit_mode),
      field("bornHost", &H::born_host), field("storeHost", &H::store_host),
      field("storeTimestamp", &H::store_timestamp));
};

// RECALL_MESSAGE (370, 5.x): takes a timer message back.
struct RecallMessageHeader {
  std::optional<std::string_view> producer_group;
  std::string_view topic;
  std::string_view recall_handle;

  using H = RecallMessageHeader;
  static constexpr auto fields =
      std::make_tuple(field("producerGroup", &H::producer_group), field("topic", &H::topic),
                      field("recallHandle", &H::recall_handle));
};

struct RecallMessageResponseHeader {
  std::string_view msg_id;

  using H = RecallMessageResponseHeader;
  static constexpr auto fields = std::make_tuple(field("msgId", &H::msg_id));
};

// Bits of PullMessageHeader::sys_flag (Apache: PullSysFlag).
namespace pull_sys_flag {
inline constexpr std::int32_t kCommitOffset = 1;
inline constexpr std::int32_t kSuspend = 2;
inline constexpr std::int32_t kSubscription = 4;
inline constexpr std::int32_t kClassFilter = 8;
inline constexpr std::int32_t kLitePull = 16;
}  // namespace pull_sys_flag

// PULL_MESSAGE (11), LITE_PULL_MESSAGE (361).
struct PullMessageHeader {
  std::string_view consumer_group;
  std::string_view topic;
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;
  std::int32_t max_msg_nums = 0;
  std::int32_t sys_flag = 0;
  std::int64_t commit_offset = 0;
  std::int64_t suspend_timeout_millis = 0;
  std::optional<std::string_view> subscription;
  std::int64_t sub_version = 0;
  std::optional<std::string_view> expression_type;
  std::optional<std::int32_t> max_msg_bytes;

  using H = PullMessageHeader;
  static constexpr auto fields = std::make_tuple(
      field("consumerGroup", &H::consumer_group), field("topic", &H::topic),
      field("queueId", &H::queue_id), field("queueOffset", &H::queue_offset),
      field("maxMsgNums", &H::max_msg_nums), field("sysFlag", &H::sys_flag),
      field("commitOffset", &H::commit_offset),
      field("suspendTimeoutMillis", &H::suspend_timeout_millis),
      field("subscription", &H::subscription), field("subVersion", &H::sub_version),
      field("expressionType", &H::expression_type), field("maxMsgBytes", &H::max_msg_bytes));
};

struct PullMessageResponseHeader {
  std::int64_t suggest_which_broker_id = 0;
  std::int64_t next_begin_offset = 0;
  std::int64_t min_offset = 0;
  std::int64_t max_offset = 0;

  using H = PullMessageResponseHeader;
  static constexpr auto fields =
      std::make_tuple(field("suggestWhichBrokerId", &H::suggest_which_broker_id),
                      field("nextBeginOffset", &H::next_begin_offset),
                      field("minOffset", &H::min_offset), field("maxOffset", &H::max_offset));
};

// QUERY_CONSUMER_OFFSET (14).
struct QueryConsumerOffsetHeader {
  std::string_view consumer_group;
  std::string_view topic;
  std::int32_t queue_id = 0;
  std::optional<bool> set_zero_if_not_found;

  using H = QueryConsumerOffsetHeader;
  static constexpr auto fields = std::make_tuple(
      field("consumerGroup", &H::consumer_group), field("topic", &H::topic),
      field("queueId", &H::queue_id), field("setZeroIfNotFound", &H::set_zero_if_not_found));
};

// UPDATE_CONSUMER_OFFSET (15).
struct UpdateConsumerOffsetHeader {
  std::string_view consumer_group;
  std::string_view topic;
  std::int32_t queue_id = 0;
  std::int64_t commit_offset = 0;

  using H = UpdateConsumerOffsetHeader;
  static constexpr auto fields =
      std::make_tuple(field("consumerGroup", &H::consumer_group), field("topic", &H::topic),
                      field("queueId", &H::queue_id), field("commitOffset", &H::commit_offset));
};

// GET_MAX_OFFSET (30), GET_MIN_OFFSET (31), GET_EARLIEST_MSG_STORETIME (32).
struct QueueHeader {
  std::string_view topic;
  std::int32_t queue_id = 0;

  using H = QueueHeader;
  static constexpr auto fields =
      std::make_tuple(field("topic", &H::topic), field("queueId", &H::queue_id));
};

struct OffsetResponseHeader {
  std::int64_t offset = 0;

  using H = OffsetResponseHeader;
  static constexpr auto fields = std::make_tuple(field("offset", &H::offset));
};

// The answer of GET_EARLIEST_MSG_STORETIME (32).
struct TimestampResponseHeader {
  std::int64_t timestamp = 0;  // -1: the queue is empty

  using H = TimestampResponseHeader;
  static constexpr auto fields = std::make_tuple(field("timestamp", &H::timestamp));
};

// SEARCH_OFFSET_BY_TIMESTAMP (29).
struct SearchOffsetHeader {
  std::string_view topic;
  std::int32_t queue_id = 0;
  std::int64_t timestamp = 0;
  std::optional<std::string_view> boundary_type;  // 5.x: "lower", "upper"

  using H = SearchOffsetHeader;
  static constexpr auto fields =
      std::make_tuple(field("topic", &H::topic), field("queueId", &H::queue_id),
                      field("timestamp", &H::timestamp), field("boundaryType", &H::boundary_type));
};

// QUERY_MESSAGE (12).
struct QueryMessageHeader {
  std::string_view topic;
  std::string_view key;
  std::int32_t max_num = 0;
  std::int64_t begin_timestamp = 0;
  std::int64_t end_timestamp = 0;
  std::optional<bool> unique_key;  // the key is a client message id
  // 5.x: "U" such an id, "K" one of KEYS, "T" the tag; an index that is all in files, as ours, has
  // the first two together.
  std::optional<std::string_view> index_type;

  using H = QueryMessageHeader;
  static constexpr auto fields = std::make_tuple(
      field("topic", &H::topic), field("key", &H::key), field("maxNum", &H::max_num),
      field("beginTimestamp", &H::begin_timestamp), field("endTimestamp", &H::end_timestamp),
      field("_UNIQUE_KEY_QUERY", &H::unique_key), field("indexType", &H::index_type));
};

struct QueryMessageResponseHeader {
  std::int64_t index_last_update_timestamp = 0;
  std::int64_t index_last_update_phyoffset = 0;

  using H = QueryMessageResponseHeader;
  static constexpr auto fields =
      std::make_tuple(field("indexLastUpdateTimestamp", &H::index_last_update_timestamp),
                      field("indexLastUpdatePhyoffset", &H::index_last_update_phyoffset));
};

// VIEW_MESSAGE_BY_ID (33).
struct ViewMessageHeader {
  std::int64_t offset = 0;  // in the commit log
  std::optional<std::string_view> topic;

  using H = ViewMessageHeader;
  static constexpr auto fields =
      std::make_tuple(field("offset", &H::offset), field("topic", &H::topic));
};

// UPDATE_AND_CREATE_TOPIC (17).
struct CreateTopicHeader {
  std::string_view topic;
  std::optional<std::string_view> default_topic;
  std::int32_t read_queue_nums = 0;
  std::int32_t write_queue_nums = 0;
  std::int32_t perm = 0;
  std::optional<std::string_view> topic_filter_type;
  std::optional<std::int32_t> topic_sys_flag;
  std::optional<bool> order;
  std::optional<std::string_view> attributes;

  using H = CreateTopicHeader;
  static constexpr auto fields = std::make_tuple(
      field("topic", &H::topic), field("defaultTopic", &H::default_topic),
      field("readQueueNums", &H::read_queue_nums), field("writeQueueNums", &H::write_queue_nums),
      field("perm", &H::perm), field("topicFilterType", &H::topic_filter_type),
      field("topicSysFlag", &H::topic_sys_flag), field("order", &H::order),
      field("attributes", &H::attributes));
};

// GET_CONSUMER_LIST_BY_GROUP (38), NOTIFY_CONSUMER_IDS_CHANGED (40), GET_CONSUMER_CONNECTION_LIST
// (203).
struct ConsumerGroupHeader {
  std::string_view consumer_group;

  using H = ConsumerGroupHeader;
  static constexpr auto fields = std::make_tuple(field("consumerGroup", &H::consumer_group));
};

// UNREGISTER_CLIENT (35).
struct UnregisterClientHeader {
  std::string_view client_id;
  std::optional<std::string_view> producer_group;
  std::optional<std::string_view> consumer_group;

  using H = UnregisterClientHeader;
  static constexpr auto fields =
      std::make_tuple(field("clientID", &H::client_id), field("producerGroup", &H::producer_group),
                      field("consumerGroup", &H::consumer_group));
};

// CONSUMER_SEND_MSG_BACK (36).
struct SendMessageBackHeader {
  std::int64_t offset = 0;
  std::string_view group;
  std::int32_t delay_level = 0;
  std::optional<std::string_view> origin_msg_id;
  std::optional<std::string_view> origin_topic;
  std::optional<bool> unit_mode;
  std::optional<std::int32_t> max_reconsume_times;

  using H = SendMessageBackHeader;
  static constexpr auto fields = std::make_tuple(
      field("offset", &H::offset), field("group", &H::group), field("delayLevel", &H::delay_level),
      field("originMsgId", &H::origin_msg_id), field("originTopic", &H::origin_topic),
      field("unitMode", &H::unit_mode), field("maxReconsumeTimes", &H::max_reconsume_times));
};

}  // namespace comet::inline v0_1::remoting
