// Sending.

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "comet/producer/producer.hpp"
#include "context.hpp"
#include "resend.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Messages";

constexpr Option kSendOptions[] = {
    {"topic", 't', "TOPIC", "the topic", true},
    {"body", 'p', "TEXT", "the body", true},
    {"key", 'k', "KEYS", "keys, separated by spaces"},
    {"tags", 'c', "TAG", "the tag"},
    {"broker", 'b', "NAME", "send to this broker, with -i"},
    {"qid", 'i', "ID", "send to this queue of the broker"},
    {"msgTraceEnable", 'm', "BOOL", "write a message trace (false)"},
};

// Of clients and brokers, not of the application.
constexpr std::string_view kNotOurs[] = {"UNIQ_KEY",
                                         "WAIT",
                                         "TRAN_MSG",
                                         "PGROUP",
                                         "REAL_TOPIC",
                                         "REAL_QID",
                                         "RETRY_TOPIC",
                                         "ORIGIN_MESSAGE_ID",
                                         "RECONSUME_TIME",
                                         "DELAY",
                                         "MSG_REGION",
                                         "TRACE_ON",
                                         "CLUSTER",
                                         "TIMER_OUT_MS",
                                         "TIMER_DELAY_MS",
                                         "TIMER_DELAY_SEC",
                                         "TIMER_DELIVER_MS",
                                         "TIMER_ROLL_TIMES",
                                         "TRANSACTION_CHECK_TIMES",
                                         "__transactionId__",
                                         "MAX_RECONSUME_TIMES"};

Report describe_result(const SendResult& result) {
  Table table("results", {{"BROKER", "brokerName"},
                          {"QUEUE", "queueId"},
                          {"OFFSET", "queueOffset"},
                          {"STATUS", "sendStatus"},
                          {"MESSAGE ID", "msgId"},
                          {"OFFSET ID", "offsetMsgId"}});
  table.row({result.queue.broker_name, result.queue.queue_id, result.queue_offset,
             to_string(result.status), result.message_id, result.offset_message_id});
  Report report;
  report.table(std::move(table));
  return report;
}

// The producer is shut down whatever happens.
asio::awaitable<SendResult> send_and_stop(Producer& producer, Message message,
                                          SendOptions options) {
  std::exception_ptr problem;
  SendResult result;
  try {
    co_await producer.start();
    result = co_await producer.send(std::move(message), std::move(options));
  } catch (...) {
    problem = std::current_exception();
  }
  co_await producer.shutdown();
  if (problem) std::rethrow_exception(problem);
  co_return std::move(result);
}

asio::awaitable<int> send_one(Context& context, Message message, SendOptions options) {
  const auto executor = co_await asio::this_coro::executor;
  ProducerConfig config = producer_config(context.arguments, "cometctl");
  if (context.arguments.has("msgTraceEnable"))
    config.message_trace(context.arguments.boolean("msgTraceEnable", false));
  Producer producer(executor, config);
  const SendResult result =
      co_await send_and_stop(producer, std::move(message), std::move(options));
  context.out.print(describe_result(result));
  co_return result.status == SendStatus::send_ok ? kOk : kRefused;
}

asio::awaitable<int> send_message(Context& context) {
  const Arguments& arguments = context.arguments;
  Message message(arguments.text("topic"), arguments.text("body"));
  if (arguments.has("tags")) message.tag(arguments.text("tags"));
  if (arguments.has("key")) message.key(arguments.text("key"));
  if (arguments.has("broker") != arguments.has("qid"))
    throw UsageError("-b (--broker) and -i (--qid) belong together");
  SendOptions options;
  if (arguments.has("qid")) {
    options = SendOptions(MessageQueue(arguments.text("topic"), arguments.text("broker"),
                                       arguments.small_number("qid", 0, 0, 65'535)));
  }
  return send_one(context, std::move(message), std::move(options));
}

constexpr Subcommand kSubcommands[] = {
    {"sendMessage", kGroup, "Sends a message.", kSendOptions, send_message},
};

}  // namespace

asio::awaitable<int> resend(Context& context, MessageExt message) {
  Message again(message.topic(), message.body());
  again.flag(message.flag());
  for (const auto& [name, value] : message.properties()) {
    if (std::find(std::begin(kNotOurs), std::end(kNotOurs), name) == std::end(kNotOurs))
      again.properties().set(name, value);
  }
  return send_one(context, std::move(again), SendOptions());
}

std::span<const Subcommand> send_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
