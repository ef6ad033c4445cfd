#pragma once
// Answers that several features give.

#include <string>
#include <string_view>

#include "comet/base/json_writer.hpp"
#include "comet/remoting/handling.hpp"
#include "request/sends_in_flight.hpp"

namespace comet::inline v0_1::broker {

[[nodiscard]] remoting::RemotingCommand success(const remoting::Request& request);
// For a change of a table: whether its file is down.
[[nodiscard]] remoting::RemotingCommand saved_answer(const remoting::Request& request, bool saved);
// A success with JSON in its body.
[[nodiscard]] remoting::RemotingCommand json_answer(const remoting::RemotingCommand& request,
                                                    std::string json);
[[nodiscard]] remoting::RemotingCommand refusal(const remoting::Request& request,
                                                remoting::ResponseCode code, std::string remark);
// With code SYSTEM_ERROR.
[[nodiscard]] remoting::RemotingCommand refusal(const remoting::Request& request,
                                                std::string remark);
[[nodiscard]] remoting::RemotingCommand refusal(const remoting::Request& request,
                                                const remoting::Refusal& reason);

// RocketMQ's words for an unknown topic.
[[nodiscard]] std::string no_such_topic(std::string_view topic);
// Its words for a consumer group that neither exists nor may be created.
[[nodiscard]] std::string no_such_group(std::string_view group);
// For a filter other than by tags.
[[nodiscard]] std::string no_such_filter(std::string_view expression_type);

// For what waits for the log, and for what waits for an answer of clients.
[[nodiscard]] remoting::Refusal too_many_sends(const SendsInFlight& sends);
[[nodiscard]] remoting::Refusal too_many_calls(const SendsInFlight& calls);

// Throws Error when a frame of `max_frame` bytes could not hold the answer any more.
void check_size(std::size_t max_frame, const JsonWriter& json);

// {"brokerName":"b","queueId":0,"topic":"T"} as a key: Java prints maps by queue so.
void write_queue_key(JsonWriter& json, std::string_view broker_name, std::string_view topic,
                     std::int32_t queue_id);
void write_queue(JsonWriter& json, std::string_view broker_name, std::string_view topic,
                 std::int32_t queue_id);

}  // namespace comet::inline v0_1::broker
