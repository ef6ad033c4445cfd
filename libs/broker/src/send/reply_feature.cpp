// Replies of request-reply (Apache: ReplyMessageProcessor): handed at once to the client that
// asked, and stored beside that.

#include "send/reply_feature.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "comet/base/log.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/reply_properties.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/answers.hpp"
#include "send/send_checks.hpp"

namespace comet::inline v0_1::broker {
namespace {

using namespace std::chrono_literals;
using remoting::Connection;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;
using remoting::SendMessageHeader;

constexpr Duration kPushPatience = 10s;  // Apache: Broker2Client.callClient

}  // namespace

RemotingCommand ReplyFeature::push_request(const Request& request,
                                           const SendMessageHeader& send) const {
  const std::int64_t now = time_.wall_millis();
  MessageProperties properties = MessageProperties::decode(send.properties.value_or(""));
  properties.set(property::kPushReplyTime, std::to_string(now));
  const std::string text = properties.encode();
  const std::string born_host = request.connection->remote().to_string();
  const std::string store_host = store_host_.to_string();
  remoting::PushReplyHeader header;
  header.producer_group = send.producer_group;
  header.topic = send.topic;
  header.default_topic = send.default_topic;
  header.default_topic_queue_nums = send.default_topic_queue_nums;
  header.queue_id = send.queue_id;
  header.sys_flag = send.sys_flag;
  header.born_timestamp = send.born_timestamp;
  header.flag = send.flag;
  header.properties = text;
  header.reconsume_times = send.reconsume_times;
  header.unit_mode = send.unit_mode;
  header.born_host = born_host;
  header.store_host = store_host;
  header.store_timestamp = now;
  return RemotingCommand::request(RequestCode::push_reply_message_to_client, header,
                                  Body(request.command.body));
}

// The refusal is empty when the client has taken it. The remarks are Apache's.
asio::awaitable<Refusal> ReplyFeature::push(const Request& request, const SendMessageHeader& send) {
  const std::string client(find_property(send.properties.value_or(""), property::kReplyToClient));
  if (client.empty()) {
    co_return refuse(ResponseCode::system_error,
                     fmt::format("reply message properties[{}] is null", property::kReplyToClient));
  }
  const std::shared_ptr<Connection> requester = clients_.find_producer(client);
  if (requester == nullptr) {
    co_return refuse(ResponseCode::system_error,
                     fmt::format("push reply message fail, channel of <{}> not found.", client));
  }
  RemotingCommand command = push_request(request, send);
  const Instant deadline = time_.now() + kPushPatience;
  // It belongs to another executor, to which no cancellation must reach; the deadline ends it.
  auto token =
      asio::bind_cancellation_slot(asio::cancellation_slot(), asio::as_tuple(asio::use_awaitable));
  auto invoke = [](std::shared_ptr<Connection> to, RemotingCommand pushed,
                   Instant until) -> asio::awaitable<RemotingCommand> {
    co_return co_await to->invoke(std::move(pushed), until);
  };
  auto [problem, answer] = co_await asio::co_spawn(
      requester->executor(), invoke(requester, std::move(command), deadline), std::move(token));
  if (!problem && answer.response_code() == ResponseCode::success) {
    const Refusal none;
    co_return none;
  }
  log::warn("a reply was not taken by client {}: {}", client,
            problem ? "no answer" : answer.remark);
  co_return refuse(ResponseCode::system_error,
                   fmt::format("push reply message to {}fail.", client));
}

RecordView ReplyFeature::make_record(const Request& request, const SendMessageHeader& send,
                                     std::int32_t queue_id) const {
  RecordView record;
  record.topic = send.topic;
  record.queue_id = queue_id;
  record.flag = send.flag;
  record.sys_flag = send.sys_flag & (sys_flag::kCompressed | sys_flag::kCompressionMask);
  record.born_timestamp = send.born_timestamp;
  record.born_host = request.connection->remote();
  record.store_host = store_host_;
  record.reconsume_times = send.reconsume_times.value_or(0);
  record.body = request.command.body.view();
  record.properties = send.properties.value_or("");
  return record;
}

RemotingCommand ReplyFeature::make_answer(const Request& request, const Refusal& refusal,
                                          std::int32_t queue_id,
                                          const std::optional<store::AppendResult>& stored) const {
  const remoting::RequestIdentity identity(request.command);
  const bool is_stored =
      stored && (!stored->error || stored->error == store::StoreErrc::flush_timeout);
  if (refusal && !is_stored) return checks_.refusal_answer(identity, refusal);
  RemotingCommand response = identity.response(refusal.code, refusal.remark);
  const std::string id =
      is_stored ? make_offset_message_id(store_host_, stored->physical_offset) : "0";
  remoting::SendMessageResponseHeader header;
  header.msg_id = id;
  header.queue_id = queue_id;
  header.queue_offset = is_stored ? stored->queue_offset : 0;
  header.region_id = config_.region_id;
  header.trace_on = "true";
  remoting::write_header(header, response.fields);
  return response;
}

asio::awaitable<Reply> ReplyFeature::send_reply(Request request) {
  const bool is_long_form = request.command.request_code() == RequestCode::send_reply_message;
  std::string missing;
  const auto header = remoting::read_header<SendMessageHeader>(
      request.command.fields,
      is_long_form ? remoting::FieldNames::full : remoting::FieldNames::short_form, &missing);
  if (!header) co_return bad_header(request.command, missing);
  CheckedSend send;
  Refusal refusal = checks_.check_send(request, *header, send);
  if (!refusal && send.is_batch)
    refusal = refuse(ResponseCode::message_illegal, "a batch cannot be a reply");
  if (refusal) {
    const remoting::RequestIdentity identity(request.command);
    co_return checks_.refusal_answer(identity, std::move(refusal));
  }
  const Refusal not_taken = co_await push(request, *header);
  const std::int32_t queue_id =
      header->queue_id < 0 ? random_queue(send.topic.write_queue_nums) : header->queue_id;
  std::optional<store::AppendResult> stored;
  if (config_.store_replies) {
    const RecordView record = make_record(request, *header, queue_id);
    const bool wait = find_property(record.properties, property::kWait) != "false";
    const store::AppendResult result = co_await store_.append(record, wait);
    stored = result;
    if (!result.error)
      traffic_.count(record.topic, 1, record.body.size() + record.properties.size());
  }
  co_return make_answer(request, not_taken, queue_id, stored);
}

void ReplyFeature::install(remoting::Dispatcher& dispatcher) {
  const auto handler = [this](Request request) { return send_reply(std::move(request)); };
  for (const RequestCode code :
       {RequestCode::send_reply_message, RequestCode::send_reply_message_v2}) {
    dispatcher.on_async(code, handler, config_.max_sends);
  }
}

}  // namespace comet::inline v0_1::broker
