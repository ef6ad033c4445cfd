#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "comet/client/client_instance.hpp"

namespace comet::inline v0_1::client {

// The routes that this client uses and the addresses of the brokers that occur in them. Pure
// bookkeeping; knows no network.
class RouteCache {
 public:
  explicit RouteCache(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] TopicRoutePtr find(std::string_view topic) const;

  // Takes a route as the name server gave it; the round robin over its queues goes on from where
  // the old route was (a new one begins anywhere). What changed, in words; empty: nothing.
  std::string accept(const std::string& topic, routing::TopicRouteData data, bool provisional);

  [[nodiscard]] std::vector<std::string> topics() const;

  [[nodiscard]] std::optional<Address> master(std::string_view broker_name) const;
  [[nodiscard]] std::optional<Address> any(std::string_view broker_name) const;
  // The broker with this address; empty: none.
  [[nodiscard]] std::string_view name_of(const Address& address) const noexcept;
  // Of all brokers that have one.
  [[nodiscard]] std::vector<Address> masters() const;

  // Forgets broker addresses that occur in no route any more (Apache: cleanOfflineBroker).
  void drop_offline_brokers();

 private:
  using Addresses = std::map<std::int64_t, Address>;  // by broker id

  std::mt19937_64 random_;
  std::map<std::string, TopicRoutePtr, std::less<>> routes_;
  std::map<std::string, Addresses, std::less<>> brokers_;
};

// The route that a topic gets at its creation by brokers that carry the template topic: the same
// brokers, with at most `queue_nums` queues each.
[[nodiscard]] routing::TopicRouteData limit_queues(routing::TopicRouteData of_template,
                                                   std::int32_t queue_nums);

}  // namespace comet::inline v0_1::client
