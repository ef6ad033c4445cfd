// Sending (Apache: SendMessageProcessor, AbstractSendMessageProcessor.msgCheck). The order of the
// checks, their codes and remarks are Apache's.

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <random>

#include "comet/message/batch.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/message_headers.hpp"
#include "delayed_message.hpp"
#include "handlers.hpp"
#include "retry_topics.hpp"

namespace comet::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;
using remoting::SendMessageHeader;

class Refusal {
 public:
  ResponseCode code = ResponseCode::success;
  std::string remark;
  [[nodiscard]] explicit operator bool() const noexcept { return code != ResponseCode::success; }
};

Refusal refuse(ResponseCode code, std::string remark) {
  Refusal refusal;
  refusal.code = code;
  refusal.remark = std::move(remark);
  return refusal;
}

// Every answer to a send says where it comes from, also a refusal.
RemotingCommand refusal_answer(const BrokerContext& context, const RemotingCommand& request,
                               const Refusal& refusal) {
  RemotingCommand response = RemotingCommand::response(request, refusal.code, refusal.remark);
  remoting::SendRefusedResponseHeader header;
  header.region_id = context.config.region_id;
  header.trace_on = "true";
  remoting::write_header(header, response.fields);
  return response;
}

// Checks that need no topic, then finds or creates the topic, then checks against it.
Refusal check(BrokerContext& context, const Request& request, const SendMessageHeader& header,
              routing::TopicConfig& topic) {
  if (std::string complaint = check_topic(header.topic); !complaint.empty()) {
    return refuse(ResponseCode::system_error, std::move(complaint));
  }
  if (is_forbidden_for_sending(header.topic)) {
    return refuse(ResponseCode::no_permission,
                  fmt::format("Sending message to topic[{}] is forbidden.", header.topic));
  }
  auto found = context.topics.find_or_create(header.topic, header.default_topic,
                                             header.default_topic_queue_nums);
  if (!found && header.topic.starts_with(kRetryTopicPrefix)) {
    found = context.topics.find_or_create(header.topic, 1,
                                          routing::perm::kRead | routing::perm::kWrite, 0);
  }
  if (!found) return refuse(ResponseCode::topic_not_exist, no_such_topic(header.topic));
  topic = std::move(*found);
  if ((context.config.broker_permission & routing::perm::kWrite) == 0 && topic.order) {
    return refuse(
        ResponseCode::no_permission,
        fmt::format("the broker[{}] sending message is forbidden", context.config.broker_ip));
  }
  if (header.queue_id >= std::max(topic.write_queue_nums, topic.read_queue_nums)) {
    return refuse(
        ResponseCode::system_error,
        fmt::format("request queueId[{}] is illegal, TopicConfig [topicName={}, readQueueNums={}, "
                    "writeQueueNums={}] Producer: {}",
                    header.queue_id, topic.topic_name, topic.read_queue_nums,
                    topic.write_queue_nums, request.connection->remote().to_string()));
  }
  return {};
}

// A consumer that cannot give a message back sends it to its retry topic itself. After too many
// attempts it goes to the dead letters: `topic` then is their topic.
Refusal redirect_dead_letter(BrokerContext& context, const Request& request,
                             const SendMessageHeader& header, bool is_batch,
                             routing::TopicConfig& topic) {
  if (!header.topic.starts_with(kRetryTopicPrefix)) return {};
  if (is_batch) {
    return refuse(ResponseCode::message_illegal,
                  fmt::format("batch request does not support retry group {}", header.topic));
  }
  const std::string_view group_name = header.topic.substr(kRetryTopicPrefix.size());
  auto group = context.groups.find_or_create(group_name);
  if (!group) return refuse(ResponseCode::subscription_group_not_exist, no_such_group(group_name));
  const std::int32_t attempts = header.reconsume_times.value_or(0);
  if (attempts < max_attempts(*group, request.command, header.max_reconsume_times)) return {};
  auto dead_letters = dead_letter_topic(context, group_name);
  if (!dead_letters) {
    return refuse(ResponseCode::system_error,
                  fmt::format("topic[{}{}] not exist", kDlqTopicPrefix, group_name));
  }
  topic = std::move(*dead_letters);
  return {};
}

bool is_dead_letter(const SendMessageHeader& header, const routing::TopicConfig& topic) {
  return topic.topic_name != header.topic;
}

constexpr std::string_view kTimerProperties[] = {"TIMER_DELAY_SEC", "TIMER_DELAY_MS",
                                                 "TIMER_DELIVER_MS"};

// What this version cannot do must be refused, not stored as something else.
Refusal check_properties(const BrokerContext& context, std::string_view properties, bool is_batch,
                         std::int32_t& delay_level) {
  if (find_property(properties, property::kTransactionPrepared) == "true") {
    return refuse(ResponseCode::no_permission,
                  "transactional messages are not supported by this broker version");
  }
  const std::optional<std::int32_t> level = delay_level_of(properties, context.delay_levels);
  if (!level) return refuse(ResponseCode::message_illegal, "the property DELAY is not a number");
  delay_level = *level;
  if (delay_level > 0) {
    return is_batch ? refuse(ResponseCode::message_illegal, "a batch cannot be delayed")
                    : Refusal();
  }
  for (std::string_view timer : kTimerProperties) {
    if (!find_property(properties, timer).empty()) {
      return refuse(ResponseCode::message_illegal,
                    "timer messages are not supported by this broker version");
    }
  }
  return {};
}

// The properties as they are stored: without WAIT, with the cluster's name.
std::string stored_properties(const BrokerContext& context, std::string_view properties) {
  std::string stored;
  stored.reserve(properties.size() + property::kCluster.size() +
                 context.config.cluster_name.size() + 3);
  if (find_property(properties, property::kWait).empty()) {
    stored.append(properties);
  } else {
    append_properties_without(property::kWait, properties, stored);
  }
  if (!stored.empty() && stored.back() != '\x02') stored += '\x02';
  stored.append(property::kCluster).append(1, '\x01').append(context.config.cluster_name);
  return stored;
}

Refusal store_refusal(const BrokerContext& context, error_code error) {
  using store::StoreErrc;
  if (error == StoreErrc::message_too_large) {
    return refuse(
        ResponseCode::message_illegal,
        fmt::format(
            "the message is illegal, maybe msg body or properties length not matched. msg body "
            "length limit {}, msg properties length limit 32k.",
            context.config.store.max_message_size));
  }
  std::string reason = context.store.read_only_reason();
  return refuse(
      ResponseCode::service_not_available,
      fmt::format("service not available now: {}", reason.empty() ? error.message() : reason));
}

// One offset message id, or a batch's joined by commas.
std::string message_ids(const BrokerContext& context, const store::AppendResult& result) {
  if (result.batch_offsets.empty())
    return make_offset_message_id(context.store_host, result.physical_offset);
  std::string ids;
  for (std::int64_t offset : result.batch_offsets) {
    if (!ids.empty()) ids += ',';
    ids += make_offset_message_id(context.store_host, offset);
  }
  return ids;
}

RemotingCommand stored_answer(const BrokerContext& context, const RemotingCommand& request,
                              std::int32_t queue_id, const store::AppendResult& result) {
  ResponseCode code = result.error == store::StoreErrc::flush_timeout
                          ? ResponseCode::flush_disk_timeout
                          : ResponseCode::success;
  RemotingCommand response = RemotingCommand::response(request, code);
  response.fields.reserve(5, 160);
  const std::string msg_id = message_ids(context, result);
  remoting::SendMessageResponseHeader header;
  header.msg_id = msg_id;
  header.queue_id = queue_id;
  header.queue_offset = result.queue_offset;
  header.region_id = context.config.region_id;
  header.trace_on = "true";
  remoting::write_header(header, response.fields);
  return response;
}

// The record's part that all messages of a request share. Views into `header` and `topic`.
RecordView make_record(const BrokerContext& context, const Request& request,
                       const SendMessageHeader& header, const routing::TopicConfig& topic) {
  RecordView record;
  record.topic = topic.topic_name;
  record.queue_id = header.queue_id < 0 || is_dead_letter(header, topic)
                        ? random_queue(topic.write_queue_nums)
                        : header.queue_id;
  record.flag = header.flag;
  record.sys_flag = header.sys_flag & ~(sys_flag::kBornHostV6 | sys_flag::kStoreHostV6);
  if (topic.topic_filter_type == "MULTI_TAG") record.sys_flag |= sys_flag::kMultiTags;
  record.born_timestamp = header.born_timestamp;
  record.born_host = request.connection->remote();
  record.store_host = context.store_host;
  record.reconsume_times = header.reconsume_times.value_or(0);
  return record;
}

// A delayed message becomes one of the schedule topic.
std::string delayed_properties(std::string_view text, std::int32_t level, RecordView& record) {
  MessageProperties properties = MessageProperties::decode(text);
  for (std::string_view timer : kTimerProperties)
    properties.erase(timer);  // the level has precedence
  put_off(record, properties, level);
  return properties.encode();
}

asio::awaitable<store::AppendResult> append_single(const BrokerContext& context,
                                                   const Request& request,
                                                   std::string_view properties,
                                                   std::int32_t delay_level, RecordView record) {
  std::string text = stored_properties(context, properties);
  if (delay_level > 0) text = delayed_properties(text, delay_level, record);
  record.body = request.command.body.view();
  record.properties = text;
  const bool wait_flush = find_property(properties, property::kWait) != "false";
  co_return co_await context.store.append(record, wait_flush);
}

// Every message of the batch becomes a record of its own, with the batch's properties behind its
// own.
asio::awaitable<store::AppendResult> append_batch(BrokerContext& context,
                                                  std::vector<BatchItem> items,
                                                  std::string_view batch_properties,
                                                  RecordView record) {
  const std::string common = stored_properties(context, batch_properties);
  std::vector<std::string> properties;
  properties.reserve(items.size());
  std::vector<RecordView> records;
  records.reserve(items.size());
  for (const BatchItem& item : items) {
    std::string& text = properties.emplace_back(item.properties);
    if (!text.empty() && text.back() != '\x02') text += '\x02';
    text += common;
    record.flag = item.flag;
    record.body = item.body;
    record.properties = text;
    records.push_back(record);
  }
  const bool wait_flush = find_property(batch_properties, property::kWait) != "false";
  co_return co_await context.store.append_batch(std::move(records), wait_flush);
}

asio::awaitable<Reply> send_message(BrokerContext& context, Request request) {
  const RemotingCommand& command = request.command;
  const bool is_long_form = command.request_code() == remoting::RequestCode::send_message;
  std::string missing;
  auto header = remoting::read_header<SendMessageHeader>(
      command.fields, is_long_form ? remoting::FieldNames::full : remoting::FieldNames::short_form,
      &missing);
  if (!header) co_return bad_header(command, missing);

  const bool is_batch = header->batch.value_or(false) ||
                        command.request_code() == remoting::RequestCode::send_batch_message;
  routing::TopicConfig topic;
  const std::string_view properties = header->properties.value_or("");
  Refusal refusal = check(context, request, *header, topic);
  if (!refusal) refusal = redirect_dead_letter(context, request, *header, is_batch, topic);
  std::int32_t delay_level = 0;
  if (!refusal) refusal = check_properties(context, properties, is_batch, delay_level);
  if (refusal) co_return refusal_answer(context, command, refusal);

  const RecordView record = make_record(context, request, *header, topic);
  store::AppendResult result;
  if (is_batch) {
    auto items = decode_batch(command.body.view());
    if (!items) {
      refusal = refuse(ResponseCode::message_illegal, items.error().message());
      co_return refusal_answer(context, command, refusal);
    }
    result = co_await append_batch(context, std::move(*items), properties, record);
  } else {
    if (is_dead_letter(*header, topic)) delay_level = 0;
    result = co_await append_single(context, request, properties, delay_level, record);
  }
  if (result.error && result.error != store::StoreErrc::flush_timeout) {
    refusal = store_refusal(context, result.error);
    co_return refusal_answer(context, command, refusal);
  }
  const std::size_t messages = is_batch ? result.batch_offsets.size() : 1;
  context.traffic.count(record.topic, {}, messages, command.body.size() + properties.size());
  co_return stored_answer(context, command, record.queue_id, result);
}

}  // namespace

std::int32_t random_queue(std::int32_t queues) {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_int_distribution<std::int32_t>(0, std::max(queues, 1) - 1)(generator);
}

void install_send_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context) {
  auto handler = [&context](Request request) { return send_message(context, std::move(request)); };
  dispatcher.on_async(remoting::RequestCode::send_message, handler);
  dispatcher.on_async(remoting::RequestCode::send_message_v2, handler);
  dispatcher.on_async(remoting::RequestCode::send_batch_message, handler);
}

}  // namespace comet::broker
