// What clients say about timers: the properties of a message, and the handle of a recall; and the
// progress file. The first byte chooses.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../../libs/broker/src/delay/timer_progress.hpp"
#include "../../libs/broker/src/records/timer_message.hpp"
#include "comet/message/recall_handle.hpp"

namespace {

using namespace comet;

constexpr std::int64_t kNow = 1'700'000'000'000;

void must(bool holds) {
  if (!holds) std::abort();
}

// A wish for later is within the limit, and keeps its time when the message is put off.
void check_wish(std::string_view properties) {
  broker::BrokerConfig config;
  for (const std::int64_t precision : {1, 7, 1000}) {
    config.timer_precision_millis = precision;
    const broker::TimerWish wish = broker::timer_wish(properties, kNow, config);
    if (wish.kind != broker::TimerWish::Kind::later) continue;
    must(wish.out_millis % precision == 0);
    must(wish.out_millis + precision > kNow);
    must(wish.out_millis < kNow + to_millis(config.timer_max_delay));
    RecordView record;
    record.topic = "T";
    record.queue_id = 3;
    MessageProperties decoded = MessageProperties::decode(properties);
    broker::put_off_until(record, decoded, wish.out_millis);
    must(record.topic == kTimerTopic && record.queue_id == 0);
    const std::string text = decoded.encode();
    must(broker::timer_out_of(text) == wish.out_millis);
    must(find_property(text, property::kRealTopic) == "T");
    must(broker::timer_wish(text, kNow, config).kind == broker::TimerWish::Kind::none);
  }
}

// What is read as a handle is read as the same one when it is written again.
void check_handle(std::string_view text) {
  const auto handle = RecallHandle::decode(text);
  if (!handle) return;
  const auto again = RecallHandle::decode(handle->encode());
  must(again.has_value() && again->topic == handle->topic &&
       again->broker_name == handle->broker_name && again->unique_key == handle->unique_key &&
       again->time_millis == handle->time_millis);
}

void check_progress(std::string_view json) {
  broker::TimerProgress progress;
  if (progress.parse(json)) return;
  must(progress.first >= 0 && progress.taken >= 0 && progress.delivered_until >= 0);
  broker::TimerProgress again;
  must(!again.parse(progress.to_json()) && again == progress);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      check_wish(text);
      break;
    case 1:
      check_handle(text);
      break;
    default:
      check_progress(text);
  }
  return 0;
}
