// Reading queues: one line, or one JSON object, for each message.

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "comet/remoting/errors.hpp"
#include "context.hpp"
#include "message_output.hpp"
#include "times.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Messages";
constexpr int kBatch = 32;
constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

constexpr Option kTopic = {"topic", 't', "TOPIC", "the topic", true};
constexpr Option kTags = {"subExpression", 's', "TAGS", "these tags alone: A || B (*)"};
constexpr Option kBegin = {"beginTimestamp", 'b', "TIME", "stored then or later"};
constexpr Option kEnd = {"endTimestamp", 'e', "TIME", "stored before"};
constexpr Option kBody = {"printBody", 'd', "BOOL", "with bodies (true)"};
constexpr Option kCharset = {"charsetName", 'c', "NAME", "of bodies; UTF-8 alone"};

// Which messages of a queue are wanted.
class Range {
 public:
  std::int64_t begin = 0;  // the first offset
  std::int64_t end = 0;    // the one behind the last
  // Stored then or later, and before; ms. Offsets that brokers find by time are only near.
  std::int64_t begin_time = 0;
  std::int64_t end_time = kAll;
  [[nodiscard]] bool wants(const MessageExt& message) const noexcept {
    return message.queue_offset < end && message.store_timestamp >= begin_time &&
           message.store_timestamp < end_time;
  }
};

void require_utf8(const Arguments& arguments) {
  const std::string name = arguments.text_or("charsetName", "UTF-8");
  if (name != "UTF-8" && name != "utf-8" && name != "UTF8" && name != "utf8")
    throw UsageError("--charsetName: bodies are taken as UTF-8, or shown as Base64 in JSON");
}

asio::awaitable<Range> find_range(Context& context, admin::QueuePlace place,
                                  std::string begin_option) {
  const Arguments& arguments = context.arguments;
  Range range;
  range.begin = co_await context.admin.min_offset(place);
  range.end = co_await context.admin.max_offset(place);
  if (arguments.has(begin_option)) {
    const std::int64_t time = arguments.time(begin_option, 0);
    range.begin_time = time;
    range.begin = range.end;
    if (time != kNow) range.begin = co_await context.admin.search_offset(place, time);
  }
  if (arguments.has("endTimestamp")) {
    const std::int64_t time = arguments.time("endTimestamp", 0);
    if (time != kNow) {
      range.end_time = time;
      const std::int64_t near = co_await context.admin.search_offset(place, time);
      range.end = std::min(range.end, near + 1);
    }
  }
  co_return range;
}

void print_message(Context& context, const MessageExt& message, bool with_body) {
  Report report;
  if (context.out.is_json()) report = describe_message(message, with_body);
  context.out.print_item(report, context.out.is_json() ? "" : message_line(message, with_body));
}

// What is done with each message.
using Take = void (*)(Context& context, const MessageExt& message, void* state);

class Reading {
 public:
  std::string tags = "*";
  std::int64_t most = kAll;  // messages
  Take take = nullptr;
  void* state = nullptr;
};

// How many were taken.
asio::awaitable<std::int64_t> read_range(Context& context, admin::QueuePlace place, Range range,
                                         Reading reading) {
  std::int64_t taken = 0;
  std::int64_t offset = range.begin;
  while (offset < range.end && taken < reading.most) {
    const int want = static_cast<int>(
        std::min<std::int64_t>({kBatch, range.end - offset, reading.most - taken}));
    const admin::MessageBatch batch =
        co_await context.admin.read(place, offset, want, reading.tags);
    for (const MessageExt& message : batch.messages) {
      if (taken == reading.most) break;
      if (!range.wants(message)) continue;
      ++taken;
      reading.take(context, message, reading.state);
    }
    if (batch.at_end || batch.next_offset <= offset) break;
    offset = batch.next_offset;
  }
  co_return taken;
}

void print_with_body(Context& context, const MessageExt& message, void*) {
  print_message(context, message, true);
}
void print_without_body(Context& context, const MessageExt& message, void*) {
  print_message(context, message, false);
}

// --- printMsg

constexpr Option kPrintOptions[] = {kTopic, kTags, kBegin, kEnd, kBody, kCharset};

asio::awaitable<int> print_messages(Context& context) {
  require_utf8(context.arguments);
  Reading reading;
  reading.tags = context.arguments.text_or("subExpression", "*");
  reading.take =
      context.arguments.boolean("printBody", true) ? print_with_body : print_without_body;
  const std::vector<admin::QueuePlace> places =
      co_await context.admin.readable_queues(context.arguments.text("topic"));
  for (const admin::QueuePlace& place : places) {
    const Range range = co_await find_range(context, place, "beginTimestamp");
    co_await read_range(context, place, range, reading);
  }
  co_return kOk;
}

// --- printMsgByQueue

constexpr Option kPrintQueueOptions[] = {
    kTopic,
    {"brokerName", 'a', "NAME", "the broker's name", true},
    {"queueId", 'i', "ID", "the queue", true},
    kTags,
    kBegin,
    kEnd,
    {"printMsg", 'p', "BOOL", "print the messages (true, unless -f true)"},
    kBody,
    {"calculate", 'f', "BOOL", "count the messages of each tag (false)"},
    kCharset,
};

// Of one printMsgByQueue.
class QueuePrint {
 public:
  bool prints = true;
  bool with_body = true;
  std::map<std::string, std::int64_t> tags;
};

void print_and_count(Context& context, const MessageExt& message, void* state) {
  QueuePrint& print = *static_cast<QueuePrint*>(state);
  if (print.prints) print_message(context, message, print.with_body);
  if (!message.tag().empty()) ++print.tags[std::string(message.tag())];
}

Report describe_tags(const std::map<std::string, std::int64_t>& tags) {
  Table table("tags", {{"TAG", "tag"}, {"COUNT", "count"}});
  for (const auto& [tag, count] : tags) table.row({tag, count});
  Report report;
  report.table(std::move(table));
  return report;
}

asio::awaitable<admin::QueuePlace> place_of(Context& context, std::string broker_name) {
  const Arguments& arguments = context.arguments;
  const Address broker = co_await context.admin.broker_address(broker_name);
  MessageQueue queue(arguments.text("topic"), broker_name,
                     arguments.small_number("queueId", 0, 0, 65'535));
  co_return admin::QueuePlace(std::move(queue), broker);
}

asio::awaitable<int> print_queue(Context& context) {
  const Arguments& arguments = context.arguments;
  require_utf8(arguments);
  const bool counts = arguments.boolean("calculate", false);
  QueuePrint print;
  print.prints = arguments.boolean("printMsg", !counts);
  print.with_body = arguments.boolean("printBody", true);
  const admin::QueuePlace place = co_await place_of(context, arguments.text("brokerName"));
  const Range range = co_await find_range(context, place, "beginTimestamp");
  Reading reading;
  reading.tags = arguments.text_or("subExpression", "*");
  reading.take = print_and_count;
  reading.state = &print;
  co_await read_range(context, place, range, reading);
  if (counts) context.out.print(describe_tags(print.tags));
  co_return kOk;
}

// --- consumeMessage

constexpr Option kConsumeOptions[] = {
    kTopic,
    {"brokerName", 'b', "NAME", "this broker alone, with -i"},
    {"queueId", 'i', "ID", "this queue alone"},
    {"offset", 'o', "OFFSET", "from here on, with -i"},
    {"consumerGroup", 'g', "GROUP", "taken, without effect: nothing is committed"},
    {"beginTimestamp", 's', "TIME", "stored then or later"},
    kEnd,
    {"MessageNumber", 'c', "N", "messages at most (128)"},
};

asio::awaitable<std::vector<admin::QueuePlace>> places_to_consume(Context& context) {
  const Arguments& arguments = context.arguments;
  std::vector<admin::QueuePlace> places;
  if (arguments.has("queueId")) {
    places.push_back(co_await place_of(context, arguments.text("brokerName")));
  } else {
    places = co_await context.admin.readable_queues(arguments.text("topic"));
  }
  co_return std::move(places);
}

void check_places(const Arguments& arguments) {
  if (arguments.has("queueId") != arguments.has("brokerName"))
    throw UsageError("-b (--brokerName) and -i (--queueId) belong together");
  if (arguments.has("offset") && !arguments.has("queueId"))
    throw UsageError("-o (--offset) needs -b (--brokerName) and -i (--queueId)");
}

asio::awaitable<int> consume_message(Context& context) {
  const Arguments& arguments = context.arguments;
  check_places(arguments);
  const std::vector<admin::QueuePlace> places = co_await places_to_consume(context);
  Reading reading;
  reading.most = arguments.number("MessageNumber", 128, 1, kAll);
  reading.take = print_with_body;
  std::int64_t taken = 0;
  for (const admin::QueuePlace& place : places) {
    Range range = co_await find_range(context, place, "beginTimestamp");
    if (arguments.has("offset")) {
      const std::int64_t offset = arguments.number("offset", 0, 0, kAll);
      range.begin = std::max(range.begin, offset);
    }
    const std::int64_t got = co_await read_range(context, place, range, reading);
    taken += got;
    reading.most -= got;
    if (reading.most == 0) break;
  }
  co_return taken > 0 ? kOk : kRefused;
}

constexpr Subcommand kSubcommands[] = {
    {"printMsg", kGroup, "Prints the messages of a topic.", kPrintOptions, print_messages},
    {"printMsgByQueue", kGroup, "Prints the messages of a queue, or counts its tags.",
     kPrintQueueOptions, print_queue},
    {"consumeMessage", kGroup, "Prints some messages of a topic or queue.", kConsumeOptions,
     consume_message},
};

}  // namespace

std::span<const Subcommand> read_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
