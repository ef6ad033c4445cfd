#include "route_cache.hpp"

#include <algorithm>

#include "comet/base/log.hpp"
#include "route_change.hpp"

namespace comet::inline v0_1::client {

TopicRoute::TopicRoute(const std::string& topic, routing::TopicRouteData data_in,
                       bool provisional_in, std::size_t first_queue)
    : data(std::move(data_in)),
      publish(routing::TopicPublishInfo::from_route(topic, data, first_queue)),
      provisional(provisional_in) {}

TopicRoutePtr RouteCache::find(std::string_view topic) const {
  auto found = routes_.find(topic);
  return found == routes_.end() ? nullptr : found->second;
}

std::string RouteCache::accept(const std::string& topic, routing::TopicRouteData data,
                               bool provisional) {
  for (const routing::BrokerData& broker : data.brokers) {
    Addresses addresses;
    for (const auto& [id, text] : broker.broker_addrs) {
      Result<Address> address = Address::parse(text);
      if (address) {
        addresses.emplace(id, *address);
      } else {
        log::warn("route of topic {}: broker {} has the unusable address '{}'", topic,
                  broker.broker_name, text);
      }
    }
    brokers_[broker.broker_name] = std::move(addresses);
  }
  TopicRoutePtr& route = routes_[topic];
  std::string change;
  if (!route) {
    change = "found: " + describe_route(data);
    if (provisional) change += ", where the first send creates the topic";
  } else if (route->provisional && !provisional) {
    change = "created: " + describe_route(data);
  } else if (route->data != data) {
    change = describe_change(route->data, data);
  }
  if (route && route->data == data) {
    route->provisional = provisional;
    return change;
  }
  const std::size_t first_queue = route ? route->publish.position() : random_();
  route = std::make_shared<TopicRoute>(topic, std::move(data), provisional, first_queue);
  return change;
}

std::vector<std::string> RouteCache::topics() const {
  std::vector<std::string> topics;
  topics.reserve(routes_.size());
  for (const auto& entry : routes_) topics.push_back(entry.first);
  return topics;
}

std::optional<Address> RouteCache::master(std::string_view broker_name) const {
  auto broker = brokers_.find(broker_name);
  if (broker == brokers_.end()) return std::nullopt;
  auto found = broker->second.find(routing::kMasterId);
  if (found == broker->second.end()) return std::nullopt;
  return found->second;
}

std::optional<Address> RouteCache::any(std::string_view broker_name) const {
  auto broker = brokers_.find(broker_name);
  if (broker == brokers_.end() || broker->second.empty()) return std::nullopt;
  return broker->second.begin()->second;  // the lowest id: the master where there is one
}

std::string_view RouteCache::name_of(const Address& address) const noexcept {
  for (const auto& [name, addresses] : brokers_) {
    for (const auto& [id, known] : addresses) {
      if (known == address) return name;
    }
  }
  return {};
}

std::vector<Address> RouteCache::masters() const {
  std::vector<Address> masters;
  for (const auto& [name, addresses] : brokers_) {
    auto found = addresses.find(routing::kMasterId);
    if (found != addresses.end()) masters.push_back(found->second);
  }
  return masters;
}

void RouteCache::drop_offline_brokers() {
  std::map<std::string, Addresses, std::less<>> used;
  for (const auto& entry : routes_) {
    for (const routing::BrokerData& broker : entry.second->data.brokers) {
      auto known = brokers_.find(broker.broker_name);
      if (known == brokers_.end()) continue;
      Addresses& kept = used[broker.broker_name];
      for (const auto& [id, address] : known->second) {
        auto named = broker.broker_addrs.find(id);
        if (named != broker.broker_addrs.end() && named->second == address.to_string()) {
          kept.emplace(id, address);
        }
      }
    }
  }
  std::erase_if(used, [](const auto& broker) { return broker.second.empty(); });
  brokers_ = std::move(used);
}

routing::TopicRouteData limit_queues(routing::TopicRouteData of_template, std::int32_t queue_nums) {
  for (routing::QueueData& queue : of_template.queues) {
    const std::int32_t limited = std::min(queue_nums, queue.read_queue_nums);
    queue.read_queue_nums = limited;
    queue.write_queue_nums = limited;
  }
  return of_template;
}

}  // namespace comet::inline v0_1::client
