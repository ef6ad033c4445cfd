// Replies of request-reply (Apache: ReplyMessageProcessor): handed at once to the client that
// asked, and stored beside that.

#include "send/reply_feature.hpp"

#include <fmt/format.h>

#include <boost/asio/awaitable.hpp>

#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/reply_properties.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/remoting/message_headers.hpp"
#include "records/append_outcome.hpp"
#include "request/answers.hpp"
#include "request/await_append.hpp"
#include "request/await_call.hpp"
#include "request/header_of.hpp"
#include "request/on_header.hpp"
#include "send/send_checks.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using namespace std::chrono_literals;
using remoting::Connection;
using remoting::Handling;
using remoting::RemotingCommand;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;
using remoting::SendMessageHeader;

constexpr Duration kPushPatience = 10s;  // Apache: Broker2Client.callClient

// On the connection's executor. Empty: the client has taken it.
asio::awaitable<std::string> push_to(std::shared_ptr<Connection> client, RemotingCommand command,
                                     Instant deadline) {
  std::string problem = "no answer";
  try {
    const RemotingCommand answer = co_await client->invoke(std::move(command), deadline);
    problem = answer.response_code() == ResponseCode::success ? std::string() : answer.remark;
    if (problem.empty() && answer.response_code() != ResponseCode::success) problem = "refused";
  } catch (const std::exception&) {
    // it has none
  }
  co_return problem;
}

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
  const bool has_place = stored && is_stored(*stored);
  if (refusal && !has_place) return checks_.refusal_answer(identity, refusal);
  RemotingCommand response = identity.response(refusal.code, refusal.remark);
  const std::string id =
      has_place ? make_offset_message_id(store_host_, stored->physical_offset) : "0";
  remoting::SendMessageResponseHeader header;
  header.msg_id = id;
  header.queue_id = queue_id;
  header.queue_offset = has_place ? stored->queue_offset : 0;
  header.region_id = config_.region_id;
  header.trace_on = "true";
  remoting::write_header(header, response.fields);
  return response;
}

// At most once a second: clients may cause it at any rate.
void ReplyFeature::complain(std::string_view client, std::string_view problem) {
  const Instant now = time_.now();
  {
    const std::lock_guard lock(mutex_);
    if (now < next_line_) return;
    next_line_ = now + 1s;
  }
  log::warn("a reply was not taken by client {}: {}", printable(client), printable(problem));
}

Handling ReplyFeature::send_reply(Request request) {
  const bool is_long_form = request.command.request_code() == RequestCode::send_reply_message;
  const auto header = header_of<SendMessageHeader>(
      request.command,
      is_long_form ? remoting::FieldNames::full : remoting::FieldNames::short_form);
  CheckedSend send;
  Refusal refusal = checks_.check_send(request, header, send);
  if (!refusal && send.is_batch) {
    refusal = refuse(ResponseCode::message_illegal, "a batch cannot be a reply");
  }
  const remoting::RequestIdentity identity(request.command);
  if (refusal) co_return checks_.refusal_answer(identity, std::move(refusal));

  const SendsInFlight::Place place =
      calls_.enter(kCallBytes + request.command.memory_size(), time_.now());
  if (!place) co_return checks_.refusal_answer(identity, too_many_calls(calls_));

  const bool wait = send.properties.wait != "false";
  if (config_.store_replies && wait && !copies_.may_store()) {
    co_return checks_.refusal_answer(identity, too_few_copies());
  }
  // To the client that asked. The remarks are Apache's.
  const std::string client(find_property(send.properties.text, property::kReplyToClient));
  const std::shared_ptr<Connection> requester =
      client.empty() ? nullptr : clients_.find_producer(client);
  Refusal not_taken;
  if (client.empty()) {
    not_taken =
        refuse(ResponseCode::system_error,
               fmt::format("reply message properties[{}] is null", property::kReplyToClient));
  } else if (requester == nullptr) {
    not_taken = refuse(ResponseCode::system_error,
                       fmt::format("push reply message fail, channel of <{}> not found.", client));
  } else {
    asio::awaitable<std::string> push =
        push_to(requester, push_request(request, header), time_.now() + kPushPatience);
    const std::string problem = co_await AwaitCall(std::move(push), requester->executor());
    if (!problem.empty()) {
      complain(client, problem);
      not_taken =
          refuse(ResponseCode::system_error, fmt::format("push reply message to {}fail.", client));
    }
  }
  const std::int32_t queue_id =
      header.queue_id < 0 ? random_queue(send.topic->write_queue_nums) : header.queue_id;
  std::optional<store::AppendResult> stored;
  if (config_.store_replies && checks_.has_topic(send)) {
    const RecordView record = make_record(request, header, queue_id);
    const std::size_t bytes = record.body.size() + record.properties.size();
    stored = co_await AwaitAppend(store_, request, record, wait);
    if (!stored->error) traffic_.count(header.topic, 1, bytes);
    if (wait && !stored->error) {
      const Confirmation copies = co_await AwaitCopies(copies_, request, stored->end);
      if (!not_taken) not_taken.code = code_of(copies);
    }
  }
  co_return make_answer(request, not_taken, queue_id, stored);
}

void ReplyFeature::install(remoting::Dispatcher& dispatcher) {
  for (const RequestCode code :
       {RequestCode::send_reply_message, RequestCode::send_reply_message_v2}) {
    on_handling(dispatcher, code, this, &ReplyFeature::send_reply, config_.max_sends);
  }
}

}  // namespace comet::inline v0_1::broker
