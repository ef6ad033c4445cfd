#pragma once
// Headers of the commands to a name server (names: Apache's namesrv *RequestHeader classes).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "comet/remoting/header.hpp"

namespace comet::inline v0_1::remoting {

// REGISTER_BROKER (103).
struct RegisterBrokerHeader {
  std::string broker_name;
  std::string broker_addr;
  std::string cluster_name;
  std::optional<std::string> ha_server_addr;
  std::int64_t broker_id = 0;
  std::optional<bool> compressed;
  std::optional<std::int32_t> body_crc32;  // 0: not checked
  std::optional<std::int64_t> heartbeat_timeout_millis;
  std::optional<bool> enable_acting_master;
  std::optional<std::string> zone_name;

  using H = RegisterBrokerHeader;
  static constexpr auto fields = std::make_tuple(
      field("brokerName", &H::broker_name), field("brokerAddr", &H::broker_addr),
      field("clusterName", &H::cluster_name), field("haServerAddr", &H::ha_server_addr),
      field("brokerId", &H::broker_id), field("compressed", &H::compressed),
      field("bodyCrc32", &H::body_crc32),
      field("heartbeatTimeoutMillis", &H::heartbeat_timeout_millis),
      field("enableActingMaster", &H::enable_acting_master), field("__ZONE_NAME", &H::zone_name));
};

struct RegisterBrokerResponseHeader {
  std::optional<std::string> ha_server_addr;
  std::optional<std::string> master_addr;

  using H = RegisterBrokerResponseHeader;
  static constexpr auto fields = std::make_tuple(field("haServerAddr", &H::ha_server_addr),
                                                 field("masterAddr", &H::master_addr));
};

// UNREGISTER_BROKER (104), QUERY_DATA_VERSION (322).
struct BrokerIdentityHeader {
  std::string broker_name;
  std::string broker_addr;
  std::string cluster_name;
  std::int64_t broker_id = 0;

  using H = BrokerIdentityHeader;
  static constexpr auto fields =
      std::make_tuple(field("brokerName", &H::broker_name), field("brokerAddr", &H::broker_addr),
                      field("clusterName", &H::cluster_name), field("brokerId", &H::broker_id));
};

struct QueryDataVersionResponseHeader {
  bool changed = false;

  using H = QueryDataVersionResponseHeader;
  static constexpr auto fields = std::make_tuple(field("changed", &H::changed));
};

// GET_ROUTEINFO_BY_TOPIC (105).
// The topic is a view into the command that was read (or into what the writer keeps): this is asked
// for all the time.
struct GetRouteInfoHeader {
  std::string_view topic;
  std::optional<bool> accept_standard_json_only;
  std::optional<bool> watch;  // ours: docs/route_watch.md

  using H = GetRouteInfoHeader;
  static constexpr auto fields = std::make_tuple(
      field("topic", &H::topic), field("acceptStandardJsonOnly", &H::accept_standard_json_only),
      field("cometRouteWatch", &H::watch));
};

// Ours, in the answer to a query that asks for a watch.
struct GetRouteInfoResponseHeader {
  std::optional<bool> watched;

  using H = GetRouteInfoResponseHeader;
  static constexpr auto fields = std::make_tuple(field("cometRouteWatch", &H::watched));
};

// PUT_KV_CONFIG (100).
struct PutKvConfigHeader {
  std::optional<std::string> name_space;
  std::optional<std::string> key;
  std::optional<std::string_view> value;  // may be as large as a frame

  using H = PutKvConfigHeader;
  static constexpr auto fields = std::make_tuple(field("namespace", &H::name_space),
                                                 field("key", &H::key), field("value", &H::value));
};

// GET_KV_CONFIG (101), DELETE_KV_CONFIG (102).
struct KvConfigHeader {
  std::string name_space;
  std::string key;

  using H = KvConfigHeader;
  static constexpr auto fields =
      std::make_tuple(field("namespace", &H::name_space), field("key", &H::key));
};

struct KvConfigResponseHeader {
  std::string value;

  using H = KvConfigResponseHeader;
  static constexpr auto fields = std::make_tuple(field("value", &H::value));
};

// GET_KVLIST_BY_NAMESPACE (219).
struct NamespaceHeader {
  std::string name_space;

  using H = NamespaceHeader;
  static constexpr auto fields = std::make_tuple(field("namespace", &H::name_space));
};

// WIPE_WRITE_PERM_OF_BROKER (205), ADD_WRITE_PERM_OF_BROKER (327).
struct BrokerNameHeader {
  std::string broker_name;

  using H = BrokerNameHeader;
  static constexpr auto fields = std::make_tuple(field("brokerName", &H::broker_name));
};

struct WipeWritePermResponseHeader {
  std::int32_t wipe_topic_count = 0;

  using H = WipeWritePermResponseHeader;
  static constexpr auto fields = std::make_tuple(field("wipeTopicCount", &H::wipe_topic_count));
};

struct AddWritePermResponseHeader {
  std::int32_t add_topic_count = 0;

  using H = AddWritePermResponseHeader;
  static constexpr auto fields = std::make_tuple(field("addTopicCount", &H::add_topic_count));
};

// DELETE_TOPIC_IN_NAMESRV (216).
struct DeleteTopicInNamesrvHeader {
  std::string topic;
  std::optional<std::string> cluster_name;

  using H = DeleteTopicInNamesrvHeader;
  static constexpr auto fields =
      std::make_tuple(field("topic", &H::topic), field("clusterName", &H::cluster_name));
};

// GET_TOPICS_BY_CLUSTER (224).
struct ClusterHeader {
  std::string cluster;

  using H = ClusterHeader;
  static constexpr auto fields = std::make_tuple(field("cluster", &H::cluster));
};

// GET_BROKER_MEMBER_GROUP (901).
struct BrokerMemberGroupHeader {
  std::string cluster_name;
  std::string broker_name;

  using H = BrokerMemberGroupHeader;
  static constexpr auto fields =
      std::make_tuple(field("clusterName", &H::cluster_name), field("brokerName", &H::broker_name));
};

// REGISTER_TOPIC_IN_NAMESRV (217).
struct RegisterTopicHeader {
  std::string topic;

  using H = RegisterTopicHeader;
  static constexpr auto fields = std::make_tuple(field("topic", &H::topic));
};

// BROKER_HEARTBEAT (904). The address is all that a name server needs; the rest is for the
// controller of 5.x.
struct BrokerHeartbeatHeader {
  std::string broker_addr;
  std::optional<std::string> cluster_name;
  std::optional<std::string> broker_name;
  std::optional<std::int64_t> broker_id;
  std::optional<std::int32_t> epoch;
  std::optional<std::int64_t> max_offset;
  std::optional<std::int64_t> confirm_offset;
  std::optional<std::int64_t> heartbeat_timeout_millis;
  std::optional<std::int32_t> election_priority;

  using H = BrokerHeartbeatHeader;
  static constexpr auto fields = std::make_tuple(
      field("brokerAddr", &H::broker_addr), field("clusterName", &H::cluster_name),
      field("brokerName", &H::broker_name), field("brokerId", &H::broker_id),
      field("epoch", &H::epoch), field("maxOffset", &H::max_offset),
      field("confirmOffset", &H::confirm_offset),
      field("heartbeatTimeoutMills", &H::heartbeat_timeout_millis),  // 5.x spells it so
      field("electionPriority", &H::election_priority));
};

// NOTIFY_MIN_BROKER_ID_CHANGE (905), from the name server to brokers.
struct NotifyMinBrokerIdHeader {
  std::optional<std::int64_t> min_broker_id;
  std::optional<std::string> broker_name;
  std::optional<std::string> min_broker_addr;
  std::optional<std::string> offline_broker_addr;
  std::optional<std::string> ha_broker_addr;

  using H = NotifyMinBrokerIdHeader;
  static constexpr auto fields =
      std::make_tuple(field("minBrokerId", &H::min_broker_id), field("brokerName", &H::broker_name),
                      field("minBrokerAddr", &H::min_broker_addr),
                      field("offlineBrokerAddr", &H::offline_broker_addr),
                      field("haBrokerAddr", &H::ha_broker_addr));
};

}  // namespace comet::inline v0_1::remoting
