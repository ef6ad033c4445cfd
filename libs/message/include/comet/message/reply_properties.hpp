#pragma once
// Properties of requests and replies (request-reply).

#include <string_view>

namespace comet::inline v0_1::property {

inline constexpr std::string_view kCorrelationId = "CORRELATION_ID";   // of a request: its replies
inline constexpr std::string_view kReplyToClient = "REPLY_TO_CLIENT";  // the requester's client id
inline constexpr std::string_view kTtl = "TTL";                        // ms that it waits
inline constexpr std::string_view kMessageType = "MSG_TYPE";
inline constexpr std::string_view kReply = "reply";                    // value of MSG_TYPE
inline constexpr std::string_view kPushReplyTime = "PUSH_REPLY_TIME";  // at the broker, ms
inline constexpr std::string_view kReplyArriveTime = "ARRIVE_TIME";    // at the requester, ms

}  // namespace comet::inline v0_1::property
