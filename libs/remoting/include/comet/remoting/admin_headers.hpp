#pragma once
// Headers of what administrators ask brokers, and of what brokers then ask clients (names: Apache's
// *RequestHeader classes). string_view members are views into the command that was read, see
// header.hpp. Codes that are not named here have no header of their own.

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

#include "comet/remoting/header.hpp"

namespace comet::inline v0_1::remoting {

// GET_TOPIC_STATS_INFO (202), DELETE_TOPIC_IN_BROKER (215), QUERY_TOPIC_CONSUME_BY_WHO (300),
// GET_TOPIC_CONFIG (351).
struct TopicHeader {
  std::string_view topic;

  using H = TopicHeader;
  static constexpr auto fields = std::make_tuple(field("topic", &H::topic));
};

// GET_ALL_TOPIC_CONFIG (21) of 5.4 and later; older ones send no fields.
struct TopicPageHeader {
  std::optional<std::int32_t> topic_seq;  // of the first topic, by name
  std::optional<std::int32_t> max_topic_num;
  std::optional<std::string_view> data_version;  // JSON, of the page before; empty: the first one

  using H = TopicPageHeader;
  static constexpr auto fields =
      std::make_tuple(field("topicSeq", &H::topic_seq), field("maxTopicNum", &H::max_topic_num),
                      field("dataVersion", &H::data_version));
};

struct TopicPageResponseHeader {
  std::optional<std::int32_t> total_topic_num;  // of the whole table

  using H = TopicPageResponseHeader;
  static constexpr auto fields = std::make_tuple(field("totalTopicNum", &H::total_topic_num));
};

// GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201), likewise.
struct GroupPageHeader {
  std::optional<std::int32_t> group_seq;
  std::optional<std::int32_t> max_group_num;
  std::optional<std::string_view> data_version;

  using H = GroupPageHeader;
  static constexpr auto fields =
      std::make_tuple(field("groupSeq", &H::group_seq), field("maxGroupNum", &H::max_group_num),
                      field("dataVersion", &H::data_version));
};

struct GroupPageResponseHeader {
  std::optional<std::int32_t> total_group_num;

  using H = GroupPageResponseHeader;
  static constexpr auto fields = std::make_tuple(field("totalGroupNum", &H::total_group_num));
};

// GET_PRODUCER_CONNECTION_LIST (204). GET_CONSUMER_CONNECTION_LIST (203) has ConsumerGroupHeader.
struct ProducerGroupHeader {
  std::string_view producer_group;

  using H = ProducerGroupHeader;
  static constexpr auto fields = std::make_tuple(field("producerGroup", &H::producer_group));
};

// DELETE_SUBSCRIPTIONGROUP (207).
struct DeleteGroupHeader {
  std::string_view group_name;
  std::optional<bool> remove_offset;  // 4.9
  std::optional<bool> clean_offset;   // 5.x: the same

  using H = DeleteGroupHeader;
  static constexpr auto fields =
      std::make_tuple(field("groupName", &H::group_name), field("removeOffset", &H::remove_offset),
                      field("cleanOffset", &H::clean_offset));
};

// QUERY_TOPICS_BY_CONSUMER (343), GET_SUBSCRIPTIONGROUP_CONFIG (352).
struct GroupHeader {
  std::string_view group;

  using H = GroupHeader;
  static constexpr auto fields = std::make_tuple(field("group", &H::group));
};

// GET_BROKER_CONFIG (26), the answer.
struct BrokerConfigResponseHeader {
  std::string_view version;  // a DataVersion as JSON

  using H = BrokerConfigResponseHeader;
  static constexpr auto fields = std::make_tuple(field("version", &H::version));
};

// GET_CONSUME_STATS (208).
struct ConsumeStatsHeader {
  std::string_view consumer_group;
  std::optional<std::string_view> topic;
  std::optional<std::string_view> topic_list;  // 5.x

  using H = ConsumeStatsHeader;
  static constexpr auto fields =
      std::make_tuple(field("consumerGroup", &H::consumer_group), field("topic", &H::topic),
                      field("topicList", &H::topic_list));
};

// GET_BROKER_CONSUME_STATS (317).
struct BrokerConsumeStatsHeader {
  bool is_order = false;

  using H = BrokerConsumeStatsHeader;
  static constexpr auto fields = std::make_tuple(field("isOrder", &H::is_order));
};

// INVOKE_BROKER_TO_RESET_OFFSET (222); RESET_CONSUMER_CLIENT_OFFSET (220) to the clients.
struct ResetOffsetHeader {
  std::string_view topic;
  std::string_view group;
  std::int64_t timestamp = 0;            // -1: the end of each queue
  std::optional<bool> is_force;          // also forwards
  std::optional<std::int32_t> queue_id;  // 5.x: one queue only
  std::optional<std::int64_t> offset;    // 5.x: to this offset

  using H = ResetOffsetHeader;
  static constexpr auto fields = std::make_tuple(
      field("topic", &H::topic), field("group", &H::group), field("timestamp", &H::timestamp),
      field("isForce", &H::is_force), field("queueId", &H::queue_id), field("offset", &H::offset));
};

// INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223); GET_CONSUMER_STATUS_FROM_CLIENT (221) to the clients.
struct ConsumerStatusHeader {
  std::string_view topic;
  std::string_view group;
  std::optional<std::string_view> client_addr;

  using H = ConsumerStatusHeader;
  static constexpr auto fields = std::make_tuple(
      field("topic", &H::topic), field("group", &H::group), field("clientAddr", &H::client_addr));
};

// QUERY_CONSUME_TIME_SPAN (303), QUERY_SUBSCRIPTION_BY_CONSUMER (345).
struct ConsumeTimeSpanHeader {
  std::string_view topic;
  std::string_view group;

  using H = ConsumeTimeSpanHeader;
  static constexpr auto fields =
      std::make_tuple(field("topic", &H::topic), field("group", &H::group));
};

// GET_CONSUMER_RUNNING_INFO (307), handed on to the client.
struct ConsumerRunningInfoHeader {
  std::string_view consumer_group;
  std::string_view client_id;
  std::optional<bool> jstack_enable;

  using H = ConsumerRunningInfoHeader;
  static constexpr auto fields =
      std::make_tuple(field("consumerGroup", &H::consumer_group), field("clientId", &H::client_id),
                      field("jstackEnable", &H::jstack_enable));
};

// CONSUME_MESSAGE_DIRECTLY (309), handed on to the client with the message as the body.
struct ConsumeMessageDirectlyHeader {
  std::string_view consumer_group;
  std::optional<std::string_view> client_id;
  std::optional<std::string_view> msg_id;  // offset message id
  std::optional<std::string_view> broker_name;
  std::optional<std::string_view> topic;  // 5.x

  using H = ConsumeMessageDirectlyHeader;
  static constexpr auto fields = std::make_tuple(
      field("consumerGroup", &H::consumer_group), field("clientId", &H::client_id),
      field("msgId", &H::msg_id), field("brokerName", &H::broker_name), field("topic", &H::topic));
};

// QUERY_CORRECTION_OFFSET (308).
struct CorrectionOffsetHeader {
  std::optional<std::string_view> filter_groups;  // separated by commas
  std::string_view compare_group;
  std::string_view topic;

  using H = CorrectionOffsetHeader;
  static constexpr auto fields =
      std::make_tuple(field("filterGroups", &H::filter_groups),
                      field("compareGroup", &H::compare_group), field("topic", &H::topic));
};

// CLONE_GROUP_OFFSET (314).
struct CloneGroupOffsetHeader {
  std::string_view src_group;
  std::string_view dest_group;
  std::optional<std::string_view> topic;
  std::optional<bool> offline;

  using H = CloneGroupOffsetHeader;
  static constexpr auto fields =
      std::make_tuple(field("srcGroup", &H::src_group), field("destGroup", &H::dest_group),
                      field("topic", &H::topic), field("offline", &H::offline));
};

// UPDATE_AND_GET_GROUP_FORBIDDEN (353): whether a group may read a topic.
struct GroupForbiddenHeader {
  std::string_view group;
  std::string_view topic;
  std::optional<bool> readable;  // absent: tells, and changes nothing

  using H = GroupForbiddenHeader;
  static constexpr auto fields = std::make_tuple(
      field("group", &H::group), field("topic", &H::topic), field("readable", &H::readable));
};

// UPDATE_AND_CREATE_ACL_CONFIG (50).
struct AccessConfigHeader {
  std::string_view access_key;
  std::optional<std::string_view> secret_key;
  std::optional<std::string_view> white_remote_address;
  std::optional<bool> admin;
  std::optional<std::string_view> default_topic_perm;
  std::optional<std::string_view> default_group_perm;
  std::optional<std::string_view> topic_perms;  // "topic=PUB|SUB", separated by commas; so the next
  std::optional<std::string_view> group_perms;

  using H = AccessConfigHeader;
  static constexpr auto fields =
      std::make_tuple(field("accessKey", &H::access_key), field("secretKey", &H::secret_key),
                      field("whiteRemoteAddress", &H::white_remote_address),
                      field("admin", &H::admin), field("defaultTopicPerm", &H::default_topic_perm),
                      field("defaultGroupPerm", &H::default_group_perm),
                      field("topicPerms", &H::topic_perms), field("groupPerms", &H::group_perms));
};

// DELETE_ACL_CONFIG (51).
struct DeleteAccessConfigHeader {
  std::string_view access_key;

  using H = DeleteAccessConfigHeader;
  static constexpr auto fields = std::make_tuple(field("accessKey", &H::access_key));
};

// UPDATE_GLOBAL_WHITE_ADDRS_CONFIG (53).
struct GlobalWhiteAddressesHeader {
  std::string_view global_white_addrs;  // separated by commas
  std::optional<std::string_view> acl_file_full_path;

  using H = GlobalWhiteAddressesHeader;
  static constexpr auto fields = std::make_tuple(field("globalWhiteAddrs", &H::global_white_addrs),
                                                 field("aclFileFullPath", &H::acl_file_full_path));
};

// GET_BROKER_CLUSTER_ACL_INFO (52), the answer.
struct AclVersionResponseHeader {
  std::optional<std::string_view> version;  // DataVersions as JSON
  std::optional<std::string_view> all_acl_file_version;
  std::string_view broker_name;
  std::string_view broker_addr;
  std::string_view cluster_name;

  using H = AclVersionResponseHeader;
  static constexpr auto fields = std::make_tuple(
      field("version", &H::version), field("allAclFileVersion", &H::all_acl_file_version),
      field("brokerName", &H::broker_name), field("brokerAddr", &H::broker_addr),
      field("clusterName", &H::cluster_name));
};

// REGISTER_FILTER_SERVER (301).
struct FilterServerHeader {
  std::string_view filter_server_addr;

  using H = FilterServerHeader;
  static constexpr auto fields = std::make_tuple(field("filterServerAddr", &H::filter_server_addr));
};

// VIEW_BROKER_STATS_DATA (315).
struct BrokerStatsHeader {
  std::string_view stats_name;
  std::string_view stats_key;

  using H = BrokerStatsHeader;
  static constexpr auto fields =
      std::make_tuple(field("statsName", &H::stats_name), field("statsKey", &H::stats_key));
};

// QUERY_CONSUME_QUEUE (321).
struct QueryConsumeQueueHeader {
  std::string_view topic;
  std::int32_t queue_id = 0;
  std::int64_t index = 0;
  std::int32_t count = 0;
  std::optional<std::string_view> consumer_group;

  using H = QueryConsumeQueueHeader;
  static constexpr auto fields = std::make_tuple(
      field("topic", &H::topic), field("queueId", &H::queue_id), field("index", &H::index),
      field("count", &H::count), field("consumerGroup", &H::consumer_group));
};

// PROMOTE_BROKER (30106, CometMQ's own): a slave is to become the master.
struct PromoteBrokerHeader {
  std::optional<std::string_view> broker_role;  // SYNC_MASTER, which is the default; ASYNC_MASTER
  std::optional<bool> force;                    // whatever speaks against it

  using H = PromoteBrokerHeader;
  static constexpr auto fields =
      std::make_tuple(field("brokerRole", &H::broker_role), field("force", &H::force));
};

// RESYNC_BROKER (30107, CometMQ's own): a slave is to copy its master's log anew.
struct ResyncBrokerHeader {
  std::optional<bool> force;

  using H = ResyncBrokerHeader;
  static constexpr auto fields = std::make_tuple(field("force", &H::force));
};

}  // namespace comet::inline v0_1::remoting
