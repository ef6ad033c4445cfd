#pragma once
// Clusters as the name servers know them, and which of their brokers an operation is meant for.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/error.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::admin {

// The answer of GET_BROKER_CLUSTER_INFO (Apache: ClusterInfo).
class ClusterInfo {
 public:
  std::map<std::string, routing::BrokerData> brokers;        // by broker name
  std::map<std::string, std::vector<std::string>> clusters;  // broker names, sorted
  friend bool operator==(const ClusterInfo&, const ClusterInfo&) = default;
};
// Errors here and in the other readers of this library: boost::json's for what is no JSON,
// BodyErrc for the wrong structure, too deep nesting (more than 32) or a body beyond
// kMaxBodySize. Unknown members are ignored, absent ones have their defaults.
[[nodiscard]] Result<ClusterInfo> parse_cluster_info(std::string_view json);
inline constexpr std::size_t kMaxBodySize = 64u << 20;  // bytes

// GET_ALL_TOPIC_LIST_FROM_NAMESERVER and others (Apache: TopicList); as the server lists them.
[[nodiscard]] Result<std::vector<std::string>> parse_topic_list(std::string_view json);
// QUERY_TOPIC_CONSUME_BY_WHO (Apache: GroupList).
[[nodiscard]] Result<std::vector<std::string>> parse_group_list(std::string_view json);
// {"table":{...}}, values as text (Apache: KVTable).
[[nodiscard]] Result<std::map<std::string, std::string>> parse_kv_table(std::string_view json);

// One broker of a cluster. Where only an address is known, the rest is empty.
class BrokerNode {
 public:
  BrokerNode() = default;
  explicit BrokerNode(Address address_in) : address(std::move(address_in)) {}
  std::string cluster;
  std::string name;
  std::int64_t id = routing::kMasterId;  // 0: the master
  Address address;
  friend bool operator==(const BrokerNode&, const BrokerNode&) = default;
};

// Which brokers an operation is meant for.
class Scope {
 public:
  static Scope broker(Address address) {
    Scope scope;
    scope.kind_ = Kind::broker;
    scope.address_ = std::move(address);
    return scope;
  }
  // The masters of a cluster.
  static Scope cluster(std::string name) {
    Scope scope;
    scope.kind_ = Kind::cluster;
    scope.cluster_ = std::move(name);
    return scope;
  }
  // The masters of all clusters.
  static Scope everywhere() { return Scope(); }

  [[nodiscard]] bool is_broker() const noexcept { return kind_ == Kind::broker; }
  [[nodiscard]] bool is_cluster() const noexcept { return kind_ == Kind::cluster; }
  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] const std::string& cluster_name() const noexcept { return cluster_; }

 private:
  enum class Kind { everywhere, cluster, broker };
  Scope() = default;
  Kind kind_ = Kind::everywhere;
  Address address_;
  std::string cluster_;
};

// What became of an operation at one server.
class Outcome {
 public:
  explicit Outcome(BrokerNode server_in) : server(std::move(server_in)) {}
  [[nodiscard]] bool ok() const noexcept { return !error; }
  BrokerNode server;    // of a name server: the address alone
  error_code error;     // none: done
  std::string problem;  // as describe() says it; empty: none
};
// Every server has done it.
[[nodiscard]] bool all_ok(const std::vector<Outcome>& outcomes) noexcept;

}  // namespace comet::inline v0_1::admin
