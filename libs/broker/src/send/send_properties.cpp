#include "send/send_properties.hpp"

#include "comet/message/properties.hpp"
#include "comet/message/property_reader.hpp"

namespace comet::inline v0_1::broker {

SendProperties::SendProperties(std::string_view properties) noexcept : text(properties) {
  PropertyReader reader(properties);
  std::string_view name, value;
  const char* expected = properties.data();
  while (reader.next(name, value)) {
    if (name.data() != expected) is_stored_as_is = false;
    expected = value.data() + value.size() + 1;
    take(name, value);
  }
  const char* end = properties.data() + properties.size();
  if (!properties.empty() && expected != end && expected != end + 1) is_stored_as_is = false;
}

// By their lengths, since most are none of these. Of several values of one name the last counts.
void SendProperties::take(std::string_view name, std::string_view value) noexcept {
  switch (name.size()) {
    case property::kWait.size():
      if (name != property::kWait) return;
      wait = value;
      is_stored_as_is = false;
      return;
    case property::kDelay.size():
      if (name == property::kDelay) delay = value;
      return;
    case property::kUniqueKey.size():  // and two others of this length
      if (name == property::kUniqueKey) unique_key = value;
      if (name == property::kTransactionPrepared) transaction_prepared = value;
      if (name == property::kTraceOn) is_stored_as_is = false;
      return;
    case property::kMsgRegion.size():
      if (name == property::kMsgRegion) is_stored_as_is = false;
      break;
    case property::kShardingKey.size():
      if (name == property::kShardingKey) sharding_key = value;
      break;
    default:
      break;
  }
  if (name.starts_with("TIMER_") || name == property::kStartDeliverTime) has_timer = true;
}

}  // namespace comet::inline v0_1::broker
