#pragma once
// What a record of the schedule topic says (Apache: ScheduleMessageService): the topic and queue
// that the message is for are properties until its time has come.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "comet/message/properties.hpp"
#include "comet/message/record.hpp"
#include "comet/store/delay_levels.hpp"

namespace comet::inline v0_1::broker {

// The level of property DELAY, at most the highest there is; 0: not delayed. Nullopt when it is no
// number.
[[nodiscard]] std::optional<std::int32_t> delay_level_of(std::string_view properties,
                                                         const store::DelayLevels& levels);
// The same, of the property's value; empty: not delayed.
[[nodiscard]] std::optional<std::int32_t> delay_level(std::string_view value,
                                                      const store::DelayLevels& levels);

// Turns `record` into the record of the schedule topic for `level` (from 1) and completes
// `properties` accordingly; the caller gives the record their encoded form.
void put_off(RecordView& record, MessageProperties& properties, std::int32_t level);

// The opposite: the record as it goes to its real topic. Nullopt when its properties do not say
// which that is.
[[nodiscard]] std::optional<RecordView> for_real_queue(const RecordView& scheduled);

}  // namespace comet::inline v0_1::broker
