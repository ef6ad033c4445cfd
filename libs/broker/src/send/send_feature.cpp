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
#include "records/delayed_message.hpp"
#include "records/timer_message.hpp"
#include "request/answers.hpp"
#include "send/batch_records.hpp"
#include "send/send_checks.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::PendingReply;
using remoting::RemotingCommand;
using remoting::Reply;
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

// The first part of the remark is Apache's.
Refusal too_many_sends(const SendsInFlight& sends) {
  return refuse(ResponseCode::system_busy,
                fmt::format("[REJECTREQUEST]system busy, start flow control for a while: {} sends "
                            "of {} bytes wait for the log, the limits are {} and {}",
                            sends.count(), sends.bytes(), sends.most(), sends.most_bytes()));
}

// A delayed message becomes one of the schedule topic.
std::string delayed_properties(std::string_view text, std::int32_t level, RecordView& record) {
  MessageProperties properties = MessageProperties::decode(text);
  for (std::string_view timer : kTimerProperties)
    properties.erase(timer);  // the level has precedence
  put_off(record, properties, level);
  return properties.encode();
}

MessageType type_of(const CheckedSend& send, std::string_view properties) {
  if (send.is_half) return MessageType::transaction;
  if (!find_property(properties, property::kShardingKey).empty()) return MessageType::fifo;
  const bool is_for_later = send.delay_level > 0 || send.timer_out_millis > 0;
  return is_for_later ? MessageType::delay : MessageType::normal;
}

bool waits_for_flush(std::string_view properties) {
  return find_property(properties, property::kWait) != "false";
}

PendingReply take_reply(const Request& request, PendingReply* held) {
  return held != nullptr ? std::move(*held) : PendingReply(request);
}

}  // namespace

// The properties as they are stored: without WAIT, and with the broker's own.
std::string SendFeature::stored_properties(std::string_view properties) const {
  std::string stored;
  stored.reserve(properties.size() + own_properties_.size() + 1);
  PropertyReader reader(properties);
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
                                           const store::AppendResult& result) const {
  ResponseCode code = result.error == store::StoreErrc::flush_timeout
                          ? ResponseCode::flush_disk_timeout
                          : ResponseCode::success;
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
  const routing::TopicConfig& topic = send.topic;
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

// What is left to do when the store has done its part.
class SendFeature::Answer {
 public:
  // Of many that wait at a time Asio's own one keeps the memory of two.
  using allocator_type = std::allocator<void>;
  [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }

  Answer(SendFeature& feature, PendingReply pending, const RecordView& record,
         std::string_view properties, std::size_t bytes, SendsInFlight::Place place,
         MessageType type, Instant began)
      : feature_(feature),
        place_(std::move(place)),
        pending_(std::move(pending)),
        topic_size_(record.topic.size()),
        queue_id_(record.queue_id),
        bytes_(bytes),
        type_(type),
        began_(began) {
    const std::string_view key = find_property(properties, property::kUniqueKey);
    unique_key_size_ = key.size();
    texts_.reserve(topic_size_ + unique_key_size_);
    texts_.append(record.topic).append(key);
  }

  [[nodiscard]] MessageType type() const noexcept { return type_; }
  // The message is stored in another topic than the one that it is for.
  void is_stored_in(std::string_view topic) {
    texts_.replace(0, topic_size_, topic);
    topic_size_ = topic.size();
  }
  // How its sender can have a timer message taken back.
  void can_be_recalled_by(std::string_view handle) { texts_ += handle; }

  void operator()(const store::AppendResult& result) {
    feature_.runtime_.count_put(feature_.time_.now() - began_,
                                !result.error || result.error == store::StoreErrc::flush_timeout);
    try {
      pending_.answer(make(result));
    } catch (const std::exception& problem) {
      pending_.answer(
          pending_.request().response(remoting::ResponseCode::system_error, problem.what()));
    }
  }

 private:
  RemotingCommand make(const store::AppendResult& result) {
    if (result.error && result.error != store::StoreErrc::flush_timeout) {
      return feature_.checks_.refusal_answer(pending_.request(),
                                             feature_.store_refusal(result.error));
    }
    const std::size_t messages = std::max<std::size_t>(result.batch_offsets.size(), 1);
    std::string_view rest = texts_;
    const auto take = [&rest](std::size_t size) {
      const std::string_view taken = rest.substr(0, size);
      rest.remove_prefix(size);
      return taken;
    };
    feature_.traffic_.count(take(topic_size_), messages, bytes_, type_);
    const std::string_view unique_key = take(unique_key_size_);
    return feature_.stored_answer(pending_.request(), queue_id_, unique_key, rest, result);
  }

  SendFeature& feature_;
  SendsInFlight::Place place_;
  PendingReply pending_;
  // The topic, the unique key and the recall handle: one piece of memory that moves.
  std::string texts_;
  std::size_t topic_size_;
  std::size_t unique_key_size_ = 0;
  std::int32_t queue_id_;
  std::size_t bytes_;
  MessageType type_;
  Instant began_;
};

void SendFeature::append_single(const Request& request, std::string_view properties,
                                const CheckedSend& send, RecordView record, Answer&& answer) {
  std::string text = stored_properties(properties);
  if (send.delay_level > 0) text = delayed_properties(text, send.delay_level, record);
  if (send.timer_out_millis > 0) {
    std::string handle;
    text = timer_properties(text, send.timer_out_millis, record, handle);
    answer.can_be_recalled_by(handle);
  }
  if (send.is_half) {
    transactions_.announce_half_topic();
    text = make_half(std::move(text), record);
  }
  if (answer.type() != MessageType::normal) answer.is_stored_in(record.topic);
  record.body = request.command.body.view();
  record.properties = text;
  store_.append(std::span(&record, 1), waits_for_flush(properties), request.connection->executor(),
                std::move(answer));
}

// A send that waits until the topic and the group that it implies are on the disk: a message must
// not outlive them. When they cannot be written it is refused, so that its client tries another
// broker.
class SendFeature::HeldSend {
 public:
  HeldSend(SendFeature& feature, Request& request, PendingReply pending, SendsInFlight::Place place,
           std::string what)
      : feature_(feature),
        pending_(std::move(pending)),
        request_(std::move(request.command), request.connection),
        place_(std::move(place)),
        what_(std::move(what)) {}

  void go_on(bool saved);

 private:
  SendFeature& feature_;
  PendingReply pending_;
  Request request_;
  std::optional<SendsInFlight::Place> place_;
  std::string what_;
};

void SendFeature::HeldSend::go_on(bool saved) {
  place_.reset();  // it gets another one
  Reply reply;
  try {
    reply = saved ? feature_.send_message(request_, &pending_)
                  : feature_.checks_.refusal_answer(
                        pending_.request(),
                        refuse(ResponseCode::service_not_available,
                               fmt::format("service not available now. {} cannot be "
                                           "written to this broker's disk",
                                           what_)));
  } catch (const std::exception& problem) {
    reply = pending_.request().response(ResponseCode::system_error, problem.what());
  }
  if (reply) pending_.answer(std::move(reply));
}

// Whether the send has to wait; then it is taken over.
bool SendFeature::hold_until_saved(Request& request, const CheckedSend& send,
                                   SendsInFlight::Place& place, PendingReply* held) {
  const bool has_new_topic = topics_.has_unsaved() && topics_.is_unsaved(send.topic.topic_name);
  const bool has_new_group =
      !send.group.empty() && groups_.has_unsaved() && groups_.is_unsaved(send.group);
  if (!has_new_topic && !has_new_group) return false;
  const std::string what =
      has_new_topic ? "topic " + send.topic.topic_name : "consumer group " + send.group;
  const auto executor = request.connection->executor();
  PendingReply pending = take_reply(request, held);
  const auto later =
      std::make_shared<HeldSend>(*this, request, std::move(pending), std::move(place), what);
  const auto done = [later, executor](bool saved) {
    asio::post(executor, [later, saved] { later->go_on(saved); });
  };
  const bool waits = has_new_topic ? topics_.when_saved(send.topic.topic_name, done)
                                   : groups_.when_saved(send.group, done);
  if (!waits) done(true);  // it was saved this moment
  return true;
}

Reply SendFeature::send_message(Request& request, PendingReply* held) {
  const RemotingCommand& command = request.command;
  const RequestIdentity identity(command);
  const bool is_long_form = command.request_code() == remoting::RequestCode::send_message;
  std::string missing;
  auto header = remoting::read_header<SendMessageHeader>(
      command.fields, is_long_form ? remoting::FieldNames::full : remoting::FieldNames::short_form,
      &missing);
  if (!header) return bad_header(command, missing);

  const std::size_t bytes = command.body.size() + header->properties.value_or("").size();
  const Instant now = time_.now();
  SendsInFlight::Place place = sends_.enter(bytes, now);
  if (!place) return checks_.refusal_answer(identity, too_many_sends(sends_));
  CheckedSend send;
  if (Refusal refusal = checks_.check_send(request, *header, send)) {
    return checks_.refusal_answer(identity, std::move(refusal));
  }
  if (hold_until_saved(request, send, place, held)) return std::nullopt;
  const RecordView record = make_record(request, *header, send);
  const std::string_view properties = header->properties.value_or("");
  if (!send.is_batch) {
    append_single(request, properties, send, record,
                  Answer(*this, take_reply(request, held), record, properties, bytes,
                         std::move(place), type_of(send, properties), now));
    return std::nullopt;
  }
  BatchRecords records(command.body.view(), properties, config_.cluster_name, record);
  BatchRecords::Measured measured = records.measure(config_);
  if (measured.refusal) {
    return checks_.refusal_answer(identity, std::move(measured.refusal));
  }
  if (Refusal refusal = checks_.check_items(command.body.view())) {
    return checks_.refusal_answer(identity, std::move(refusal));
  }
  if (measured.bytes > bytes && !place.grow(measured.bytes - bytes)) {
    return checks_.refusal_answer(identity, too_many_sends(sends_));
  }
  Answer answer(*this, take_reply(request, held), record, properties, bytes, std::move(place),
                type_of(send, properties), now);
  store_.append(records, waits_for_flush(properties), request.connection->executor(),
                std::move(answer));
  return std::nullopt;
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
  const auto handler = [this](Request& request) { return send_message(request, nullptr); };
  dispatcher.on(remoting::RequestCode::send_message, handler);
  dispatcher.on(remoting::RequestCode::send_message_v2, handler);
  dispatcher.on(remoting::RequestCode::send_batch_message, handler);
}

}  // namespace comet::inline v0_1::broker
