// Clusters and routes.

#include <algorithm>
#include <set>

#include "admin_impl.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/errors.hpp"
#include "comet/remoting/namesrv_headers.hpp"

namespace comet::inline v0_1::admin {
namespace {

Address require_address(const std::string& text, const std::string& broker_name) {
  Result<Address> address = Address::parse(text);
  if (address) return std::move(*address);
  throw Error(ClientErrc::bad_answer,
              fmt::format("the name server's address of broker {}, \"{}\"", broker_name, text));
}

std::vector<BrokerNode> nodes_of(const routing::BrokerData& broker, bool slaves) {
  std::vector<BrokerNode> nodes;
  for (const auto& [id, address] : broker.broker_addrs) {
    if (id != routing::kMasterId && !slaves) continue;
    BrokerNode node(require_address(address, broker.broker_name));
    node.cluster = broker.cluster;
    node.name = broker.broker_name;
    node.id = id;
    nodes.push_back(std::move(node));
  }
  return nodes;
}

// The master; where there is none, a slave.
std::optional<BrokerNode> node_to_read(const routing::BrokerData& broker) {
  std::vector<BrokerNode> nodes = nodes_of(broker, true);
  if (nodes.empty()) return std::nullopt;
  return std::move(nodes.front());  // master ids are the lowest
}

std::vector<BrokerNode> nodes_of(const ClusterInfo& info, const std::string& cluster, bool slaves) {
  std::vector<BrokerNode> nodes;
  const auto names = info.clusters.find(cluster);
  if (names == info.clusters.end()) return nodes;
  for (const std::string& name : names->second) {
    const auto broker = info.brokers.find(name);
    if (broker == info.brokers.end()) continue;
    for (BrokerNode& node : nodes_of(broker->second, slaves)) {
      node.cluster = cluster;
      nodes.push_back(std::move(node));
    }
  }
  return nodes;
}

std::string join_names(const std::map<std::string, std::vector<std::string>>& clusters) {
  std::string text;
  for (const auto& [name, brokers] : clusters) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

}  // namespace

asio::awaitable<ClusterInfo> Admin::cluster_info() {
  constexpr RequestCode kCode = RequestCode::get_broker_cluster_info;
  const RemotingCommand answer = co_await impl_->ask_name_server(RemotingCommand::request(kCode));
  co_return require_body(parse_cluster_info(answer.body.view()), kCode);
}

asio::awaitable<std::vector<BrokerNode>> Admin::brokers(Scope scope, bool slaves) {
  if (scope.is_broker()) co_return std::vector<BrokerNode>(1, BrokerNode(scope.address()));
  const ClusterInfo info = co_await cluster_info();
  std::vector<BrokerNode> found;
  for (const auto& [cluster, names] : info.clusters) {
    if (scope.is_cluster() && cluster != scope.cluster_name()) continue;
    std::vector<BrokerNode> nodes = nodes_of(info, cluster, slaves);
    std::move(nodes.begin(), nodes.end(), std::back_inserter(found));
  }
  if (scope.is_cluster() && found.empty()) {
    const bool known = info.clusters.contains(scope.cluster_name());
    throw Error(ClientErrc::broker_not_exist,
                known ? fmt::format("cluster {} has no master", scope.cluster_name())
                      : fmt::format("cluster {} is not known to the name servers; known are: {}",
                                    scope.cluster_name(), join_names(info.clusters)));
  }
  co_return std::move(found);
}

asio::awaitable<Address> Admin::broker_address(std::string broker_name) {
  const ClusterInfo info = co_await cluster_info();
  const auto broker = info.brokers.find(broker_name);
  std::optional<BrokerNode> node;
  if (broker != info.brokers.end()) node = node_to_read(broker->second);
  if (!node) {
    throw Error(ClientErrc::broker_not_exist,
                fmt::format("broker {} is not known to the name servers", broker_name));
  }
  co_return node->address;
}

asio::awaitable<std::vector<std::string>> Admin::topics() {
  constexpr RequestCode kCode = RequestCode::get_all_topic_list_from_nameserver;
  const RemotingCommand answer = co_await impl_->ask_name_server(RemotingCommand::request(kCode));
  std::vector<std::string> list = require_body(parse_topic_list(answer.body.view()), kCode);
  std::sort(list.begin(), list.end());
  co_return std::move(list);
}

asio::awaitable<std::vector<std::string>> Admin::topics_of_cluster(std::string cluster) {
  constexpr RequestCode kCode = RequestCode::get_topics_by_cluster;
  remoting::ClusterHeader header;
  header.cluster = cluster;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask_name_server(std::move(request));
  std::vector<std::string> list = require_body(parse_topic_list(answer.body.view()), kCode);
  std::sort(list.begin(), list.end());
  co_return std::move(list);
}

asio::awaitable<std::vector<std::string>> Admin::clusters_of_topic(std::string topic) {
  const routing::TopicRouteData data = co_await route(topic);
  std::set<std::string> clusters;
  for (const routing::BrokerData& broker : data.brokers) clusters.insert(broker.cluster);
  co_return std::vector<std::string>(clusters.begin(), clusters.end());
}

asio::awaitable<routing::TopicRouteData> Admin::route(std::string topic) {
  constexpr RequestCode kCode = RequestCode::get_routeinfo_by_topic;
  remoting::GetRouteInfoHeader header;
  header.topic = topic;
  header.accept_standard_json_only = true;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask_name_server(std::move(request));
  co_return require_body(routing::parse_topic_route(answer.body.view()), kCode);
}

asio::awaitable<std::vector<QueuePlace>> Admin::readable_queues(std::string topic) {
  const routing::TopicRouteData data = co_await route(topic);
  std::vector<QueuePlace> places;
  for (const routing::QueueData& queues : data.queues) {
    if ((queues.perm & routing::perm::kRead) == 0) continue;
    for (const routing::BrokerData& broker : data.brokers) {
      if (broker.broker_name != queues.broker_name) continue;
      const std::optional<BrokerNode> node = node_to_read(broker);
      if (!node) continue;
      for (std::int32_t id = 0; id < queues.read_queue_nums; ++id)
        places.emplace_back(MessageQueue(topic, broker.broker_name, id), node->address);
    }
  }
  std::sort(places.begin(), places.end(),
            [](const QueuePlace& a, const QueuePlace& b) { return a.queue < b.queue; });
  co_return std::move(places);
}

asio::awaitable<std::vector<BrokerNode>> Admin::brokers_of_topic(std::string topic) {
  const routing::TopicRouteData data = co_await route(topic);
  std::vector<BrokerNode> nodes;
  for (const routing::BrokerData& broker : data.brokers) {
    if (std::optional<BrokerNode> node = node_to_read(broker)) nodes.push_back(std::move(*node));
  }
  std::sort(nodes.begin(), nodes.end(), [](const BrokerNode& a, const BrokerNode& b) {
    return std::tie(a.cluster, a.name) < std::tie(b.cluster, b.name);
  });
  co_return std::move(nodes);
}

asio::awaitable<std::vector<BrokerNode>> Admin::brokers_of_group(std::string group) {
  bool has_retry_topic = true;
  std::vector<BrokerNode> nodes;
  try {
    nodes = co_await brokers_of_topic(std::string(kRetryTopicPrefix) + group);
  } catch (const Refused& refused) {
    if (refused.response() != ResponseCode::topic_not_exist) throw;
    has_retry_topic = false;
  }
  // Groups that broadcast have no retry topic.
  if (!has_retry_topic) nodes = co_await brokers(Scope::everywhere());
  co_return std::move(nodes);
}

}  // namespace comet::inline v0_1::admin
