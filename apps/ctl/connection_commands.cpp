// Clients.

#include <algorithm>
#include <boost/asio/error.hpp>

#include "comet/remoting/errors.hpp"
#include "comet/remoting/version.hpp"
#include "context.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Clients";
constexpr Option kConsumerGroup = {"consumerGroup", 'g', "GROUP", "the consumer group", true};

Table connection_table(const std::vector<admin::ClientConnection>& connections) {
  Table table("connections", {{"CLIENT", "clientId"},
                              {"ADDRESS", "clientAddr"},
                              {"LANGUAGE", "language"},
                              {"VERSION", "version"}});
  for (const admin::ClientConnection& one : connections) {
    table.row({one.client_id, one.client_addr, one.language,
               Cell::shown_as(one.version, remoting::version_name(one.version))});
  }
  return table;
}

Table subscription_table(const std::vector<admin::Subscription>& subscriptions) {
  Table table("subscriptions", {{"TOPIC", "topic"},
                                {"TYPE", "expressionType"},
                                {"EXPRESSION", "subString"},
                                {"SINCE", "subVersion"}});
  for (const admin::Subscription& one : subscriptions) {
    table.row({one.topic, one.expression_type, one.expression, Cell::time(one.version)});
  }
  return table;
}

// --- consumerConnection

constexpr Option kConsumerConnectionOptions[] = {
    kConsumerGroup, {"brokerAddr", 'b', "ADDRESS", "as this broker knows it (all of them)"}};

Report describe_consumers(const admin::ConsumerConnections& consumers) {
  std::vector<admin::Subscription> subscriptions;
  for (const auto& [topic, one] : consumers.subscriptions) subscriptions.push_back(one);
  Report report;
  report.table(connection_table(consumers.connections));
  report.table(subscription_table(subscriptions));
  report.field("Type", "consumeType", consumers.consume_type);
  report.field("Model", "messageModel", consumers.message_model);
  report.field("Begins", "consumeFromWhere", consumers.consume_from_where);
  return report;
}

asio::awaitable<int> consumer_connection(Context& context) {
  const std::string& group = context.arguments.text("consumerGroup");
  admin::ConsumerConnections consumers;
  if (context.arguments.has("brokerAddr")) {
    const Address broker = context.arguments.address("brokerAddr");
    consumers = co_await context.admin.consumer_connections(broker, group);
  } else {
    consumers = co_await context.admin.consumer_connections(group);
  }
  context.out.print(describe_consumers(consumers));
  co_return consumers.connections.empty() ? kRefused : kOk;
}

// --- producerConnection, producer

constexpr Option kProducerConnectionOptions[] = {
    {"producerGroup", 'g', "GROUP", "the producer group", true},
    {"topic", 't', "TOPIC", "which it sends to", true}};

asio::awaitable<int> producer_connection(Context& context) {
  const std::vector<admin::ClientConnection> connections =
      co_await context.admin.producer_connections(context.arguments.text("producerGroup"),
                                                  context.arguments.text("topic"));
  Report report;
  report.table(connection_table(connections));
  context.out.print(report);
  co_return connections.empty() ? kRefused : kOk;
}

constexpr Option kProducerOptions[] = {{"broker", 'b', "ADDRESS", "the broker", true}};

using Producers = std::map<std::string, std::vector<admin::ProducerInfo>>;

Report describe_producers(const Producers& groups) {
  Table table("producers", {{"GROUP", "group"},
                            {"CLIENT", "clientId"},
                            {"ADDRESS", "remoteIP"},
                            {"LANGUAGE", "language"},
                            {"VERSION", "version"},
                            {"HEARTBEAT", "lastUpdateTimestamp"}});
  for (const auto& [group, producers] : groups) {
    for (const admin::ProducerInfo& one : producers) {
      const admin::ClientConnection& client = one.connection;
      table.row({group, client.client_id, client.client_addr, client.language,
                 Cell::shown_as(client.version, remoting::version_name(client.version)),
                 Cell::time(one.last_update)});
    }
  }
  Report report;
  report.table(std::move(table));
  return report;
}

asio::awaitable<int> producer(Context& context) {
  const Producers groups = co_await context.admin.producers(context.arguments.address("broker"));
  context.out.print(describe_producers(groups));
  co_return kOk;
}

// --- consumerStatus

constexpr Option kConsumerStatusOptions[] = {
    kConsumerGroup,
    {"clientId", 'i', "ID", "this member alone, in full"},
    {"jstack", 's', "", "with the stacks of its threads"},
};

Table queue_table(const admin::ConsumerRunningInfo& info) {
  Table table("queues", {{"TOPIC", "topic"},
                         {"BROKER", "brokerName"},
                         {"QUEUE", "queueId"},
                         {"COMMITTED", "commitOffset"},
                         {"CACHED", "cachedMsgCount"},
                         {"CACHED FROM", "cachedMsgMinOffset"},
                         {"CACHED TO", "cachedMsgMaxOffset"},
                         {"LOCKED", "locked"},
                         {"DROPPED", "dropped"},
                         {"LAST PULL", "lastPullTimestamp"},
                         {"LAST CONSUMED", "lastConsumeTimestamp"}});
  for (const auto& [queue, one] : info.queues) {
    table.row({queue.topic, queue.broker_name, queue.queue_id, one.commit_offset, one.cached_count,
               one.cached_min_offset, one.cached_max_offset, one.locked, one.dropped,
               Cell::time(one.last_pull_time), Cell::time(one.last_consume_time)});
  }
  return table;
}

Table status_table(const admin::ConsumerRunningInfo& info) {
  Table table("status", {{"TOPIC", "topic"},
                         {"PULL MS", "pullRT"},
                         {"PULLED/S", "pullTPS"},
                         {"CONSUME MS", "consumeRT"},
                         {"CONSUMED/S", "consumeOKTPS"},
                         {"FAILED/S", "consumeFailedTPS"},
                         {"FAILED", "consumeFailedMsgs"}});
  for (const auto& [topic, one] : info.status) {
    table.row({topic, one.pull_rt, one.pull_tps, one.consume_rt, one.consume_ok_tps,
               one.consume_failed_tps, one.consume_failed_messages});
  }
  return table;
}

Report describe_member(const std::string& client_id, const admin::ConsumerRunningInfo& info) {
  Report report;
  report.field("Client", "clientId", client_id);
  Table properties("properties", {{"PROPERTY", "key"}, {"VALUE", "value"}});
  for (const auto& [key, value] : info.properties) properties.row({key, value});
  report.table(std::move(properties));
  report.table(subscription_table(info.subscriptions));
  report.table(queue_table(info));
  report.table(status_table(info));
  if (!info.stack.empty()) report.text_block("Stack", "jstack", info.stack);
  return report;
}

class Member {
 public:
  explicit Member(admin::ClientConnection connection_in) : connection(std::move(connection_in)) {}
  admin::ClientConnection connection;
  std::optional<admin::ConsumerRunningInfo> info;
  std::string problem;
  error_code error;
};

// The same topics with the same expressions; members that do not tell do not count.
bool subscribe_alike(const std::vector<Member>& members) {
  const std::vector<admin::Subscription>* first = nullptr;
  for (const Member& member : members) {
    if (!member.info) continue;
    const auto& own = member.info->subscriptions;
    const auto alike = [](const admin::Subscription& a, const admin::Subscription& b) {
      return a.topic == b.topic && a.expression == b.expression &&
             a.expression_type == b.expression_type;
    };
    if (first == nullptr) {
      first = &own;
    } else if (!std::equal(own.begin(), own.end(), first->begin(), first->end(), alike)) {
      return false;
    }
  }
  return true;
}

Report describe_members(const std::vector<Member>& members) {
  Table table("members", {{"CLIENT", "clientId"},
                          {"ADDRESS", "clientAddr"},
                          {"VERSION", "version"},
                          {"QUEUES", "queues"},
                          {"CACHED", "cachedMsgCount"},
                          {"PROBLEM", "problem"}});
  for (const Member& member : members) {
    std::int64_t cached = 0;
    if (member.info) {
      for (const auto& [queue, one] : member.info->queues) cached += one.cached_count;
    }
    const admin::ClientConnection& client = member.connection;
    table.row({client.client_id, client.client_addr,
               Cell::shown_as(client.version, remoting::version_name(client.version)),
               member.info ? Cell(member.info->queues.size()) : Cell::none(),
               member.info ? Cell(cached) : Cell::none(), member.problem});
  }
  Report report;
  report.table(std::move(table));
  report.field("Same subscriptions", "sameSubscriptions", subscribe_alike(members));
  return report;
}

asio::awaitable<void> fill(Context& context, std::string group, bool stack, Member& member) {
  try {
    member.info =
        co_await context.admin.consumer_running_info(group, member.connection.client_id, stack);
  } catch (const Error& error) {  // it refuses, or does not answer: that is worth a row
    if (error.code() == asio::error::operation_aborted) throw;
    member.problem = admin::describe(error);
    member.error = error.code();
  }
}

asio::awaitable<int> consumer_status(Context& context) {
  const std::string& group = context.arguments.text("consumerGroup");
  const bool stack = context.arguments.has("jstack");
  if (context.arguments.has("clientId")) {
    const std::string& client_id = context.arguments.text("clientId");
    const admin::ConsumerRunningInfo info =
        co_await context.admin.consumer_running_info(group, client_id, stack);
    context.out.print(describe_member(client_id, info));
    co_return kOk;
  }
  const admin::ConsumerConnections consumers = co_await context.admin.consumer_connections(group);
  std::vector<Member> members;
  for (const admin::ClientConnection& connection : consumers.connections) {
    members.emplace_back(connection);
    co_await fill(context, group, stack, members.back());
  }
  context.out.print(describe_members(members));
  int worst = members.empty() ? kRefused : kOk;
  for (const Member& member : members) {
    if (member.error) worst = std::max(worst, exit_code(member.error));
  }
  co_return worst;
}

constexpr Subcommand kSubcommands[] = {
    {"consumerConnection", kGroup, "The members of a consumer group.", kConsumerConnectionOptions,
     consumer_connection},
    {"consumerStatus", kGroup, "What consumers tell about themselves.", kConsumerStatusOptions,
     consumer_status},
    {"producerConnection", kGroup, "The members of a producer group.", kProducerConnectionOptions,
     producer_connection},
    {"producer", kGroup, "All producers that a broker knows.", kProducerOptions, producer},
};

}  // namespace

std::span<const Subcommand> connection_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
