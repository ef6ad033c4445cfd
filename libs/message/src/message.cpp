#include "comet/message/message.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "comet/message/message_id.hpp"
#include "comet/message/validate.hpp"

namespace comet::inline v0_1 {
namespace {

constexpr std::array kTimerWishes = {property::kTimerDelaySec, property::kTimerDelayMs,
                                     property::kTimerDeliverMs, property::kStartDeliverTime};

class MessageCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.message"; }
  std::string message(int code) const override {
    switch (static_cast<MessageErrc>(code)) {
      case MessageErrc::illegal_property:
        return "illegal property";
    }
    return "unknown error";
  }
};

}  // namespace

const boost::system::error_category& message_category() noexcept {
  static const MessageCategory category;
  return category;
}

int Message::delay_level() const noexcept {
  std::string_view text = properties_.get(property::kDelay);
  int level = 0;
  std::from_chars(text.data(), text.data() + text.size(), level);
  return level;
}

Message& Message::key(std::string_view value) & {
  std::string_view old = properties_.get(property::kKeys);
  properties_.set(property::kKeys,
                  old.empty() ? std::string(value) : std::string(old).append(" ").append(value));
  return *this;
}

Message& Message::property(std::string_view name, std::string_view value) & {
  if (const std::string complaint = check_property(name, value); !complaint.empty()) {
    throw Error(MessageErrc::illegal_property, complaint);
  }
  properties_.set(name, value);
  return *this;
}

Message& Message::delay_level(int level) & {
  properties_.set(property::kDelay, std::to_string(level));
  return *this;
}

Message& Message::deliver_after(std::chrono::milliseconds delay) & {
  properties_.erase(property::kTimerDelaySec);
  properties_.erase(property::kTimerDelayMs);
  properties_.erase(property::kTimerDeliverMs);
  // The first brokers of 5.x know seconds only.
  const bool is_whole = delay.count() % 1000 == 0;
  properties_.set(is_whole ? property::kTimerDelaySec : property::kTimerDelayMs,
                  std::to_string(is_whole ? delay.count() / 1000 : delay.count()));
  return *this;
}

Message& Message::deliver_at(std::chrono::system_clock::time_point time) & {
  const auto since_1970 =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  properties_.erase(property::kTimerDelaySec);
  properties_.erase(property::kTimerDelayMs);
  properties_.set(property::kTimerDeliverMs, std::to_string(since_1970.count()));
  return *this;
}

bool Message::is_delayed() const noexcept {
  return delay_level() > 0 || std::ranges::any_of(kTimerWishes, [this](auto name) {
           return properties_.contains(name);
         });
}

std::string MessageExt::offset_message_id() const {
  return make_offset_message_id(store_host, physical_offset);
}

}  // namespace comet::inline v0_1
