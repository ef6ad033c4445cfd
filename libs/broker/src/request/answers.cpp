#include "request/answers.hpp"

#include <fmt/format.h>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::broker {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;

namespace {

void write_members(JsonWriter& json, std::string_view broker_name, std::string_view topic,
                   std::int32_t queue_id) {
  json.member("brokerName", broker_name);
  json.member("queueId", queue_id);
  json.member("topic", topic);
}

}  // namespace

RemotingCommand success(const Request& request) {
  return RemotingCommand::response(request.command, ResponseCode::success);
}

RemotingCommand saved_answer(const Request& request, bool saved) {
  if (saved) return success(request);
  return refusal(request,
                 "the change holds, but is not on the disk yet: writing is tried again every "
                 "second, see the broker's log");
}

RemotingCommand json_answer(const RemotingCommand& request, std::string json) {
  RemotingCommand response = RemotingCommand::response(request, ResponseCode::success);
  response.body = Body(std::move(json));
  return response;
}

RemotingCommand refusal(const Request& request, ResponseCode code, std::string remark) {
  return RemotingCommand::response(request.command, code, std::move(remark));
}

RemotingCommand refusal(const Request& request, std::string remark) {
  return refusal(request, ResponseCode::system_error, std::move(remark));
}

RemotingCommand refusal(const Request& request, const remoting::Refusal& reason) {
  return refusal(request, reason.code, reason.remark);
}

std::string no_such_topic(std::string_view topic) {
  return fmt::format(
      "topic[{}] not exist, apply first please!\n"
      "See http://rocketmq.apache.org/docs/faq/ for further details.",
      topic);
}

std::string no_such_group(std::string_view group) {
  return fmt::format(
      "subscription group not exist, {} See http://rocketmq.apache.org/docs/faq/ for further "
      "details.",
      group);
}

std::string no_such_filter(std::string_view expression_type) {
  return fmt::format("The broker does not support consumer to filter message by {}",
                     expression_type);
}

// The first part of the remark is Apache's.
remoting::Refusal too_many_sends(const SendsInFlight& sends) {
  return {ResponseCode::system_busy,
          fmt::format("[REJECTREQUEST]system busy, start flow control for a while: {} sends of {} "
                      "bytes wait for the log, the limits are {} and {}",
                      sends.count(), sends.bytes(), sends.most(), sends.most_bytes())};
}

remoting::Refusal too_many_calls(const SendsInFlight& calls) {
  return {ResponseCode::system_busy,
          fmt::format("[REJECTREQUEST]system busy, start flow control for a while: {} requests of "
                      "{} bytes wait for answers of clients, the limits are {} and {}",
                      calls.count(), calls.bytes(), calls.most(), calls.most_bytes())};
}

void check_size(std::size_t max_frame, const JsonWriter& json) {
  constexpr std::size_t kHeader = 4096;
  if (json.size() + kHeader <= max_frame) return;
  throw Error(BaseErrc::bad_value,
              fmt::format("the answer would be longer than the {} bytes of a frame", max_frame));
}

void write_queue_key(JsonWriter& json, std::string_view broker_name, std::string_view topic,
                     std::int32_t queue_id) {
  json.begin_object_key();
  write_members(json, broker_name, topic, queue_id);
  json.end_object_key();
}

void write_queue(JsonWriter& json, std::string_view broker_name, std::string_view topic,
                 std::int32_t queue_id) {
  json.begin_object();
  write_members(json, broker_name, topic, queue_id);
  json.end_object();
}

}  // namespace comet::inline v0_1::broker
