#pragma once

#include "comet/broker/broker.hpp"
#include "comet/monitor/metrics.hpp"

namespace comet::inline v0_1::daemon {

// RocketMQ 5's labels of every sample.
[[nodiscard]] monitor::Labels broker_labels(const broker::BrokerConfig& config);
void report_broker(const broker::BrokerStats& stats, monitor::Scrape& scrape);

}  // namespace comet::inline v0_1::daemon
