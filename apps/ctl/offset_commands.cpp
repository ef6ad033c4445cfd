// Offsets of consumer groups.

#include "context.hpp"
#include "times.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Offsets";
constexpr Option kName = {"group", 'g', "GROUP", "the consumer group", true};
constexpr Option kTopic = {"topic", 't', "TOPIC", "the topic", true};
constexpr Option kForce = {"force", 'f', "BOOL", "forwards, too (true)"};
constexpr Option kCpp = {"cplus", 'c', "", "the members are C++ clients"};

// --- resetOffsetByTime, skipAccumulatedMessage

constexpr Option kResetOptions[] = {
    kName,
    kTopic,
    {"timestamp", 's', "TIME", "now, milliseconds or yyyy-MM-dd#HH:mm:ss:SSS", true},
    kForce,
    kCpp};
constexpr Option kSkipOptions[] = {kName, kTopic, kForce, kCpp};

Cell or_none(const std::optional<std::int64_t>& number) {
  return number ? Cell(*number) : Cell::none();
}

Report describe_reset(const admin::OffsetReset& reset, const admin::ResetResult& result) {
  Report report;
  report.field("Group", "group", reset.group);
  report.field("Topic", "topic", reset.topic);
  report.field("Time", "timestamp",
               reset.time == kNow ? Cell::shown_as(kNow, "now") : Cell::time(reset.time));
  report.field("Without members", "offline", result.offline);
  Table table("queues", {{"BROKER", "brokerName"},
                         {"QUEUE", "queueId"},
                         {"OFFSET", "offset"},
                         {"BEFORE", "consumerOffset"},
                         {"BROKER OFFSET", "brokerOffset"}});
  for (const admin::ResetQueue& one : result.queues) {
    table.row({one.queue.broker_name, one.queue.queue_id, one.offset, or_none(one.offset_before),
               or_none(one.broker_offset)});
  }
  report.table(std::move(table));
  return report;
}

asio::awaitable<int> reset_to(Context& context, std::int64_t time) {
  admin::OffsetReset reset;
  reset.group = context.arguments.text("group");
  reset.topic = context.arguments.text("topic");
  reset.time = time;
  reset.force = context.arguments.boolean("force", true);
  reset.cpp_clients = context.arguments.has("cplus");
  const admin::ResetResult result = co_await context.admin.reset_offsets(reset);
  context.out.print(describe_reset(reset, result));
  co_return result.queues.empty() ? kRefused : kOk;
}

asio::awaitable<int> reset_offset_by_time(Context& context) {
  return reset_to(context, context.arguments.time("timestamp", kNow));
}

asio::awaitable<int> skip_accumulated_message(Context& context) { return reset_to(context, kNow); }

// --- cloneGroupOffset

constexpr Option kCloneOptions[] = {
    {"srcGroup", 's', "GROUP", "whose offsets", true},
    {"destGroup", 'd', "GROUP", "which group gets them", true},
    kTopic,
    {"offline", 'o', "BOOL", "also where the source has no members (false)"},
};

asio::awaitable<int> clone_group_offset(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::vector<admin::Outcome> outcomes = co_await context.admin.clone_offsets(
      arguments.text("srcGroup"), arguments.text("destGroup"), arguments.text("topic"),
      arguments.boolean("offline", false));
  Report report;
  report.field("From", "srcGroup", arguments.text("srcGroup"));
  report.field("To", "destGroup", arguments.text("destGroup"));
  report.field("Topic", "topic", arguments.text("topic"));
  co_return print_outcomes(context, outcomes, std::move(report));
}

constexpr Subcommand kSubcommands[] = {
    {"resetOffsetByTime", kGroup, "Lets a group go on at a time.", kResetOptions,
     reset_offset_by_time},
    {"skipAccumulatedMessage", kGroup, "Lets a group go on at the newest message.", kSkipOptions,
     skip_accumulated_message},
    {"cloneGroupOffset", kGroup, "Gives a group the offsets of another.", kCloneOptions,
     clone_group_offset},
};

}  // namespace

std::span<const Subcommand> offset_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
