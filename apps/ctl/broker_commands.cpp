// Clusters and brokers.

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdlib>

#include "comet/base/timer.hpp"
#include "comet/remoting/errors.hpp"
#include "context.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Brokers";

constexpr Option kBroker = {"brokerAddr", 'b', "ADDRESS", "this broker alone"};
constexpr Option kCluster = {"clusterName", 'c', "CLUSTER", "all masters of this cluster"};
constexpr Option kScope[] = {kBroker, kCluster};

using Info = std::map<std::string, std::string>;

std::string value_of(const Info& info, const std::string& key) {
  const auto found = info.find(key);
  return found == info.end() ? std::string() : found->second;
}
// Of "12.3 4.5 6.7" the first; 0 for what is no number.
double number_of(const Info& info, const std::string& key) {
  return std::strtod(value_of(info, key).c_str(), nullptr);
}
std::int64_t count_of(const Info& info, const std::string& key) {
  return std::strtoll(value_of(info, key).c_str(), nullptr, 10);
}

// --- clusterList

constexpr Option kClusterListOptions[] = {
    {"moreStats", 'm', "", "messages of yesterday and today"},
    {"interval", 'i', "SECONDS", "again and again"},
    {"clusterName", 'c', "CLUSTER", "this cluster alone"},
};

// A broker with what it says, or why it says nothing.
class Node {
 public:
  explicit Node(admin::BrokerNode broker_in) : broker(std::move(broker_in)) {}
  admin::BrokerNode broker;
  Info info;
  std::string problem;
  error_code error;
};

double hours_since(std::int64_t millis) {
  if (millis <= 0) return 0;
  return static_cast<double>(std::max<std::int64_t>(0, real_time().wall_millis() - millis)) / 3.6e6;
}

std::vector<Cell> load_cells(const Node& node) {
  const Info& info = node.info;
  const std::int64_t earliest = count_of(info, "earliestMessageTimeStamp");
  return {node.broker.cluster,
          node.broker.name,
          node.broker.id,
          node.broker.address.to_string(),
          value_of(info, "brokerVersionDesc"),
          number_of(info, "putTps"),
          number_of(info, "getTransferedTps"),
          value_of(info, "sendThreadPoolQueueSize"),
          value_of(info, "pullThreadPoolQueueSize"),
          value_of(info, "pageCacheLockTimeMills"),
          hours_since(earliest),
          number_of(info, "commitLogDiskRatio"),
          node.problem};
}

std::vector<Cell> count_cells(const Node& node) {
  const auto between = [&](const char* later, const char* earlier) {
    return count_of(node.info, later) - count_of(node.info, earlier);
  };
  return {node.broker.cluster,
          node.broker.name,
          node.broker.id,
          between("msgPutTotalTodayMorning", "msgPutTotalYesterdayMorning"),
          between("msgGetTotalTodayMorning", "msgGetTotalYesterdayMorning"),
          between("msgPutTotalTodayNow", "msgPutTotalTodayMorning"),
          between("msgGetTotalTodayNow", "msgGetTotalTodayMorning"),
          node.problem};
}

Report describe_cluster(const std::vector<Node>& nodes, bool more) {
  std::vector<Column> columns = {
      {"CLUSTER", "cluster"}, {"BROKER", "brokerName"}, {"ID", "brokerId"}};
  const std::vector<Column> counts = {{"IN YESTERDAY", "inYesterday"},
                                      {"OUT YESTERDAY", "outYesterday"},
                                      {"IN TODAY", "inToday"},
                                      {"OUT TODAY", "outToday"}};
  const std::vector<Column> load = {{"ADDRESS", "address"},
                                    {"VERSION", "version"},
                                    {"IN/S", "inTps"},
                                    {"OUT/S", "outTps"},
                                    {"SENDS", "sendQueueSize"},
                                    {"PULLS", "pullQueueSize"},
                                    {"LOCK MS", "pageCacheLockTimeMills"},
                                    {"HOURS", "hours"},
                                    {"DISK", "commitLogDiskRatio"}};
  columns.insert(columns.end(), more ? counts.begin() : load.begin(),
                 more ? counts.end() : load.end());
  columns.push_back({"PROBLEM", "problem"});
  Table table("brokers", std::move(columns));
  for (const Node& node : nodes) table.row(more ? count_cells(node) : load_cells(node));
  Report report;
  report.table(std::move(table));
  return report;
}

// One that does not answer is a row, too.
asio::awaitable<void> fill(Context& context, Node& node) {
  try {
    node.info = co_await context.admin.runtime_info(node.broker.address);
  } catch (const Error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    node.problem = admin::describe(error);
    node.error = error.code();
  }
}

int worst_of(const std::vector<Node>& nodes) {
  int worst = nodes.empty() ? kRefused : kOk;
  for (const Node& node : nodes) {
    if (node.error) worst = std::max(worst, exit_code(node.error));
  }
  return worst;
}

asio::awaitable<int> cluster_list(Context& context) {
  const std::int64_t interval = context.arguments.number("interval", 0, 1, 86'400);
  const bool more = context.arguments.has("moreStats");
  const auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, real_time());
  for (;;) {
    const admin::Scope scope = context.scope_or_everywhere();
    const std::vector<admin::BrokerNode> brokers = co_await context.admin.brokers(scope, true);
    std::vector<Node> nodes;
    for (const admin::BrokerNode& broker : brokers) {
      nodes.emplace_back(broker);
      co_await fill(context, nodes.back());
    }
    context.out.print(describe_cluster(nodes, more));
    if (interval == 0) co_return worst_of(nodes);
    co_await timer.wait_for(std::chrono::seconds(interval));
  }
}

// --- brokerStatus

Report describe_infos(std::string_view key,
                      const std::vector<std::pair<std::string, Info>>& infos) {
  Table table(key, {{"BROKER", "address"}, {"KEY", "key"}, {"VALUE", "value"}});
  for (const auto& [address, info] : infos) {
    for (const auto& [name, value] : info) table.row({address, name, value});
  }
  Report report;
  report.table(std::move(table));
  return report;
}

asio::awaitable<int> broker_status(Context& context) {
  const admin::Scope scope = context.scope();
  const std::vector<admin::BrokerNode> brokers =
      co_await context.admin.brokers(scope, scope.is_cluster());
  std::vector<std::pair<std::string, Info>> infos;
  for (const admin::BrokerNode& broker : brokers) {
    Info info = co_await context.admin.runtime_info(broker.address);
    infos.emplace_back(broker.address.to_string(), std::move(info));
  }
  context.out.print(describe_infos("status", infos));
  co_return kOk;
}

// --- getBrokerConfig, updateBrokerConfig

asio::awaitable<int> get_broker_config(Context& context) {
  const std::vector<admin::BrokerNode> brokers = co_await context.admin.brokers(context.scope());
  std::vector<std::pair<std::string, Info>> configs;
  for (const admin::BrokerNode& broker : brokers) {
    const Properties config = co_await context.admin.broker_config(broker.address);
    configs.emplace_back(broker.address.to_string(),
                         Info(config.values().begin(), config.values().end()));
  }
  context.out.print(describe_infos("config", configs));
  co_return kOk;
}

constexpr Option kUpdateConfigOptions[] = {kBroker,
                                           kCluster,
                                           {"key", 'k', "KEY", "the key", true},
                                           {"value", 'v', "VALUE", "its value", true}};

asio::awaitable<int> update_broker_config(Context& context) {
  const std::string& key = context.arguments.text("key");
  const std::string& value = context.arguments.text("value");
  Info values;
  values[key] = value;
  const std::vector<admin::Outcome> outcomes =
      co_await context.admin.update_broker_config(context.scope(), values);
  Report report;
  report.field(key, "value", value);
  co_return print_outcomes(context, outcomes, std::move(report));
}

// --- cleanExpiredCQ, cleanUnusedTopic, deleteExpiredCommitLog

asio::awaitable<int> clean_expired_cq(Context& context) {
  const std::vector<admin::Outcome> outcomes =
      co_await context.admin.clean_expired_consume_queues(context.scope_or_everywhere());
  co_return print_outcomes(context, outcomes, Report());
}

asio::awaitable<int> clean_unused_topic(Context& context) {
  const std::vector<admin::Outcome> outcomes =
      co_await context.admin.clean_unused_topics(context.scope_or_everywhere());
  co_return print_outcomes(context, outcomes, Report());
}

asio::awaitable<int> delete_expired_commit_log(Context& context) {
  const std::vector<admin::Outcome> outcomes =
      co_await context.admin.delete_expired_commit_log(context.scope_or_everywhere());
  co_return print_outcomes(context, outcomes, Report());
}

// --- queryCq

constexpr Option kQueryCqOptions[] = {
    {"topic", 't', "TOPIC", "the topic", true},
    {"queue", 'q', "ID", "the queue", true},
    {"index", 'i', "OFFSET", "the first entry", true},
    {"count", 'c', "N", "entries (10)"},
    {"broker", 'b', "ADDRESS", "the broker (the first that has the topic)"},
    {"consumer", 'g', "GROUP", "whether this group wants the messages"},
};

Report describe_entries(const admin::ConsumeQueueData& data, std::int64_t index) {
  Report report;
  report.field("First offset", "minQueueIndex", data.min_index);
  report.field("Next offset", "maxQueueIndex", data.max_index);
  if (data.subscription) report.field("Subscription", "subString", data.subscription->expression);
  if (!data.filter.empty()) report.field("Filter", "filterData", data.filter);
  Table table("queueData", {{"OFFSET", "queueOffset"},
                            {"LOG OFFSET", "physicOffset"},
                            {"BYTES", "physicSize"},
                            {"TAGS CODE", "tagsCode"},
                            {"WANTED", "eval"},
                            {"REMARK", "msg"}});
  for (const admin::ConsumeQueueEntry& entry : data.entries) {
    table.row({index++, entry.physical_offset, entry.size, entry.tags_code, entry.matches,
               entry.problem});
  }
  report.table(std::move(table));
  if (!data.remark.empty()) report.field("Remark", "remark", data.remark);
  return report;
}

asio::awaitable<int> query_cq(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::string& topic = arguments.text("topic");
  const std::int32_t queue = arguments.small_number("queue", 0, 0, 65'535);
  const std::int64_t index = arguments.number("index", 0, 0, INT64_MAX);
  const std::int32_t count = arguments.small_number("count", 10, 1, 10'000);
  Address broker;
  if (arguments.has("broker")) {
    broker = arguments.address("broker");
  } else {
    const std::vector<admin::BrokerNode> nodes = co_await context.admin.brokers_of_topic(topic);
    if (nodes.empty()) throw Error(ClientErrc::broker_not_exist, "no broker has topic " + topic);
    broker = nodes.front().address;
  }
  const admin::ConsumeQueueData data = co_await context.admin.consume_queue(
      broker, topic, queue, index, count, arguments.text_or("consumer", ""));
  context.out.print(describe_entries(data, index));
  co_return data.entries.empty() ? kRefused : kOk;
}

constexpr Subcommand kSubcommands[] = {
    {"clusterList", kGroup, "The brokers of the clusters and their load.", kClusterListOptions,
     cluster_list},
    {"brokerStatus", kGroup, "Everything that brokers tell about themselves.", kScope,
     broker_status},
    {"getBrokerConfig", kGroup, "The settings of brokers.", kScope, get_broker_config},
    {"updateBrokerConfig", kGroup, "Changes a setting of brokers.", kUpdateConfigOptions,
     update_broker_config},
    {"cleanExpiredCQ", kGroup, "Removes consume queues whose messages are gone.", kScope,
     clean_expired_cq},
    {"cleanUnusedTopic", kGroup, "Removes files of topics that are gone.", kScope,
     clean_unused_topic},
    {"deleteExpiredCommitLog", kGroup, "Deletes log files beyond their time.", kScope,
     delete_expired_commit_log},
    {"queryCq", kGroup, "Entries of a consume queue.", kQueryCqOptions, query_cq},
};

}  // namespace

std::span<const Subcommand> broker_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
