// RECALL_MESSAGE (5.x): a producer takes a timer message back (Apache: RecallMessageProcessor). A
// record in the timer topic, due at the same time, says so: what is due then looks there first.

#include "send/recall.hpp"

#include <fmt/format.h>

#include "comet/message/recall_handle.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/message_headers.hpp"
#include "delay/timer_service.hpp"
#include "records/append_outcome.hpp"
#include "records/timer_message.hpp"
#include "request/answers.hpp"
#include "request/await_append.hpp"
#include "request/header_of.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::Handling;
using remoting::RecallMessageHeader;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

constexpr std::string_view kRecallBody = "0";
constexpr std::string_view kRecallTag = "_RECALL_TAG_";

}  // namespace

RemotingCommand RecallFeature::answer(const Request& request, ResponseCode code,
                                      std::string remark) const {
  RemotingCommand response = RemotingCommand::response(request.command, code, std::move(remark));
  response.fields.add("MSG_REGION", config_.region_id);
  return response;
}

// What speaks against it before the handle is looked at.
Reply RecallFeature::refuse_here(const Request& request, const RecallMessageHeader& header) const {
  const BrokerConfig& config = config_;
  const bool is_writable = (config.broker_permission & routing::perm::kWrite) != 0;
  if (!config.recall_messages) {
    return answer(request, ResponseCode::no_permission, "recall failed, operation is forbidden");
  }
  if (time_.wall_millis() < config.start_accept_send_millis ||
      (!is_writable && !config.recall_when_not_writable)) {
    return answer(request, ResponseCode::service_not_available,
                  "recall failed, broker service not available");
  }
  if (!topics_.find(header.topic)) {
    return answer(request, ResponseCode::topic_not_exist,
                  fmt::format("recall failed, the topic[{}] not exist", header.topic));
  }
  if (timers_ == nullptr) {
    return answer(request, ResponseCode::system_error, "recall failed, execute error");
  }
  if (timers_->is_full()) {  // a recall waits as the messages do
    return answer(request, ResponseCode::system_error,
                  fmt::format("recall failed, timer message is under flow control, max num limit "
                              "is {}",
                              config_.max_timers));
  }
  return std::nullopt;
}

// Empty: it is one of ours that has not come.
std::string RecallFeature::complaint_about(const RecallMessageHeader& header,
                                           const std::optional<RecallHandle>& handle) const {
  if (!handle) return "recall handle is invalid";
  if (handle->topic != header.topic) return "recall failed, topic not match";
  if (handle->broker_name != config_.broker_name) {
    return "recall failed, broker service not available";
  }
  const std::int64_t left = handle->time_millis - time_.wall_millis();
  if (left <= 0 || left >= to_millis(config_.timer_max_delay)) {
    return "recall failed, timestamp invalid";
  }
  return {};
}

// The time is that of the message exactly, whatever the precision is by now.
MessageProperties RecallFeature::recall_properties(const RecallHandle& handle,
                                                   std::string_view group) const {
  MessageProperties properties;
  properties.set(property::kTags, kRecallTag);
  properties.set(property::kTimerDeleteUniqueKey, handle.unique_key);
  properties.set(property::kUniqueKey, handle.unique_key);
  properties.set(property::kTimerDeliverMs, std::to_string(handle.time_millis));
  properties.set(property::kBornTimestamp, std::to_string(time_.wall_millis()));
  if (!group.empty()) properties.set(property::kProducerGroup, group);
  return properties;
}

Handling RecallFeature::recall(Request request) {
  const auto header = header_of<RecallMessageHeader>(request.command);
  Reply refusal = refuse_here(request, header);
  if (refusal) co_return refusal;
  const std::optional<RecallHandle> handle = RecallHandle::decode(header.recall_handle);
  std::string complaint = complaint_about(header, handle);
  if (!complaint.empty()) {
    co_return answer(request, ResponseCode::illegal_operation, std::move(complaint));
  }
  RecordView record;
  record.topic = header.topic;
  record.body = kRecallBody;
  record.born_timestamp = time_.wall_millis();
  record.born_host = request.connection->remote();
  record.store_host = store_host_;
  MessageProperties properties = recall_properties(*handle, header.producer_group.value_or(""));
  put_off_until(record, properties, handle->time_millis - 1);
  const std::string text = properties.encode();
  record.properties = text;
  const store::AppendResult result = co_await AwaitAppend(store_, request, record, true);
  if (!is_stored(result)) {
    co_return answer(request, ResponseCode::system_error, "recall failed, execute error");
  }
  traffic_.count(kTimerTopic, 1, kRecallBody.size() + text.size(), MessageType::delay);
  if (!result.error) {
    const Confirmation copies = co_await AwaitCopies(copies_, request, result.end);
    if (copies != Confirmation::put_ok) {
      co_return answer(request, ResponseCode::system_error,
                       fmt::format("recall failed, {}", name_of(copies)));
    }
  }
  RemotingCommand response = answer(request, ResponseCode::success, {});
  remoting::RecallMessageResponseHeader fields;
  fields.msg_id = handle->unique_key;
  remoting::write_header(fields, response.fields);
  co_return response;
}

void RecallFeature::install(remoting::Dispatcher& dispatcher) {
  on_handling(dispatcher, remoting::RequestCode::recall_message, this, &RecallFeature::recall,
              config_.max_sends);
}

}  // namespace comet::inline v0_1::broker
