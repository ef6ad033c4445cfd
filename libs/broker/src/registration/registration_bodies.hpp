#pragma once
// What a broker tells name servers of its topics: in one REGISTER_BROKER or, when that would not
// fit into a frame, in several.

#include <cstddef>
#include <string>
#include <vector>

#include "comet/broker/config.hpp"
#include "comet/routing/topic_config.hpp"

namespace comet::inline v0_1::broker {

// The bodies, in the order in which they are to be sent. Several have a data version each, as
// Apache's split registration has, since a name server of 4.9 passes over topics that come with a
// version that it knows; the last one's is that of the table. No body is larger than `max_body`
// unless a single topic is.
[[nodiscard]] std::vector<std::string> registration_bodies(const BrokerConfig& config,
                                                           routing::TopicConfigTable topics,
                                                           std::size_t max_body);

}  // namespace comet::inline v0_1::broker
