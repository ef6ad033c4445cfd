#include "comet/message/message.hpp"

#include <charconv>

#include "comet/message/message_id.hpp"

namespace comet {

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

Message& Message::delay_level(int level) & {
  properties_.set(property::kDelay, std::to_string(level));
  return *this;
}

std::string MessageExt::offset_message_id() const {
  return make_offset_message_id(store_host, physical_offset);
}

}  // namespace comet
