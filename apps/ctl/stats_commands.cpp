// What goes through topics and groups.

#include <fmt/format.h>

#include "comet/message/validate.hpp"
#include "comet/remoting/errors.hpp"
#include "context.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Statistics";

// --- statsAll

constexpr Option kStatsAllOptions[] = {
    {"activeTopic", 'a', "", "topics with messages alone"},
    {"topic", 't', "TOPIC", "this topic alone"},
};

// One row: a topic, and a group that reads it.
class Flow {
 public:
  std::string topic;
  std::optional<std::string> group;
  std::int64_t behind = 0;
  double in_tps = 0, out_tps = 0;
  std::int64_t in_day = 0, out_day = 0;  // messages
};

Report describe_flows(const std::vector<Flow>& flows) {
  Table table("topics", {{"TOPIC", "topic"},
                         {"GROUP", "group"},
                         {"BEHIND", "accumulation"},
                         {"IN/S", "inTps"},
                         {"OUT/S", "outTps"},
                         {"IN 24H", "inMsg24Hour"},
                         {"OUT 24H", "outMsg24Hour"}});
  for (const Flow& flow : flows) {
    table.row({flow.topic, flow.group ? Cell(*flow.group) : Cell::none(), flow.behind, flow.in_tps,
               flow.out_tps, flow.in_day, flow.out_day});
  }
  Report report;
  report.table(std::move(table));
  return report;
}

// Brokers refuse what has not been counted yet: nothing.
asio::awaitable<admin::BrokerStats> stats_or_none(Context& context, Address broker,
                                                  std::string name, std::string key) {
  admin::BrokerStats stats;
  try {
    stats = co_await context.admin.broker_stats(broker, name, key);
  } catch (const admin::Refused& refused) {
    if (!means_nothing(refused)) throw;
  }
  co_return stats;
}

asio::awaitable<std::int64_t> lag_or_none(Context& context, std::string group, std::string topic) {
  std::int64_t lag = 0;
  try {
    const admin::ConsumeStats stats = co_await context.admin.consume_stats(group, topic);
    lag = stats.total_lag();
  } catch (const admin::Refused& refused) {
    if (!means_nothing(refused)) throw;
  }
  co_return std::max<std::int64_t>(lag, 0);
}

asio::awaitable<std::vector<std::string>> groups_or_none(Context& context, std::string topic) {
  std::vector<std::string> groups;
  try {
    groups = co_await context.admin.groups_of_topic(topic);
  } catch (const admin::Refused& refused) {
    if (!means_nothing(refused)) throw;
  }
  co_return std::move(groups);
}

asio::awaitable<void> add_flows(Context& context, std::string topic, std::vector<Flow>& flows) {
  const std::vector<admin::BrokerNode> brokers = co_await context.admin.brokers_of_topic(topic);
  Flow input;
  input.topic = topic;
  for (const admin::BrokerNode& broker : brokers) {
    const admin::BrokerStats stats =
        co_await stats_or_none(context, broker.address, "TOPIC_PUT_NUMS", topic);
    input.in_tps += stats.minute.tps;
    input.in_day += stats.day_sum();
  }
  const std::vector<std::string> groups = co_await groups_or_none(context, topic);
  for (const std::string& group : groups) {
    Flow flow = input;
    flow.group = group;
    for (const admin::BrokerNode& broker : brokers) {
      const admin::BrokerStats stats = co_await stats_or_none(
          context, broker.address, "GROUP_GET_NUMS", fmt::format("{}@{}", topic, group));
      flow.out_tps += stats.minute.tps;
      flow.out_day += stats.day_sum();
    }
    flow.behind = co_await lag_or_none(context, group, topic);
    flows.push_back(std::move(flow));
  }
  if (groups.empty()) flows.push_back(std::move(input));
}

bool is_wanted(const Arguments& arguments, const std::string& topic) {
  if (topic.starts_with(kRetryTopicPrefix) || topic.starts_with(kDlqTopicPrefix)) return false;
  return !arguments.has("topic") || arguments.text("topic") == topic;
}

asio::awaitable<int> stats_all(Context& context) {
  std::vector<Flow> flows;
  const std::vector<std::string> topics = co_await context.admin.topics();
  for (const std::string& topic : topics) {
    if (is_wanted(context.arguments, topic)) co_await add_flows(context, topic, flows);
  }
  if (context.arguments.has("activeTopic"))
    std::erase_if(flows, [](const Flow& flow) { return flow.in_day == 0 && flow.out_day == 0; });
  context.out.print(describe_flows(flows));
  co_return flows.empty() ? kRefused : kOk;
}

// --- brokerConsumeStats

constexpr Option kConsumeStatsOptions[] = {
    {"brokerAddr", 'b', "ADDRESS", "the broker", true},
    {"timeoutMillis", 't', "MS", "taken; --timeout counts"},
    {"level", 'l', "N", "queues that are so far behind (0)"},
    {"order", 'o', "BOOL", "topics whose order matters alone (false)"},
};

Report describe_consumption(const admin::BrokerConsumeStats& all, std::int64_t level) {
  Table table("queues", {{"TOPIC", "topic"},
                         {"GROUP", "group"},
                         {"BROKER", "brokerName"},
                         {"QUEUE", "queueId"},
                         {"BROKER OFFSET", "brokerOffset"},
                         {"CONSUMER OFFSET", "consumerOffset"},
                         {"BEHIND", "diff"},
                         {"LAST TIME", "lastTimestamp"}});
  for (const auto& [group, list] : all.groups) {
    for (const admin::ConsumeStats& stats : list) {
      for (const auto& [queue, offset] : stats.queues) {
        if (offset.lag() < level) continue;
        table.row({queue.topic, group, queue.broker_name, queue.queue_id, offset.broker_offset,
                   offset.consumer_offset, offset.lag(), Cell::time(offset.last_time)});
      }
    }
  }
  Report report;
  report.table(std::move(table));
  report.field("Messages behind", "totalDiff", all.total_lag);
  return report;
}

asio::awaitable<int> broker_consume_stats(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::int64_t level = arguments.number("level", 0, 0, INT64_MAX);
  const admin::BrokerConsumeStats stats = co_await context.admin.broker_consume_stats(
      arguments.address("brokerAddr"), arguments.boolean("order", false));
  context.out.print(describe_consumption(stats, level));
  co_return kOk;
}

constexpr Subcommand kSubcommands[] = {
    {"statsAll", kGroup, "Messages in and out of topics and groups.", kStatsAllOptions, stats_all},
    {"brokerConsumeStats", kGroup, "How far the groups of a broker are behind.",
     kConsumeStatsOptions, broker_consume_stats},
};

}  // namespace

std::span<const Subcommand> stats_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
