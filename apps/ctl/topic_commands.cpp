// Topics.

#include <fmt/format.h>

#include <algorithm>

#include "comet/message/validate.hpp"
#include "comet/remoting/errors.hpp"
#include "context.hpp"

namespace comet::inline v0_1::ctl {
namespace {

using routing::TopicConfig;
using routing::TopicRouteData;

constexpr std::int32_t kMostQueues = 65'536;
constexpr std::int32_t kMostPerm = 7;
constexpr std::int32_t kUnit = 1, kUnitSub = 2;  // bits of topicSysFlag
constexpr std::int32_t kDefaultQueues = 8;       // Apache: UpdateTopicSubCommand

constexpr std::string_view kGroup = "Topics";

constexpr Option kTopic = {"topic", 't', "TOPIC", "the topic", true};
constexpr Option kBroker = {"brokerAddr", 'b', "ADDRESS", "this broker alone"};
constexpr Option kCluster = {"clusterName", 'c', "CLUSTER", "all masters of this cluster"};

std::string perm_text(std::int32_t perm) {
  return fmt::format("{}{}{}", (perm & routing::perm::kRead) != 0 ? 'R' : '-',
                     (perm & routing::perm::kWrite) != 0 ? 'W' : '-',
                     (perm & routing::perm::kInherit) != 0 ? 'X' : '-');
}

// --- topicList

constexpr Option kTopicListOptions[] = {
    {"clusterModel", 'c', "", "with clusters and consumer groups"}};

asio::awaitable<std::vector<std::string>> groups_or_none(Context& context, std::string topic) {
  std::vector<std::string> groups;
  try {
    groups = co_await context.admin.groups_of_topic(topic);
  } catch (const admin::Refused& refused) {
    if (!means_nothing(refused)) throw;
  }
  co_return std::move(groups);
}

bool is_of_a_group(std::string_view topic) {
  return topic.starts_with(kRetryTopicPrefix) || topic.starts_with(kDlqTopicPrefix);
}

asio::awaitable<int> topic_list(Context& context) {
  Report report;
  if (!context.arguments.has("clusterModel")) {
    Table table("topics", std::vector<Column>(1, Column("TOPIC", "topic")));
    for (const std::string& topic : co_await context.admin.topics())
      table.row(std::vector<Cell>(1, Cell(topic)));
    report.table(std::move(table));
    context.out.print(report);
    co_return kOk;
  }
  std::vector<Column> columns;
  columns.emplace_back("CLUSTER", "cluster");
  columns.emplace_back("TOPIC", "topic");
  columns.emplace_back("GROUPS", "groups");
  Table table("topics", std::move(columns));
  const admin::ClusterInfo info = co_await context.admin.cluster_info();
  for (const auto& [cluster, names] : info.clusters) {
    const std::vector<std::string> topics = co_await context.admin.topics_of_cluster(cluster);
    for (const std::string& topic : topics) {
      std::vector<std::string> groups;
      if (!is_of_a_group(topic)) groups = co_await groups_or_none(context, topic);
      std::vector<Cell> cells;
      cells.emplace_back(cluster);
      cells.emplace_back(topic);
      cells.push_back(Cell::list(groups));
      table.row(std::move(cells));
    }
  }
  report.table(std::move(table));
  context.out.print(report);
  co_return kOk;
}

// --- topicRoute, topicClusterList

Report describe_route(const std::string& topic, const TopicRouteData& route) {
  Report report;
  report.field("Topic", "topic", topic);
  Table queues("queueDatas", {{"BROKER", "brokerName"},
                              {"READ", "readQueueNums"},
                              {"WRITE", "writeQueueNums"},
                              {"PERM", "perm"},
                              {"FLAGS", "topicSysFlag"}});
  for (const routing::QueueData& one : route.queues) {
    queues.row({one.broker_name, one.read_queue_nums, one.write_queue_nums,
                Cell::shown_as(one.perm, perm_text(one.perm)), one.topic_sys_flag});
  }
  Table brokers("brokers", {{"CLUSTER", "cluster"},
                            {"BROKER", "brokerName"},
                            {"ID", "brokerId"},
                            {"ADDRESS", "address"}});
  for (const routing::BrokerData& one : route.brokers) {
    for (const auto& [id, address] : one.broker_addrs)
      brokers.row({one.cluster, one.broker_name, id, address});
  }
  report.table(std::move(queues));
  report.table(std::move(brokers));
  if (!route.order_topic_conf.empty())
    report.field("Order", "orderTopicConf", route.order_topic_conf);
  return report;
}

constexpr Option kTopicAlone[] = {kTopic};

asio::awaitable<int> topic_route(Context& context) {
  const std::string& topic = context.arguments.text("topic");
  const TopicRouteData route = co_await context.admin.route(topic);
  context.out.print(describe_route(topic, route));
  co_return kOk;
}

asio::awaitable<int> topic_cluster_list(Context& context) {
  Table table("clusters", std::vector<Column>(1, Column("CLUSTER", "cluster")));
  const std::vector<std::string> clusters =
      co_await context.admin.clusters_of_topic(context.arguments.text("topic"));
  for (const std::string& cluster : clusters) table.row(std::vector<Cell>(1, Cell(cluster)));
  Report report;
  report.table(std::move(table));
  context.out.print(report);
  co_return kOk;
}

// --- topicStatus

constexpr Option kTopicStatusOptions[] = {kTopic, kBroker};

Report describe_stats(const admin::TopicStats& stats) {
  Table table("queues", {{"BROKER", "brokerName"},
                         {"QUEUE", "queueId"},
                         {"MIN OFFSET", "minOffset"},
                         {"MAX OFFSET", "maxOffset"},
                         {"LAST UPDATED", "lastUpdateTimestamp"}});
  for (const auto& [queue, offset] : stats.queues) {
    table.row({queue.broker_name, queue.queue_id, offset.min_offset, offset.max_offset,
               Cell::time(offset.last_update_time)});
  }
  Report report;
  report.table(std::move(table));
  return report;
}

asio::awaitable<int> topic_status(Context& context) {
  const std::string& topic = context.arguments.text("topic");
  admin::TopicStats stats;
  if (context.arguments.has("brokerAddr")) {
    stats = co_await context.admin.topic_stats(context.arguments.address("brokerAddr"), topic);
  } else {
    stats = co_await context.admin.topic_stats(topic);
  }
  context.out.print(describe_stats(stats));
  co_return kOk;
}

// --- updateTopic, updateTopicPerm, deleteTopic

constexpr Option kUpdateTopicOptions[] = {
    kTopic,
    kBroker,
    kCluster,
    {"readQueueNums", 'r', "N", "queues to read (8)"},
    {"writeQueueNums", 'w', "N", "queues to write (8)"},
    {"perm", 'p', "N", "2: write, 4: read, 6: both (6)"},
    {"order", 'o', "BOOL", "the order of messages matters (false)"},
    {"unit", 'u', "BOOL", "a topic of a unit (false)"},
    {"hasUnitSub", 's', "BOOL", "has subscriptions of units (false)"},
    {"attributes", 'a', "LIST", "5.x: +name=value,-name"},
};

// "+a=1,-b" as it is: the broker reads the signs.
std::map<std::string, std::string> parse_attributes(std::string_view text) {
  std::map<std::string, std::string> attributes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, end);
    const std::size_t equals = item.find('=');
    if (item.size() < 2 || (item[0] != '+' && item[0] != '-') ||
        (item[0] == '+') == (equals == std::string_view::npos))
      throw UsageError(fmt::format("--attributes {}: must be +name=value or -name", item));
    attributes.emplace(item.substr(0, equals),
                       equals == std::string_view::npos ? "" : item.substr(equals + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return attributes;
}

TopicConfig topic_from(const Arguments& arguments) {
  TopicConfig topic;
  topic.topic_name = arguments.text("topic");
  topic.read_queue_nums = arguments.small_number("readQueueNums", kDefaultQueues, 0, kMostQueues);
  topic.write_queue_nums = arguments.small_number("writeQueueNums", kDefaultQueues, 0, kMostQueues);
  topic.perm = arguments.small_number("perm", topic.perm, 0, kMostPerm);
  topic.order = arguments.boolean("order", false);
  topic.topic_sys_flag = (arguments.boolean("unit", false) ? kUnit : 0) |
                         (arguments.boolean("hasUnitSub", false) ? kUnitSub : 0);
  topic.attributes = parse_attributes(arguments.text_or("attributes", ""));
  return topic;
}

Report describe_topic(const TopicConfig& topic) {
  Report report;
  report.field("Topic", "topic", topic.topic_name);
  report.field("Read queues", "readQueueNums", topic.read_queue_nums);
  report.field("Write queues", "writeQueueNums", topic.write_queue_nums);
  report.field("Permission", "perm", Cell::shown_as(topic.perm, perm_text(topic.perm)));
  report.field("Order", "order", topic.order);
  return report;
}

// Consumers of an ordered topic read as many queues of each broker as the name servers say.
asio::awaitable<void> publish_order(Context& context, TopicConfig topic,
                                    std::vector<admin::Outcome> outcomes) {
  std::string order;
  for (const admin::Outcome& outcome : outcomes) {
    if (!outcome.ok() || outcome.server.name.empty()) continue;
    order += fmt::format("{}{}:{}", order.empty() ? "" : ";", outcome.server.name,
                         topic.write_queue_nums);
  }
  if (order.empty()) co_return;
  const bool merge = !context.scope().is_cluster();
  const std::vector<admin::Outcome> published =
      co_await context.admin.put_order_config(topic.topic_name, order, merge);
  if (!admin::all_ok(published))
    throw Error(published.front().error, "the order of the topic: " + published.front().problem);
}

// The name of the broker at an address, which -b does not tell.
asio::awaitable<std::string> name_of_broker(Context& context, Address address) {
  const std::vector<admin::BrokerNode> nodes =
      co_await context.admin.brokers(admin::Scope::everywhere());
  for (const admin::BrokerNode& node : nodes) {
    if (node.address == address) co_return node.name;
  }
  co_return std::string();
}

asio::awaitable<int> update_topic(Context& context) {
  const TopicConfig topic = topic_from(context.arguments);
  std::vector<admin::Outcome> outcomes = co_await context.admin.put_topic(context.scope(), topic);
  if (topic.order) {
    if (context.scope().is_broker())
      outcomes.front().server.name = co_await name_of_broker(context, context.scope().address());
    co_await publish_order(context, topic, outcomes);
  }
  co_return print_outcomes(context, outcomes, describe_topic(topic));
}

constexpr Option kUpdateTopicPermOptions[] = {
    kTopic, kBroker, kCluster, {"perm", 'p', "N", "2: write, 4: read, 6: both", true}};

asio::awaitable<int> update_topic_perm(Context& context) {
  const std::string& name = context.arguments.text("topic");
  const std::int32_t perm = context.arguments.small_number("perm", 0, 0, kMostPerm);
  const std::vector<admin::BrokerNode> nodes = co_await context.admin.brokers(context.scope());
  std::vector<admin::Outcome> outcomes;
  for (const admin::BrokerNode& node : nodes) {
    std::optional<TopicConfig> topic = co_await context.admin.topic_config(node.address, name);
    outcomes.emplace_back(node);
    if (!topic) {
      outcomes.back().error = remoting::ResponseCode::topic_not_exist;
      outcomes.back().problem = "the broker does not have the topic";
      continue;
    }
    topic->perm = perm;
    topic->attributes.clear();  // they stay as they are
    const std::vector<admin::Outcome> done =
        co_await context.admin.put_topic(admin::Scope::broker(node.address), *topic);
    outcomes.back().error = done.front().error;
    outcomes.back().problem = done.front().problem;
  }
  Report report;
  report.field("Topic", "topic", name);
  report.field("Permission", "perm", Cell::shown_as(perm, perm_text(perm)));
  co_return print_outcomes(context, outcomes, std::move(report));
}

constexpr Option kDeleteTopicOptions[] = {
    kTopic, {"clusterName", 'c', "CLUSTER", "from the brokers of this cluster", true}};

asio::awaitable<int> delete_topic(Context& context) {
  const std::string& topic = context.arguments.text("topic");
  const std::vector<admin::Outcome> outcomes =
      co_await context.admin.delete_topic(topic, context.arguments.text("clusterName"));
  Report report;
  report.field("Topic", "topic", topic);
  co_return print_outcomes(context, outcomes, std::move(report));
}

// --- updateOrderConf

constexpr Option kUpdateOrderConfOptions[] = {
    kTopic,
    {"method", 'm', "WORD", "get, put or delete", true},
    {"orderConf", 'v', "LIST", "broker-a:4;broker-b:4 (for put)"},
};

asio::awaitable<int> update_order_conf(Context& context) {
  constexpr const char* kNamespace = "ORDER_TOPIC_CONFIG";
  const std::string& topic = context.arguments.text("topic");
  const std::string& method = context.arguments.text("method");
  Report report;
  report.field("Topic", "topic", topic);
  std::vector<admin::Outcome> outcomes;
  if (method == "get") {
    const std::string value = co_await context.admin.kv_config(kNamespace, topic);
    report.field("Order", "orderConf", value);
    context.out.print(report);
    co_return kOk;
  }
  if (method == "put") {
    const std::string& value = context.arguments.text("orderConf");
    outcomes = co_await context.admin.put_order_config(topic, value, false);
  } else if (method == "delete") {
    outcomes = co_await context.admin.delete_kv_config(kNamespace, topic);
  } else {
    throw UsageError("--method must be get, put or delete");
  }
  co_return print_outcomes(context, outcomes, std::move(report));
}

// --- allocateMQ

constexpr Option kAllocateOptions[] = {
    kTopic, {"ipList", 'i', "LIST", "consumers, separated by commas", true}};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) items.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return items;
}

// Consumer `index` of `count` gets a row of neighbours; the first ones get one more (Apache:
// AllocateMessageQueueAveragely).
Report allocate(const std::vector<std::string>& consumers,
                const std::vector<admin::QueuePlace>& places) {
  Table table("allocation",
              {{"CONSUMER", "consumer"}, {"BROKER", "brokerName"}, {"QUEUE", "queueId"}});
  std::size_t next = 0;
  for (std::size_t index = 0; index < consumers.size(); ++index) {
    const std::size_t share =
        places.size() / consumers.size() + (index < places.size() % consumers.size() ? 1 : 0);
    for (std::size_t i = 0; i < share; ++i, ++next) {
      const MessageQueue& queue = places[next].queue;
      table.row({consumers[index], queue.broker_name, queue.queue_id});
    }
  }
  Report report;
  report.table(std::move(table));
  return report;
}

asio::awaitable<int> allocate_mq(Context& context) {
  const std::vector<std::string> consumers = split(context.arguments.text("ipList"), ',');
  if (consumers.empty()) throw UsageError("--ipList names no consumer");
  const std::vector<admin::QueuePlace> places =
      co_await context.admin.readable_queues(context.arguments.text("topic"));
  context.out.print(allocate(consumers, places));
  co_return kOk;
}

constexpr Subcommand kSubcommands[] = {
    {"topicList", kGroup, "Lists the topics.", kTopicListOptions, topic_list},
    {"topicRoute", kGroup, "Where a topic lives.", kTopicAlone, topic_route},
    {"topicStatus", kGroup, "Offsets of a topic's queues.", kTopicStatusOptions, topic_status},
    {"topicClusterList", kGroup, "Clusters that have a topic.", kTopicAlone, topic_cluster_list},
    {"updateTopic", kGroup, "Creates or changes a topic.", kUpdateTopicOptions, update_topic},
    {"updateTopicPerm", kGroup, "Changes what is allowed on a topic.", kUpdateTopicPermOptions,
     update_topic_perm},
    {"deleteTopic", kGroup, "Deletes a topic with its messages.", kDeleteTopicOptions,
     delete_topic},
    {"updateOrderConf", kGroup, "How many queues an ordered topic has where.",
     kUpdateOrderConfOptions, update_order_conf},
    {"allocateMQ", kGroup, "Which consumer would get which queue.", kAllocateOptions, allocate_mq},
};

}  // namespace

std::span<const Subcommand> topic_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
