#pragma once

#include <string>

#include "comet/broker/broker_stats.hpp"

namespace comet::inline v0_1::broker {

// The answer to GET_BROKER_HA_STATUS (Apache: HARuntimeInfo). Fields of ours come behind Apache's
// and are left out by Java's readers: of the whole epoch, confirmed, inSyncReplicas; of each
// replica name, wire, state, flushed.
[[nodiscard]] std::string ha_status_json(const ReplicationStats& stats);

}  // namespace comet::inline v0_1::broker
