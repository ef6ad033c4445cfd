#include "trace.hpp"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/error.hpp>

#include "comet/base/log.hpp"
#include "comet/client/client_instance.hpp"

namespace comet::inline v0_1 {
namespace {

using namespace std::chrono_literals;

// Apache 4.9: AsyncTraceDispatcher.
constexpr std::size_t kMostWaiting = 2048;
constexpr std::size_t kMostTogether = 100;
constexpr std::size_t kMostBytes = 128'000;
constexpr Duration kGatherFor = 500ms;
constexpr Duration kSendTimeout = 5s;

constexpr char kFieldEnd = '\x01';
constexpr char kRecordEnd = '\x02';

ProducerConfig trace_config(const ProducerConfig& of) {
  static std::atomic<int> made{0};
  ProducerConfig config(fmt::format("_INNER_TRACE_PRODUCER-{}-PRODUCE-{}", of.group(), ++made));
  config.send_timeout(kSendTimeout).max_message_size(kMostBytes);
  return config;
}

std::string or_null(std::string_view text) {
  return text.empty() ? std::string("null") : std::string(text);
}

// By which the message's record is to be found.
void add_keys(const Message& message, std::set<std::string>& found_by) {
  if (!message.unique_id().empty()) found_by.insert(std::string(message.unique_id()));
  std::string_view keys = message.keys();
  while (!keys.empty()) {
    const std::size_t end = std::min(keys.find(' '), keys.size());
    if (end > 0) found_by.insert(std::string(keys.substr(0, end)));
    keys.remove_prefix(std::min(end + 1, keys.size()));
  }
}

}  // namespace

Trace::Trace(std::shared_ptr<client::ClientInstance> client, const ProducerConfig& config)
    : topic_(config.trace_topic()),
      producer_(client, trace_config(config)),
      changed_(client->executor(), client->time()),
      tasks_(client->executor(), client->time()) {}

asio::awaitable<void> Trace::start() {
  co_await producer_.start();
  tasks_.spawn("message trace", send_records());
}

asio::awaitable<void> Trace::stop() {
  stopping_ = true;
  changed_.notify_all();
  co_await tasks_.join();
  co_await producer_.shutdown();
}

void Trace::after_send(const SendContext& context) {
  if (context.result == nullptr || !context.result->trace_on || context.messages.empty()) return;
  const Message& first = context.messages.front();
  if (first.topic().starts_with(topic_)) return;
  if (first.properties().get(property::kTraceOn) == "false") return;
  if (!has_room()) return;
  const SendResult& result = *context.result;
  const bool is_batch = context.messages.size() > 1;
  std::size_t size = 0;
  for (const Message& message : context.messages) size += message.body().size();
  Record record;
  record.text = fmt::format(
      "Pub{0}{1}{0}{2}{0}{3}{0}{4}{0}{5}{0}{6}{0}{7}{0}{8}{0}{9}{0}{10}{0}{11}{0}{12}{0}{13}{14}",
      kFieldEnd, context.wall_millis, result.region_id, context.group, first.topic(),
      result.message_id, or_null(is_batch ? std::string_view() : first.tag()),
      or_null(is_batch ? std::string_view() : first.keys()), context.broker.to_string(), size,
      to_millis(context.elapsed), static_cast<int>(context.message_type()),
      result.offset_message_id, result.status == SendStatus::send_ok, kRecordEnd);
  for (const Message& message : context.messages) add_keys(message, record.keys);
  add(std::move(record));
}

// Apache: EndTransactionTraceHookImpl.
void Trace::after_end_transaction(const EndTransactionContext& context) {
  const Message& message = context.message;
  if (context.error || message.topic().starts_with(topic_) || !has_room()) return;
  const std::string_view region = message.properties().get(property::kMsgRegion);
  Record record;
  record.text = fmt::format(
      "EndTransaction{0}{1}{0}{2}{0}{3}{0}{4}{0}{5}{0}{6}{0}{7}{0}{8}{0}{9}{0}{10}{0}{11}{0}{12}{"
      "13}",
      kFieldEnd, context.wall_millis, region.empty() ? "DefaultRegion" : region, context.group,
      message.topic(), context.message_id, or_null(message.tag()), or_null(message.keys()),
      context.broker.to_string(), static_cast<int>(MessageType::commit),
      or_null(context.transaction_id), to_string(context.state), context.from_check, kRecordEnd);
  record.keys.insert(std::string(context.message_id));
  add_keys(message, record.keys);
  add(std::move(record));
}

bool Trace::has_room() {
  if (records_.size() < kMostWaiting) return true;
  if (dropped_++ == 0) log::warn("message trace: records are dropped, {} wait", kMostWaiting);
  return false;
}

void Trace::add(Record record) {
  records_.push_back(std::move(record));
  if (records_.size() == 1 || records_.size() == kMostTogether) changed_.notify_all();
}

Message Trace::next_message() {
  std::string body;
  std::set<std::string> keys;
  std::size_t count = 0;
  while (!records_.empty() && count < kMostTogether) {
    Record& next = records_.front();
    if (count > 0 && body.size() + next.text.size() > kMostBytes) break;
    body += next.text;
    keys.merge(next.keys);
    records_.pop_front();
    ++count;
  }
  std::string joined;
  for (const std::string& key : keys) {
    if (!joined.empty()) joined += ' ';
    joined += key;
  }
  Message message(topic_, std::move(body));
  message.key(joined);
  return message;
}

asio::awaitable<void> Trace::send_records() {
  const std::shared_ptr<Trace> self = shared_from_this();
  TimeSource& time = producer_.client()->time();
  for (;;) {
    while (records_.empty() && !stopping_) co_await changed_.wait();
    if (records_.empty()) co_return;
    const Instant send_at = time.now() + kGatherFor;
    while (records_.size() < kMostTogether && !stopping_ && time.now() < send_at) {
      (void)co_await changed_.wait(send_at);
    }
    Message message = next_message();
    try {
      co_await producer_.send(std::move(message));
    } catch (const Error& error) {
      log::warn("message trace: {}", error.what());
      if (stopping_) records_.clear();  // the rest would fare no better
    }
  }
}

}  // namespace comet::inline v0_1
