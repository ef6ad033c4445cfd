#pragma once
// Timer messages (5.x; Apache: HookUtils.handleScheduleMessage, TimerMessageStore): what a message
// asks for, and how it lies in the timer topic until its time has come.

#include <cstdint>
#include <string_view>

#include "comet/broker/config.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/record.hpp"
#include "comet/message/system_names.hpp"

namespace comet::inline v0_1::broker {

// Apache cuts times to timerPrecisionMs and delivers when the next step begins: TIMER_OUT_MS is the
// last step that begins before the wished time. So it is with us, with steps of 1 ms.
[[nodiscard]] std::int64_t timer_out_millis(std::int64_t deliver_millis,
                                            std::int64_t precision_millis) noexcept;

// When a message wants to be delivered.
class TimerWish {
 public:
  enum class Kind {
    none,     // it says nothing
    at_once,  // at a time that has passed
    later,
    illegal,  // no number, too far ahead, or a recall that comes too late
  };
  Kind kind = Kind::none;
  std::int64_t out_millis = 0;  // TIMER_OUT_MS
};

// Of properties without a delay level, which has precedence. A message with TIMER_OUT_MS has waited
// already.
[[nodiscard]] TimerWish timer_wish(std::string_view properties, std::int64_t now_millis,
                                   const BrokerConfig& config);

// Turns `record` into one of the timer topic and completes `properties` accordingly; the caller
// gives the record their encoded form.
void put_off_until(RecordView& record, MessageProperties& properties, std::int64_t out_millis);

// TIMER_OUT_MS of a record of the timer topic; 0 when there is none.
[[nodiscard]] std::int64_t timer_out_of(std::string_view properties) noexcept;

}  // namespace comet::inline v0_1::broker
