#pragma once
// Registrations as tests of RouteTable need them.

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "tables/route_table.hpp"

namespace comet::inline v0_1::test {

using namesrv::BrokerRegistration;
using namesrv::RegisterOutcome;
using namesrv::RouteTable;
using namesrv::RouteTableLimits;
using routing::IntegerKeys;
using routing::TopicConfig;
using routing::TopicRouteData;
using namespace std::chrono_literals;

inline constexpr Instant kStart{};
inline constexpr std::string_view kA = "10.0.0.1:10911";
inline constexpr std::string_view kB = "10.0.0.2:10911";

inline TopicConfig topic(std::string name, std::int32_t queues = 4, std::int32_t perm = 6) {
  TopicConfig config;
  config.topic_name = std::move(name);
  config.read_queue_nums = queues;
  config.write_queue_nums = queues;
  config.perm = perm;
  return config;
}

// broker-a of cluster c, at kA over connection 1, with topics of 4 queues.
class Registration : public BrokerRegistration {
 public:
  explicit Registration(std::initializer_list<std::string> topics = {"T"}) {
    cluster = "c";
    broker_name = "broker-a";
    address = kA;
    ha_server_addr = "10.0.0.1:10912";
    connection = 1;
    for (const std::string& name : topics) body.topic_config.topics[name] = test::topic(name);
    body.topic_config.data_version.counter = 1;
  }
  Registration& name(std::string value) {
    broker_name = std::move(value);
    return *this;
  }
  Registration& at(std::string_view value) {
    address = value;
    return *this;
  }
  Registration& id(std::int64_t value) {
    broker_id = value;
    return *this;
  }
  Registration& over(std::uint64_t value) {
    connection = value;
    return *this;
  }
  Registration& version(std::int64_t value) {
    body.topic_config.data_version.counter = value;
    return *this;
  }
  Registration& state(std::int64_t value) {
    body.topic_config.data_version.state_version = value;
    return *this;
  }
  Registration& topic(TopicConfig config) {
    std::string name = config.topic_name;
    body.topic_config.topics[name] = std::move(config);
    return *this;
  }
};

inline TopicRouteData route(const RouteTable& table, std::string_view topic = "T") {
  auto found = table.find_route(topic);
  BOOST_REQUIRE_MESSAGE(found, "no route");
  return *found;
}

inline std::string address(const RouteTable& table, std::int64_t id, std::string_view topic = "T") {
  const TopicRouteData data = route(table, topic);
  const auto& addresses = data.brokers.at(0).broker_addrs;
  const auto found = addresses.find(id);
  return found == addresses.end() ? "none" : found->second;
}

}  // namespace comet::inline v0_1::test
