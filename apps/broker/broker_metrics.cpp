#include "broker_metrics.hpp"

#include "comet/message/validate.hpp"

namespace comet::daemon {

monitor::Labels broker_labels(const broker::BrokerConfig& config) {
  return {
      {"cluster", config.cluster_name}, {"node_type", "broker"}, {"node_id", config.broker_name}};
}

// Names and labels are those of RocketMQ 5 (BrokerMetricsConstant) where it has them.
void report_broker(const broker::BrokerStats& stats, monitor::Scrape& scrape) {
  scrape.gauge("comet_broker_connections", "Open connections",
               static_cast<double>(stats.connections));
  scrape.gauge("rocketmq_broker_permission", "2: write, 4: read, 6: both",
               static_cast<double>(stats.permission));
  for (const broker::TrafficStats& traffic : stats.traffic) {
    monitor::Labels labels = {{"topic", traffic.topic}};
    if (!traffic.consumer_group.empty())
      labels.emplace_back("consumer_group", traffic.consumer_group);
    labels.emplace_back("is_system", is_system_topic(traffic.topic) ? "true" : "false");
    const bool in = traffic.consumer_group.empty();
    scrape.counter(in ? "rocketmq_messages_in_total" : "rocketmq_messages_out_total",
                   in ? "Messages stored" : "Messages given to consumers",
                   static_cast<double>(traffic.messages), labels);
    scrape.counter(
        in ? "rocketmq_throughput_in_total" : "rocketmq_throughput_out_total",
        in ? "Bytes of bodies and properties stored" : "Bytes of records given to consumers",
        static_cast<double>(traffic.bytes), labels);
  }
}

}  // namespace comet::daemon
