// Consumer groups.

#include <fmt/format.h>

#include "comet/message/validate.hpp"
#include "comet/remoting/errors.hpp"
#include "comet/remoting/version.hpp"
#include "context.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Consumer groups";

constexpr Option kBroker = {"brokerAddr", 'b', "ADDRESS", "this broker alone"};
constexpr Option kCluster = {"clusterName", 'c', "CLUSTER", "all masters of this cluster"};
constexpr Option kName = {"groupName", 'g', "GROUP", "the consumer group", true};

// --- updateSubGroup, deleteSubGroup

constexpr Option kUpdateSubGroupOptions[] = {
    kName,
    kBroker,
    kCluster,
    {"consumeEnable", 's', "BOOL", "may consume (true)"},
    {"consumeFromMinEnable", 'm', "BOOL", "may begin at the oldest message (false)"},
    {"consumeBroadcastEnable", 'd', "BOOL", "may broadcast (false)"},
    {"retryQueueNums", 'q', "N", "queues of its retry topic (1)"},
    {"retryMaxTimes", 'r', "N", "tries before a message goes to the dead letters (16)"},
    {"brokerId", 'i', "ID", "which broker to read from (0)"},
    {"whichBrokerWhenConsumeSlowly", 'w', "ID", "and when it is far behind (1)"},
    {"notifyConsumerIdsChanged", 'a', "BOOL", "tell members of others (true)"},
};

// mqadmin's defaults, which are not the broker's.
admin::GroupConfig group_from(const Arguments& arguments) {
  admin::GroupConfig group;
  group.group_name = arguments.text("groupName");
  group.consume_enable = arguments.boolean("consumeEnable", true);
  group.consume_from_min_enable = arguments.boolean("consumeFromMinEnable", false);
  group.consume_broadcast_enable = arguments.boolean("consumeBroadcastEnable", false);
  group.retry_queue_nums = arguments.small_number("retryQueueNums", 1, 0, 65'536);
  group.retry_max_times = arguments.small_number("retryMaxTimes", 16, -1, INT32_MAX);
  group.broker_id = arguments.number("brokerId", 0, 0, INT64_MAX);
  group.which_broker_when_consume_slowly =
      arguments.number("whichBrokerWhenConsumeSlowly", 1, 0, INT64_MAX);
  group.notify_consumer_ids_changed_enable = arguments.boolean("notifyConsumerIdsChanged", true);
  return group;
}

// A retry topic that exists gets as many queues as the group has now.
asio::awaitable<void> resize_retry_topic(Context& context, Address broker,
                                         admin::GroupConfig group) {
  const std::string name = std::string(kRetryTopicPrefix) + group.group_name;
  std::optional<routing::TopicConfig> topic = co_await context.admin.topic_config(broker, name);
  if (!topic || topic->write_queue_nums == group.retry_queue_nums) co_return;
  topic->read_queue_nums = group.retry_queue_nums;
  topic->write_queue_nums = group.retry_queue_nums;
  topic->attributes.clear();
  const std::vector<admin::Outcome> done =
      co_await context.admin.put_topic(admin::Scope::broker(broker), *topic);
  if (!admin::all_ok(done)) throw Error(done.front().error, done.front().problem);
}

void describe_group(Report& report, const admin::GroupConfig& group) {
  report.field("Group", "groupName", group.group_name);
  report.field("May consume", "consumeEnable", group.consume_enable);
  report.field("May begin at the oldest", "consumeFromMinEnable", group.consume_from_min_enable);
  report.field("May broadcast", "consumeBroadcastEnable", group.consume_broadcast_enable);
  report.field("Retry queues", "retryQueueNums", group.retry_queue_nums);
  report.field("Tries", "retryMaxTimes", group.retry_max_times);
  report.field("Reads from", "brokerId", group.broker_id);
  report.field("When far behind", "whichBrokerWhenConsumeSlowly",
               group.which_broker_when_consume_slowly);
  report.field("Members are told", "notifyConsumerIdsChangedEnable",
               group.notify_consumer_ids_changed_enable);
}

asio::awaitable<int> update_sub_group(Context& context) {
  const admin::GroupConfig group = group_from(context.arguments);
  const std::vector<admin::Outcome> outcomes =
      co_await context.admin.put_group(context.scope(), group);
  if (context.arguments.has("retryQueueNums")) {
    for (const admin::Outcome& outcome : outcomes) {
      if (outcome.ok()) co_await resize_retry_topic(context, outcome.server.address, group);
    }
  }
  Report report;
  describe_group(report, group);
  co_return print_outcomes(context, outcomes, std::move(report));
}

constexpr std::string_view kTopicsOfGroup[] = {kRetryTopicPrefix, kDlqTopicPrefix};

constexpr Option kDeleteSubGroupOptions[] = {
    kName, kBroker, kCluster, {"removeOffset", 'r', "BOOL", "with its offsets (false)"}};

asio::awaitable<int> delete_sub_group(Context& context) {
  const std::string& name = context.arguments.text("groupName");
  const bool with_offsets = context.arguments.boolean("removeOffset", false);
  std::vector<admin::Outcome> outcomes =
      co_await context.admin.delete_group(context.scope(), name, with_offsets);
  if (context.scope().is_cluster() && admin::all_ok(outcomes)) {
    for (const std::string_view prefix : kTopicsOfGroup) {
      std::string topic = std::string(prefix) + name;
      const std::vector<admin::Outcome> more =
          co_await context.admin.delete_topic(std::move(topic), context.scope().cluster_name());
      for (const admin::Outcome& outcome : more) {
        if (!outcome.ok()) outcomes.push_back(outcome);
      }
    }
  }
  Report report;
  report.field("Group", "groupName", name);
  co_return print_outcomes(context, outcomes, std::move(report));
}

// --- getConsumerConfig

constexpr Option kNameAlone[] = {kName};

Report describe_groups(const std::vector<std::pair<admin::BrokerNode, admin::GroupConfig>>& all) {
  Table table("brokers", {{"CLUSTER", "cluster"},
                          {"BROKER", "brokerName"},
                          {"ENABLED", "consumeEnable"},
                          {"FROM MIN", "consumeFromMinEnable"},
                          {"BROADCAST", "consumeBroadcastEnable"},
                          {"RETRY QUEUES", "retryQueueNums"},
                          {"TRIES", "retryMaxTimes"},
                          {"READS FROM", "brokerId"},
                          {"WHEN SLOW", "whichBrokerWhenConsumeSlowly"},
                          {"NOTIFIED", "notifyConsumerIdsChangedEnable"}});
  for (const auto& [broker, group] : all) {
    table.row({broker.cluster, broker.name, group.consume_enable, group.consume_from_min_enable,
               group.consume_broadcast_enable, group.retry_queue_nums, group.retry_max_times,
               group.broker_id, group.which_broker_when_consume_slowly,
               group.notify_consumer_ids_changed_enable});
  }
  Report report;
  report.table(std::move(table));
  return report;
}

asio::awaitable<int> get_consumer_config(Context& context) {
  const std::string& name = context.arguments.text("groupName");
  const std::vector<admin::BrokerNode> brokers =
      co_await context.admin.brokers(admin::Scope::everywhere());
  std::vector<std::pair<admin::BrokerNode, admin::GroupConfig>> found;
  for (const admin::BrokerNode& broker : brokers) {
    const auto groups = co_await context.admin.groups(broker.address);
    const auto group = groups.find(name);
    if (group != groups.end()) found.emplace_back(broker, group->second);
  }
  context.out.print(describe_groups(found));
  co_return found.empty() ? kRefused : kOk;
}

// --- consumerProgress

constexpr Option kProgressOptions[] = {
    {"groupName", 'g', "GROUP", "the consumer group (all groups)"},
    {"topicName", 't', "TOPIC", "this topic alone"},
    {"showClientIP", 's', "BOOL", "which member reads each queue (false)"},
};

using Owners = std::map<MessageQueue, std::string>;

// Which member reads which queue, as far as members say so.
asio::awaitable<Owners> find_owners(Context& context, std::string group) {
  Owners owners;
  try {
    const admin::ConsumerConnections members = co_await context.admin.consumer_connections(group);
    for (const admin::ClientConnection& member : members.connections) {
      const admin::ConsumerRunningInfo info =
          co_await context.admin.consumer_running_info(group, member.client_id);
      for (const auto& [queue, state] : info.queues) owners[queue] = member.client_addr;
    }
  } catch (const admin::Refused& refused) {
    // Nobody is online, or a member does not answer: its queues have no owner in the table.
    if (!means_nothing(refused)) throw;
  }
  co_return std::move(owners);
}

Report describe_progress(const admin::ConsumeStats& stats, const Owners* owners) {
  std::vector<Column> columns = {{"TOPIC", "topic"},
                                 {"BROKER", "brokerName"},
                                 {"QUEUE", "queueId"},
                                 {"BROKER OFFSET", "brokerOffset"},
                                 {"CONSUMER OFFSET", "consumerOffset"},
                                 {"BEHIND", "diff"},
                                 {"LAST TIME", "lastTimestamp"}};
  if (owners != nullptr) columns.push_back({"CLIENT", "clientAddr"});
  Table table("queues", std::move(columns));
  for (const auto& [queue, offset] : stats.queues) {
    std::vector<Cell> cells = {queue.topic,
                               queue.broker_name,
                               queue.queue_id,
                               offset.broker_offset,
                               offset.consumer_offset,
                               offset.lag(),
                               Cell::time(offset.last_time)};
    if (owners != nullptr) {
      const auto owner = owners->find(queue);
      cells.push_back(owner == owners->end() ? Cell::none() : Cell(owner->second));
    }
    table.row(std::move(cells));
  }
  Report report;
  report.table(std::move(table));
  report.field("Consumed per second", "consumeTps", stats.consume_tps);
  report.field("Messages behind", "diffTotal", stats.total_lag());
  return report;
}

// One row of the list of all groups.
class GroupLine {
 public:
  explicit GroupLine(std::string name_in) : name(std::move(name_in)) {}
  std::string name;
  admin::ConsumeStats stats;
  admin::ConsumerConnections members;
};

Report describe_all(const std::vector<GroupLine>& groups) {
  Table table("groups", {{"GROUP", "group"},
                         {"MEMBERS", "count"},
                         {"VERSION", "version"},
                         {"TYPE", "consumeType"},
                         {"MODEL", "messageModel"},
                         {"CONSUMED/S", "consumeTps"},
                         {"BEHIND", "diffTotal"}});
  for (const GroupLine& group : groups) {
    std::int32_t lowest = INT32_MAX;
    for (const admin::ClientConnection& member : group.members.connections)
      lowest = std::min(lowest, member.version);
    const bool online = !group.members.connections.empty();
    table.row({group.name, group.members.connections.size(),
               online ? Cell(remoting::version_name(lowest)) : Cell::none("OFFLINE"),
               group.members.consume_type, group.members.message_model, group.stats.consume_tps,
               group.stats.total_lag()});
  }
  Report report;
  report.table(std::move(table));
  return report;
}

// What a group's brokers say; what they refuse stays empty.
asio::awaitable<void> fill(Context& context, GroupLine& line) {
  try {
    line.stats = co_await context.admin.consume_stats(line.name);
  } catch (const admin::Refused& refused) {
    if (!means_nothing(refused)) throw;
  }
  try {
    line.members = co_await context.admin.consumer_connections(line.name);
  } catch (const admin::Refused& refused) {
    if (!means_nothing(refused)) throw;
  }
}

asio::awaitable<int> progress_of_all(Context& context) {
  std::vector<GroupLine> lines;
  const std::vector<std::string> topics = co_await context.admin.topics();
  for (const std::string& topic : topics) {
    if (!topic.starts_with(kRetryTopicPrefix)) continue;
    lines.emplace_back(topic.substr(kRetryTopicPrefix.size()));
    co_await fill(context, lines.back());
  }
  context.out.print(describe_all(lines));
  co_return kOk;
}

asio::awaitable<int> consumer_progress(Context& context) {
  if (!context.arguments.has("groupName")) {
    const int code = co_await progress_of_all(context);
    co_return code;
  }
  const std::string& group = context.arguments.text("groupName");
  const admin::ConsumeStats stats =
      co_await context.admin.consume_stats(group, context.arguments.text_or("topicName", ""));
  if (context.arguments.boolean("showClientIP", false)) {
    const Owners owners = co_await find_owners(context, group);
    context.out.print(describe_progress(stats, &owners));
  } else {
    context.out.print(describe_progress(stats, nullptr));
  }
  co_return stats.queues.empty() ? kRefused : kOk;
}

constexpr Subcommand kSubcommands[] = {
    {"consumerProgress", kGroup, "How far groups are behind.", kProgressOptions, consumer_progress},
    {"getConsumerConfig", kGroup, "The settings of a group.", kNameAlone, get_consumer_config},
    {"updateSubGroup", kGroup, "Creates or changes a group.", kUpdateSubGroupOptions,
     update_sub_group},
    {"deleteSubGroup", kGroup, "Deletes a group; with -c its retries and dead letters, too.",
     kDeleteSubGroupOptions, delete_sub_group},
};

}  // namespace

std::span<const Subcommand> group_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
