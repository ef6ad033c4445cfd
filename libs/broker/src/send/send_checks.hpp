#pragma once
// Whether a message may be stored, and as what (Apache: SendMessageProcessor,
// AbstractSendMessageProcessor.msgCheck). The order of the checks, their codes and remarks are
// Apache's.

#include <cstdint>
#include <string>
#include <string_view>

#include "comet/broker/config.hpp"
#include "comet/message/batch.hpp"
#include "comet/message/properties.hpp"
#include "comet/remoting/codes.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/routing/topic_config.hpp"
#include "comet/store/delay_levels.hpp"
#include "delay/timer_service.hpp"
#include "send/send_properties.hpp"
#include "tables/group_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

using remoting::Refusal;

[[nodiscard]] inline Refusal refuse(remoting::ResponseCode code, std::string remark) {
  return {code, std::move(remark)};
}

// A send as the broker has understood it.
class CheckedSend {
 public:
  SendProperties properties;
  bool is_batch = false;
  // Where it is stored: the one named, or that of dead letters. Null while there is a refusal.
  TopicTable::Snapshot topic;
  std::int32_t delay_level = 0;
  std::int64_t timer_out_millis = 0;  // TIMER_OUT_MS; 0: no timer message
  bool is_half = false;               // of a transaction
  std::string group;                  // whose retries or dead letters it goes to; empty: no group's
  // A consumer has given it back too often.
  [[nodiscard]] bool is_dead_letter(const remoting::SendMessageHeader& header) const {
    return topic->topic_name != header.topic;
  }
};

class SendChecks {
 public:
  // `timers`: null when there are none.
  SendChecks(const BrokerConfig& config, TimeSource& time, TopicTable& topics, GroupTable& groups,
             const store::DelayLevels& delay_levels, TimerService* timers)
      : config_(config),
        time_(time),
        topics_(topics),
        groups_(groups),
        delay_levels_(delay_levels),
        timers_(timers) {}

  // Creates the topic where the rules want it. The refusal is empty when the message may be stored.
  [[nodiscard]] Refusal check_send(const remoting::Request& request,
                                   const remoting::SendMessageHeader& header,
                                   CheckedSend& send) const;
  // Whether the items of a batch may be stored as what they say. A batch is neither delayed nor
  // transactional, and what one item asks for must not be lost in it.
  [[nodiscard]] Refusal check_items(std::string_view batch) const;
  // Whether the topic is still there, for sends that have waited since.
  [[nodiscard]] bool has_topic(const CheckedSend& send) const {
    return topics_.find(send.topic->topic_name) != nullptr;
  }
  // Every answer to a send says where it comes from, also a refusal.
  [[nodiscard]] remoting::RemotingCommand refusal_answer(const remoting::RequestIdentity& request,
                                                         Refusal refusal) const;

 private:
  [[nodiscard]] TopicTable::Snapshot find_or_create(
      const remoting::SendMessageHeader& header) const;
  [[nodiscard]] Refusal check(const remoting::Request& request,
                              const remoting::SendMessageHeader& header,
                              TopicTable::Snapshot& topic) const;
  [[nodiscard]] Refusal redirect_dead_letter(const remoting::Request& request,
                                             const remoting::SendMessageHeader& header,
                                             CheckedSend& send) const;
  [[nodiscard]] Refusal check_half(const CheckedSend& send) const;
  [[nodiscard]] Refusal check_properties(std::int32_t sys_flags, CheckedSend& send) const;
  [[nodiscard]] Refusal check_timer(CheckedSend& send) const;

  const BrokerConfig& config_;
  TimeSource& time_;
  TopicTable& topics_;
  GroupTable& groups_;
  const store::DelayLevels& delay_levels_;
  TimerService* timers_;
};

// One of the ids 0 to queues - 1.
[[nodiscard]] std::int32_t random_queue(std::int32_t queues);

// The properties of timer messages; a delay level has precedence over them.
inline constexpr std::string_view kTimerProperties[] = {
    property::kTimerDelaySec, property::kTimerDelayMs, property::kTimerDeliverMs,
    property::kStartDeliverTime};

}  // namespace comet::inline v0_1::broker
