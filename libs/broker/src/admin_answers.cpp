#include "admin_answers.hpp"

#include <fmt/format.h>

#include <ctime>

namespace comet::inline v0_1::broker {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;

namespace {

void write_members(routing::JsonWriter& json, const BrokerContext& context, std::string_view topic,
                   std::int32_t queue_id) {
  json.member("brokerName", context.config.broker_name);
  json.member("queueId", queue_id);
  json.member("topic", topic);
}

}  // namespace

void write_queue_key(routing::JsonWriter& json, const BrokerContext& context,
                     std::string_view topic, std::int32_t queue_id) {
  json.begin_object_key();
  write_members(json, context, topic, queue_id);
  json.end_object_key();
}

void write_queue(routing::JsonWriter& json, const BrokerContext& context, std::string_view topic,
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

void check_size(const BrokerContext& context, const routing::JsonWriter& json) {
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

std::string version_name(std::int32_t version) {
  if (version < 0) return "UNKNOWN";
  // Apache: the enumerators of MQVersion.Version. Each release follows its snapshot.
  constexpr std::string_view kFirst[] = {
      "V3_0_0_SNAPSHOT", "V3_0_0_ALPHA1",         "V3_0_0_BETA1", "V3_0_0_BETA2",
      "V3_0_0_BETA3",    "V3_0_0_BETA4",          "V3_0_0_BETA5", "V3_0_0_BETA6_SNAPSHOT",
      "V3_0_0_BETA6",    "V3_0_0_BETA7_SNAPSHOT", "V3_0_0_BETA7", "V3_0_0_BETA8_SNAPSHOT",
      "V3_0_0_BETA8",    "V3_0_0_BETA9_SNAPSHOT", "V3_0_0_BETA9", "V3_0_0_FINAL"};
  if (static_cast<std::size_t>(version) < std::size(kFirst)) {
    return std::string(kFirst[version]);
  }
  struct Block {  // versions from `begin` on
    std::int32_t begin, major, minor, first_patch, patches;
  };
  constexpr Block kBlocks[] = {{412, 5, 0, 0, 10},
                               {212, 4, 0, 0, 10},
                               {86, 3, 3, 1, 9},
                               {46, 3, 1, 0, 10},
                               {16, 3, 0, 1, 15}};
  for (const Block& block : kBlocks) {
    if (version < block.begin) continue;
    const std::int32_t number = (version - block.begin) / 2;
    return fmt::format("V{}_{}_{}{}", block.major, block.minor + number / block.patches,
                       block.first_patch + number % block.patches,
                       (version - block.begin) % 2 == 0 ? "_SNAPSHOT" : "");
  }
  return "UNKNOWN";
}

}  // namespace comet::inline v0_1::broker
