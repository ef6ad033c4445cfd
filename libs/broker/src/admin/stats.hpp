#pragma once

#include "comet/broker/broker_stats.hpp"
#include "handlers.hpp"

namespace comet::inline v0_1::broker {

// Reads the tables one after the other, and for each group and queue that lags one record's time.
// Thread-safe.
[[nodiscard]] BrokerStats collect_stats(const BrokerContext& context);

}  // namespace comet::inline v0_1::broker
