#pragma once

#include <string>

#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::client {

// What an operator wants to know of a changed route: brokers that came or went, moved masters,
// other numbers of queues, other permissions. "broker-c new (10.0.0.3:10911, 4 queues); broker-a:
// 4 -> 8 queues".
[[nodiscard]] std::string describe_change(const routing::TopicRouteData& before,
                                          const routing::TopicRouteData& after);
// "broker-a (10.0.0.1:10911, 4 queues); broker-b (...)".
[[nodiscard]] std::string describe_route(const routing::TopicRouteData& route);

}  // namespace comet::inline v0_1::client
