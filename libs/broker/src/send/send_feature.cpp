#include "send/send_feature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <random>

#include "comet/message/message_id.hpp"
#include "comet/message/property_reader.hpp"
#include "comet/message/recall_handle.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/message_headers.hpp"
#include "records/append_outcome.hpp"
#include "records/delayed_message.hpp"
#include "records/timer_message.hpp"
#include "request/answers.hpp"
#include "request/await_append.hpp"
#include "request/header_of.hpp"
#include "send/batch_records.hpp"
#include "send/send_checks.hpp"
#include "tables/await_saved.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::Handling;
using remoting::RemotingCommand;
using remoting::Request;
using remoting::RequestIdentity;
using remoting::ResponseCode;
using remoting::SendMessageHeader;

// As it is told to producers and, with 5.x, stored.
constexpr std::string_view kTraceOn = "true";

bool is_brokers_own(std::string_view name) {
  return name == property::kWait || name == property::kMsgRegion || name == property::kTraceOn;
}

void append_properties(std::string_view properties, std::string& text) {
  if (!properties.empty() && !text.empty() && text.back() != '\x02') text += '\x02';
  text += properties;
}

// A delayed message becomes one of the schedule topic.
std::string delayed_properties(std::string_view text, std::int32_t level, RecordView& record) {
  MessageProperties properties = MessageProperties::decode(text);
  for (std::string_view timer : kTimerProperties)
    properties.erase(timer);  // the level has precedence
  put_off(record, properties, level);
  return properties.encode();
}

MessageType type_of(const CheckedSend& send) {
  if (send.is_half) return MessageType::transaction;
  if (!send.properties.sharding_key.empty()) return MessageType::fifo;
  const bool is_for_later = send.delay_level > 0 || send.timer_out_millis > 0;
  return is_for_later ? MessageType::delay : MessageType::normal;
}

}  // namespace

// The properties as they are stored: without WAIT, and with the broker's own.
std::string SendFeature::stored_properties(const SendProperties& properties) const {
  std::string stored;
  stored.reserve(properties.text.size() + own_properties_.size() + 1);
  if (properties.is_stored_as_is) {
    append_properties(properties.text, stored);
    append_properties(own_properties_, stored);
    return stored;
  }
  PropertyReader reader(properties.text);
  std::string_view name, value;
  std::string_view run;  // properties that go over as they are
  while (reader.next(name, value)) {
    if (is_brokers_own(name)) continue;
    if (run.empty() || name.data() != run.data() + run.size() + 1) {
      append_properties(run, stored);
      run = name;
    }
    run = {run.data(), value.data() + value.size()};
  }
  append_properties(run, stored);
  append_properties(own_properties_, stored);
  return stored;
}

Refusal SendFeature::store_refusal(error_code error) const {
  using store::StoreErrc;
  if (error == StoreErrc::message_too_large) {
    return refuse(
        ResponseCode::message_illegal,
        fmt::format(
            "the message is illegal, maybe msg body or properties length not matched. msg body "
            "length limit {}, msg properties length limit 32k.",
            config_.store.max_message_size));
  }
  // Apache's first words, for those who look for them, and behind them what it is.
  if (error == StoreErrc::read_only) {
    return refuse(ResponseCode::service_not_available,
                  fmt::format("service not available now. This broker's store is read-only until "
                              "it is started again: {}",
                              store_.read_only_reason()));
  }
  if (error != StoreErrc::disk_full) {
    return refuse(ResponseCode::service_not_available,
                  "service not available now. " + error.message());
  }
  const store::DiskState disk = store_.disk_state();
  return refuse(
      ResponseCode::service_not_available,
      fmt::format("service not available now. It may be caused by one of the following reasons: "
                  "the broker's disk is full [CL: {:5.2f} CQ: {:5.2f} INDEX: {:5.2f}], messages "
                  "are put to the slave, message store has been shut down, etc. Here: {}",
                  disk.commit_log_ratio, disk.consume_queue_ratio, disk.index_ratio,
                  error.message()));
}

// One offset message id, or a batch's joined by commas.
std::string SendFeature::message_ids(const store::AppendResult& result) const {
  if (result.batch_offsets.empty())
    return make_offset_message_id(store_host_, result.physical_offset);
  std::string ids;
  for (std::int64_t offset : result.batch_offsets) {
    if (!ids.empty()) ids += ',';
    ids += make_offset_message_id(store_host_, offset);
  }
  return ids;
}

RemotingCommand SendFeature::stored_answer(const RequestIdentity& request, std::int32_t queue_id,
                                           std::string_view unique_key,
                                           std::string_view recall_handle,
                                           const store::AppendResult& result,
                                           Confirmation copies) const {
  const ResponseCode code = result.error == store::StoreErrc::flush_timeout
                                ? ResponseCode::flush_disk_timeout
                                : code_of(copies);
  RemotingCommand response = request.response(code, {});
  response.fields.reserve(7, 224 + recall_handle.size());
  const std::string msg_id = message_ids(result);
  remoting::SendMessageResponseHeader header;
  header.msg_id = msg_id;
  header.queue_id = queue_id;
  header.queue_offset = result.queue_offset;
  header.region_id = config_.region_id;
  header.trace_on = kTraceOn;
  if (!unique_key.empty()) header.transaction_id = unique_key;  // 5.x
  if (!recall_handle.empty()) header.recall_handle = recall_handle;
  remoting::write_header(header, response.fields);
  return response;
}

// The record's part that all messages of a request share. Views into `header` and `send`.
RecordView SendFeature::make_record(const Request& request, const SendMessageHeader& header,
                                    const CheckedSend& send) const {
  const routing::TopicConfig& topic = *send.topic;
  RecordView record;
  record.topic = topic.topic_name;
  record.queue_id = header.queue_id < 0 || send.is_dead_letter(header)
                        ? random_queue(topic.write_queue_nums)
                        : header.queue_id;
  record.flag = header.flag;
  record.sys_flag = header.sys_flag & ~(sys_flag::kBornHostV6 | sys_flag::kStoreHostV6);
  if (topic.topic_filter_type == "MULTI_TAG") record.sys_flag |= sys_flag::kMultiTags;
  record.born_timestamp = header.born_timestamp;
  record.born_host = request.connection->remote();
  record.store_host = store_host_;
  record.reconsume_times = header.reconsume_times.value_or(0);
  return record;
}

// A timer message becomes one of the timer topic. It can be recalled by its unique key, so it gets
// one; `recall_handle` is how, but for consumers' retries.
std::string SendFeature::timer_properties(std::string_view text, std::int64_t out_millis,
                                          RecordView& record, std::string& recall_handle) const {
  MessageProperties properties = MessageProperties::decode(text);
  if (properties.get(property::kUniqueKey).empty()) {
    properties.set(property::kUniqueKey, make_unique_id(time_.wall_millis()));
  }
  if (!record.topic.starts_with(kRetryTopicPrefix)) {
    RecallHandle handle;
    handle.topic = record.topic;
    handle.broker_name = config_.broker_name;
    handle.time_millis = out_millis + 1;
    handle.unique_key = properties.get(property::kUniqueKey);
    recall_handle = handle.encode();
  }
  put_off_until(record, properties, out_millis);
  return properties.encode();
}

// A single message's record is what it is stored as: `text` becomes its properties, `recall_handle`
// how the sender of a timer message can have it taken back.
void SendFeature::complete_single(const CheckedSend& send, RecordView& record, std::string& text,
                                  std::string& recall_handle) {
  text = stored_properties(send.properties);
  if (send.delay_level > 0) text = delayed_properties(text, send.delay_level, record);
  if (send.timer_out_millis > 0) {
    text = timer_properties(text, send.timer_out_millis, record, recall_handle);
  }
  if (send.is_half) {
    transactions_.announce_half_topic();
    text = make_half(std::move(text), record);
  }
  record.properties = text;
}

Refusal SendFeature::not_on_disk(std::string_view what) {
  return refuse(
      ResponseCode::service_not_available,
      fmt::format("service not available now. {} cannot be written to this broker's disk", what));
}

Handling SendFeature::send(Request request) {
  const RemotingCommand& command = request.command;
  const bool is_long_form = command.request_code() == remoting::RequestCode::send_message;
  const auto header = header_of<SendMessageHeader>(
      command, is_long_form ? remoting::FieldNames::full : remoting::FieldNames::short_form);
  const RequestIdentity identity(command);
  const std::string_view properties = header.properties.value_or("");
  const std::size_t bytes = command.body.size() + properties.size();
  Instant began = time_.now();
  SendsInFlight::Place place = sends_.enter(bytes, began);
  if (!place) co_return checks_.refusal_answer(identity, too_many_sends(sends_));
  CheckedSend send;
  Refusal refusal = checks_.check_send(request, header, send);
  if (refusal) co_return checks_.refusal_answer(identity, std::move(refusal));
  // A message must not outlive the topic and the group that it implies. When they cannot be
  // written it is refused, so that its client tries another broker.
  bool has_waited = false;
  if (topics_.has_unsaved() && topics_.is_unsaved(send.topic->topic_name)) {
    has_waited = true;
    const bool saved = co_await AwaitSaved(topics_, send.topic->topic_name);
    if (!saved)
      co_return checks_.refusal_answer(identity, not_on_disk("topic " + send.topic->topic_name));
  }
  if (!send.group.empty() && groups_.has_unsaved() && groups_.is_unsaved(send.group)) {
    has_waited = true;
    const bool saved = co_await AwaitSaved(groups_, send.group);
    if (!saved)
      co_return checks_.refusal_answer(identity, not_on_disk("consumer group " + send.group));
  }
  if (has_waited) {
    began = time_.now();
    if (!checks_.has_topic(send)) {  // it was deleted meanwhile
      co_return checks_.refusal_answer(
          identity, refuse(ResponseCode::topic_not_exist, no_such_topic(send.topic->topic_name)));
    }
  }
  RecordView record = make_record(request, header, send);
  const std::int32_t queue_id = record.queue_id;
  std::string text, recall_handle;
  std::unique_ptr<BatchRecords> batch;
  if (send.is_batch) {
    batch = std::make_unique<BatchRecords>(command.body.view(), properties, config_.cluster_name,
                                           record);
    refusal = take_room(*batch, command.body.view(), bytes, place);
    if (refusal) co_return checks_.refusal_answer(identity, std::move(refusal));
  } else {
    record.body = command.body.view();
    complete_single(send, record, text, recall_handle);
  }
  const bool waits = send.properties.wait != "false";
  if (waits && !copies_.may_store()) {
    co_return checks_.refusal_answer(identity, too_few_copies());
  }
  AwaitAppend append = batch ? AwaitAppend(store_, request, *batch, waits)
                             : AwaitAppend(store_, request, record, waits);
  const store::AppendResult stored = co_await append;
  runtime_.count_put(time_.now() - began, is_stored(stored));
  if (!is_stored(stored)) {
    co_return checks_.refusal_answer(identity, store_refusal(stored.error));
  }
  traffic_.count(record.topic, std::max<std::size_t>(stored.batch_offsets.size(), 1), bytes,
                 type_of(send));
  Confirmation copies = Confirmation::put_ok;
  if (waits && !stored.error) copies = co_await AwaitCopies(copies_, request, stored.end);
  co_return stored_answer(identity, queue_id, send.properties.unique_key, recall_handle, stored,
                          copies);
}

// What a batch lacks to be stored: it is measured before any record of it is made.
Refusal SendFeature::take_room(BatchRecords& batch, std::string_view body, std::size_t bytes,
                               SendsInFlight::Place& place) const {
  BatchRecords::Measured measured = batch.measure(config_);
  if (measured.refusal) return std::move(measured.refusal);
  if (Refusal refusal = checks_.check_items(body)) return refusal;
  if (measured.bytes > bytes && !place.grow(measured.bytes - bytes)) return too_many_sends(sends_);
  return {};
}

std::int32_t random_queue(std::int32_t queues) {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_int_distribution<std::int32_t>(0, std::max(queues, 1) - 1)(generator);
}

std::string own_properties(const BrokerConfig& config) {
  std::string text;
  append_to_properties(property::kMsgRegion, config.region_id, text);
  append_to_properties(property::kTraceOn, kTraceOn, text);
  append_cluster(config.cluster_name, text);
  return text;
}

void SendFeature::install(remoting::Dispatcher& dispatcher) {
  const auto handler = [this](Request&& request) { return send(std::move(request)); };
  dispatcher.on_handling(remoting::RequestCode::send_message, handler);
  dispatcher.on_handling(remoting::RequestCode::send_message_v2, handler);
  dispatcher.on_handling(remoting::RequestCode::send_batch_message, handler);
}

}  // namespace comet::inline v0_1::broker
