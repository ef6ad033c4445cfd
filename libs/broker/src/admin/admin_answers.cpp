#include "admin/admin_answers.hpp"

#include <fmt/format.h>

#include <ctime>

namespace comet::inline v0_1::broker {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;

namespace {

void write_members(JsonWriter& json, const BrokerContext& context, std::string_view topic,
                   std::int32_t queue_id) {
  json.member("brokerName", context.config.broker_name);
  json.member("queueId", queue_id);
  json.member("topic", topic);
}

}  // namespace

void write_queue_key(JsonWriter& json, const BrokerContext& context, std::string_view topic,
                     std::int32_t queue_id) {
  json.begin_object_key();
  write_members(json, context, topic, queue_id);
  json.end_object_key();
}

void write_queue(JsonWriter& json, const BrokerContext& context, std::string_view topic,
                 std::int32_t queue_id) {
  json.begin_object();
  write_members(json, context, topic, queue_id);
  json.end_object();
}

RemotingCommand refusal(const Request& request, ResponseCode code, std::string remark) {
  return RemotingCommand::response(request.command, code, std::move(remark));
}

RemotingCommand refusal(const Request& request, std::string remark) {
  return refusal(request, ResponseCode::system_error, std::move(remark));
}

RemotingCommand success(const Request& request) {
  return RemotingCommand::response(request.command, ResponseCode::success);
}

void check_size(const BrokerContext& context, const JsonWriter& json) {
  constexpr std::size_t kHeader = 4096;
  const std::size_t most = context.config.connection.max_frame;
  if (json.size() + kHeader <= most) return;
  throw Error(BaseErrc::bad_value,
              fmt::format("the answer would be longer than the {} bytes of a frame", most));
}

std::string human_time_with_hash(std::int64_t wall_millis) {
  std::int64_t millis = wall_millis % 1000;
  std::time_t seconds = static_cast<std::time_t>(wall_millis / 1000);
  if (millis < 0) {
    millis += 1000;
    --seconds;
  }
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:04}-{:02}-{:02}#{:02}:{:02}:{:02}:{:03}", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                     millis);
}

}  // namespace comet::inline v0_1::broker
