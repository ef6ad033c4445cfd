#pragma once
// Headers of the commands to a name server (names: Apache's namesrv *RequestHeader classes).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "comet/remoting/header.hpp"

namespace comet::remoting {

// REGISTER_BROKER (103).
struct RegisterBrokerHeader {
  std::string broker_name;
  std::string broker_addr;
  std::string cluster_name;
  std::string ha_server_addr;
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
  static constexpr auto fields = std::make_tuple(
      field("brokerName", &H::broker_name), field("brokerAddr", &H::broker_addr),
      field("clusterName", &H::cluster_name), field("brokerId", &H::broker_id));
};

// GET_ROUTEINFO_BY_TOPIC (105).
struct GetRouteInfoHeader {
  std::string topic;
  std::optional<bool> accept_standard_json_only;

  using H = GetRouteInfoHeader;
  static constexpr auto fields = std::make_tuple(
      field("topic", &H::topic), field("acceptStandardJsonOnly", &H::accept_standard_json_only));
};

}  // namespace comet::remoting
