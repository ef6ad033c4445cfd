// Single messages.

#include "message_output.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>

#include "comet/message/system_names.hpp"
#include "comet/remoting/errors.hpp"
#include "context.hpp"
#include "resend.hpp"
#include "times.hpp"
#include "trace_records.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Messages";
constexpr Option kTopic = {"topic", 't', "TOPIC", "the topic", true};
constexpr Option kId = {"msgId", 'i', "ID", "the message id", true};
constexpr Option kConsumer = {"consumerGroup", 'g', "GROUP", "give it to a member of this group"};
constexpr Option kClient = {"clientId", 'd', "ID", "and to this one"};
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

std::vector<std::string> split_ids(std::string_view text) {
  std::vector<std::string> ids;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) ids.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return ids;
}

// --- showing a message, and who has consumed it

Table track_table(const std::vector<admin::MessageTrack>& tracks) {
  Table table("tracks", {{"GROUP", "group"}, {"STATE", "trackType"}});
  for (const admin::MessageTrack& track : tracks) table.row({track.group, track.state});
  return table;
}

asio::awaitable<void> show(Context& context, MessageExt message) {
  Report report = describe_message(message, true);
  std::optional<std::vector<admin::MessageTrack>> tracks;
  try {
    tracks = co_await context.admin.tracks(message);
  } catch (const admin::Refused&) {
    // A broker that does not say, or a topic that is gone: the message is shown all the same.
  }
  if (tracks) report.table(track_table(*tracks));
  context.out.print(report);
}

// --- giving a message to a consumer once more

Report describe_result(const MessageExt& message, const admin::DirectResult& result) {
  Report report;
  report.field("Message id", "msgId", message_id(message));
  report.field("Result", "consumeResult", result.result);
  if (!result.remark.empty()) report.field("Remark", "remark", result.remark);
  report.field("In order", "order", result.order);
  report.field("Spent ms", "spentTimeMills", result.spent_millis);
  return report;
}

asio::awaitable<int> give_to_consumer(Context& context, MessageExt message) {
  const Arguments& arguments = context.arguments;
  const admin::DirectResult result = co_await context.admin.consume_directly(
      arguments.text("consumerGroup"), arguments.text_or("clientId", ""),
      message.offset_message_id(), message.topic());
  context.out.print(describe_result(message, result));
  co_return result.result == "CR_SUCCESS" || result.result == "CR_COMMIT" ? kOk : kRefused;
}

// --- queryMsgById

constexpr Option kByIdOptions[] = {
    {"msgId", 'i', "IDS", "message ids, separated by commas", true},
    {"topic", 't', "TOPIC", "the topic, for ids that producers have given"},
    kConsumer,
    kClient,
    {"sendMessage", 's', "BOOL", "send it once more (false)"},
};

// An id that the broker has given holds its address; one of a producer is in the index of a topic.
asio::awaitable<MessageExt> find_message(Context& context, std::string id) {
  try {
    co_return co_await context.admin.message_by_id(id, context.arguments.text_or("topic", ""));
  } catch (const Error& error) {
    if (error.code() != ClientErrc::illegal_message && !context.arguments.has("topic")) throw;
  }
  if (!context.arguments.has("topic")) {
    throw UsageError(fmt::format(
        "{} is no id that a broker has given; for an id of a producer give -t TOPIC, too", id));
  }
  std::vector<MessageExt> found =
      co_await context.admin.messages_by_unique_key(context.arguments.text("topic"), id);
  if (found.empty()) {
    throw NothingFound(
        fmt::format("no message {} in topic {}", id, context.arguments.text("topic")));
  }
  co_return std::move(found.front());
}

asio::awaitable<int> query_by_id(Context& context) {
  const bool resends = context.arguments.boolean("sendMessage", false);
  int worst = kOk;
  for (const std::string& id : split_ids(context.arguments.text("msgId"))) {
    MessageExt message = co_await find_message(context, id);
    int code = kOk;
    if (context.arguments.has("consumerGroup")) {
      code = co_await give_to_consumer(context, std::move(message));
    } else if (resends) {
      code = co_await resend(context, std::move(message));
    } else {
      co_await show(context, std::move(message));
    }
    worst = std::max(worst, code);
  }
  co_return worst;
}

// --- queryMsgByKey, queryMsgByUniqueKey

constexpr Option kByKeyOptions[] = {
    kTopic,
    {"msgKey", 'k', "KEY", "one of the message's keys, or its tag", true},
    {"beginTimestamp", 'b', "TIME", "stored then or later"},
    {"endTimestamp", 'e', "TIME", "stored then or before"},
    {"maxNum", 'm', "N", "messages at most, of each broker (64)"},
    {"keyType", 'p', "TYPE", "K: one of the keys (default), T: the tag (brokers of 5.5 and later)"},
};

bool asks_for_a_tag(const Arguments& arguments) {
  const std::string type = arguments.text_or("keyType", "K");
  if (type != "K" && type != "T") {
    throw UsageError(fmt::format("--keyType {} is neither K (keys) nor T (tag)", type));
  }
  return type == "T";
}

asio::awaitable<int> query_by_key(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::int64_t begin = arguments.time("beginTimestamp", 0);
  const std::int64_t end = arguments.time("endTimestamp", kLast);
  const std::int32_t most = arguments.small_number("maxNum", 64, 1, 100'000);
  auto asked = asks_for_a_tag(arguments)
                   ? context.admin.messages_by_tag(arguments.text("topic"),
                                                   arguments.text("msgKey"), most, begin, end)
                   : context.admin.messages_by_key(arguments.text("topic"),
                                                   arguments.text("msgKey"), most, begin, end);
  const std::vector<MessageExt> messages = co_await std::move(asked);
  context.out.print(list_messages(messages));
  co_return messages.empty() ? kRefused : kOk;
}

constexpr Option kByUniqueKeyOptions[] = {
    kId, kTopic, kConsumer, kClient, {"showAll", 'a', "", "every message with that id"}};

asio::awaitable<int> query_by_unique_key(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::string& id = arguments.text("msgId");
  std::vector<MessageExt> messages =
      co_await context.admin.messages_by_unique_key(arguments.text("topic"), id);
  if (messages.empty()) {
    throw NothingFound(fmt::format("no message {} in topic {}", id, arguments.text("topic")));
  }
  if (arguments.has("consumerGroup")) {
    const int code = co_await give_to_consumer(context, std::move(messages.front()));
    co_return code;
  }
  if (!arguments.has("showAll")) {
    co_await show(context, std::move(messages.front()));
  } else {
    context.out.print(list_messages(messages));
  }
  co_return kOk;
}

// --- queryMsgByOffset

constexpr Option kByOffsetOptions[] = {
    kTopic,
    {"brokerName", 'b', "NAME", "the broker's name", true},
    {"queueId", 'i', "ID", "the queue", true},
    {"offset", 'o', "OFFSET", "the message's place in the queue", true},
};

asio::awaitable<int> query_by_offset(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::int64_t offset = arguments.number("offset", 0, 0, kLast);
  const std::string& name = arguments.text("brokerName");
  const Address broker = co_await context.admin.broker_address(name);
  MessageQueue queue(arguments.text("topic"), name,
                     arguments.small_number("queueId", 0, 0, 65'535));
  const admin::QueuePlace place(std::move(queue), broker);
  const admin::MessageBatch batch = co_await context.admin.read(place, offset, 1);
  if (batch.messages.empty() || batch.messages.front().queue_offset != offset) {
    throw NothingFound(fmt::format(
        "no message at offset {} of queue {} of topic {} on {}, which has {} to {}", offset,
        place.queue.queue_id, place.queue.topic, name, batch.min_offset, batch.max_offset - 1));
  }
  co_await show(context, batch.messages.front());
  co_return kOk;
}

// --- queryMsgTraceById

constexpr Option kTraceOptions[] = {
    kId,
    {"traceTopic", 't', "TOPIC", "where traces are (RMQ_SYS_TRACE_TOPIC)"},
    {"beginTimestamp", 'b', "TIME", "stored then or later"},
    {"endTimestamp", 'e', "TIME", "stored then or before"},
    {"maxNum", 'm', "N", "trace messages at most, of each broker (64)"},
};

Report describe_trace(const std::vector<TraceRecord>& records) {
  Table table("traces", {{"TYPE", "type"},
                         {"GROUP", "group"},
                         {"CLIENT", "clientHost"},
                         {"TIME", "timestamp"},
                         {"SPENT MS", "costTime"},
                         {"OK", "success"},
                         {"TOPIC", "topic"},
                         {"STORED AT", "storeHost"}});
  for (const TraceRecord& record : records) {
    table.row({record.type, record.group, record.client, Cell::time(record.time), record.spent,
               record.success, record.topic, record.store_host});
  }
  Report report;
  report.table(std::move(table));
  return report;
}

asio::awaitable<int> query_trace(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::string& id = arguments.text("msgId");
  const std::vector<MessageExt> messages = co_await context.admin.messages_by_key(
      arguments.text_or("traceTopic", kTraceTopic), id,
      arguments.small_number("maxNum", 64, 1, 100'000), arguments.time("beginTimestamp", 0),
      arguments.time("endTimestamp", kLast));
  std::vector<TraceRecord> records;
  for (const MessageExt& message : messages) parse_trace(message, id, records);
  context.out.print(describe_trace(records));
  co_return records.empty() ? kRefused : kOk;
}

constexpr Subcommand kSubcommands[] = {
    {"queryMsgById", kGroup, "A message by its id.", kByIdOptions, query_by_id},
    {"queryMsgByKey", kGroup, "Messages by one of their keys, or by their tag.", kByKeyOptions,
     query_by_key},
    {"queryMsgByUniqueKey", kGroup, "A message by the id that its producer gave it.",
     kByUniqueKeyOptions, query_by_unique_key},
    {"queryMsgByOffset", kGroup, "A message by its place in a queue.", kByOffsetOptions,
     query_by_offset},
    {"queryMsgTraceById", kGroup, "Where a message went, from its trace.", kTraceOptions,
     query_trace},
};

}  // namespace

std::span<const Subcommand> message_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
