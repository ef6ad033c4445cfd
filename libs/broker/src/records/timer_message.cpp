#include "records/timer_message.hpp"

#include <limits>
#include <optional>
#include <string>

#include "comet/base/parse_number.hpp"
#include "comet/message/property_reader.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::int64_t kMillisPerSecond = 1000;
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

// Java's Long.parseLong.
std::optional<std::int64_t> parse_long(std::string_view text) noexcept {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return parse_number<std::int64_t>(text);
}

// now + delay * unit, at the ends of the range where it would leave it.
std::int64_t after(std::int64_t now, std::int64_t delay, std::int64_t unit) noexcept {
  std::int64_t millis = 0;
  std::int64_t time = 0;
  if (__builtin_mul_overflow(delay, unit, &millis) || __builtin_add_overflow(now, millis, &time)) {
    return delay < 0 ? 0 : kForever;
  }
  return time;
}

// The timer properties of a message, from one look at all of them.
class Wishes {
 public:
  explicit Wishes(std::string_view properties) {
    PropertyReader reader(properties);
    std::string_view name;
    std::string_view value;
    while (reader.next(name, value)) {
      if (name.starts_with("TIMER_") || name == property::kStartDeliverTime) take(name, value);
    }
  }

  [[nodiscard]] bool waited() const { return waited_; }
  [[nodiscard]] bool is_recall() const { return is_recall_; }
  [[nodiscard]] bool none() const {
    return !delay_sec_ && !delay_ms_ && !deliver_ms_ && !start_deliver_;
  }
  // Nullopt: no number.
  [[nodiscard]] std::optional<std::int64_t> deliver_millis(std::int64_t now) const {
    if (delay_sec_) return relative(*delay_sec_, now, kMillisPerSecond);
    if (delay_ms_) return relative(*delay_ms_, now, 1);
    return parse_long(deliver_ms_ ? *deliver_ms_ : *start_deliver_);
  }

 private:
  void take(std::string_view name, std::string_view value) {
    if (name == property::kTimerDelaySec) delay_sec_ = value;
    if (name == property::kTimerDelayMs) delay_ms_ = value;
    if (name == property::kTimerDeliverMs) deliver_ms_ = value;
    if (name == property::kStartDeliverTime) start_deliver_ = value;
    if (name == property::kTimerOutMs) waited_ = true;
    if (name == property::kTimerDeleteUniqueKey) is_recall_ = true;
  }
  static std::optional<std::int64_t> relative(std::string_view text, std::int64_t now,
                                              std::int64_t unit) {
    const std::optional<std::int64_t> delay = parse_long(text);
    if (!delay) return std::nullopt;
    return after(now, *delay, unit);
  }

  std::optional<std::string_view> delay_sec_;
  std::optional<std::string_view> delay_ms_;
  std::optional<std::string_view> deliver_ms_;
  std::optional<std::string_view> start_deliver_;
  bool waited_ = false;
  bool is_recall_ = false;
};

}  // namespace

std::int64_t timer_out_millis(std::int64_t deliver_millis, std::int64_t precision_millis) noexcept {
  return (deliver_millis - 1) / precision_millis * precision_millis;
}

TimerWish timer_wish(std::string_view properties, std::int64_t now_millis,
                     const BrokerConfig& config) {
  TimerWish wish;
  const Wishes wishes(properties);
  if (wishes.none() || wishes.waited()) return wish;
  const std::optional<std::int64_t> deliver = wishes.deliver_millis(now_millis);
  wish.kind = TimerWish::Kind::illegal;
  if (!deliver) return wish;
  if (*deliver <= now_millis) {
    if (!wishes.is_recall()) wish.kind = TimerWish::Kind::at_once;
    return wish;
  }
  if (*deliver - now_millis > to_millis(config.timer_max_delay)) return wish;
  wish.kind = TimerWish::Kind::later;
  wish.out_millis = timer_out_millis(*deliver, config.timer_precision_millis);
  return wish;
}

void put_off_until(RecordView& record, MessageProperties& properties, std::int64_t out_millis) {
  properties.set(property::kTimerOutMs, std::to_string(out_millis));
  properties.set(property::kRealTopic, record.topic);
  properties.set(property::kRealQueueId, std::to_string(record.queue_id));
  record.topic = kTimerTopic;
  record.queue_id = 0;
}

std::int64_t timer_out_of(std::string_view properties) noexcept {
  return parse_long(find_property(properties, property::kTimerOutMs)).value_or(0);
}

}  // namespace comet::inline v0_1::broker
