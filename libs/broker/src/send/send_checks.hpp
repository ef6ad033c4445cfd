#pragma once
// Whether a message may be stored, and as what (Apache: SendMessageProcessor,
// AbstractSendMessageProcessor.msgCheck). The order of the checks, their codes and remarks are
// Apache's.

#include <cstdint>
#include <string>
#include <string_view>

#include "comet/message/batch.hpp"
#include "comet/message/properties.hpp"
#include "comet/remoting/codes.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/routing/topic_config.hpp"
#include "handlers.hpp"

namespace comet::inline v0_1::broker {

class Refusal {
 public:
  remoting::ResponseCode code = remoting::ResponseCode::success;
  std::string remark;
  [[nodiscard]] explicit operator bool() const noexcept {
    return code != remoting::ResponseCode::success;
  }
};

[[nodiscard]] inline Refusal refuse(remoting::ResponseCode code, std::string remark) {
  Refusal refusal;
  refusal.code = code;
  refusal.remark = std::move(remark);
  return refusal;
}

// Every answer to a send says where it comes from, also a refusal.
[[nodiscard]] remoting::RemotingCommand refusal_answer(const BrokerContext& context,
                                                       const remoting::RequestIdentity& request,
                                                       Refusal refusal);

// A send as the broker has understood it.
class CheckedSend {
 public:
  bool is_batch = false;
  routing::TopicConfig topic;  // where it is stored: the one named, or that of dead letters
  std::int32_t delay_level = 0;
  std::int64_t timer_out_millis = 0;  // TIMER_OUT_MS; 0: no timer message
  bool is_half = false;               // of a transaction
  std::string group;                  // whose retries or dead letters it goes to; empty: no group's
  // A consumer has given it back too often.
  [[nodiscard]] bool is_dead_letter(const remoting::SendMessageHeader& header) const {
    return topic.topic_name != header.topic;
  }
};

// Creates the topic where the rules want it. The refusal is empty when the message may be stored.
[[nodiscard]] Refusal check_send(BrokerContext& context, const remoting::Request& request,
                                 const remoting::SendMessageHeader& header, CheckedSend& send);

// Whether the items of a batch may be stored as what they say. A batch is neither delayed nor
// transactional, and what one item asks for must not be lost in it.
[[nodiscard]] Refusal check_items(const BrokerContext& context, std::string_view batch);

// The properties of timer messages; a delay level has precedence over them.
inline constexpr std::string_view kTimerProperties[] = {
    property::kTimerDelaySec, property::kTimerDelayMs, property::kTimerDeliverMs,
    property::kStartDeliverTime};

}  // namespace comet::inline v0_1::broker
