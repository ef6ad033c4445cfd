#pragma once

#include <string_view>

namespace comet::inline v0_1::broker {

// What the properties of a message ask of the broker, from one look at all of them. Views into the
// text; empty for what is not there.
class SendProperties {
 public:
  SendProperties() = default;
  explicit SendProperties(std::string_view properties) noexcept;

  std::string_view text;
  std::string_view unique_key;
  std::string_view wait;
  std::string_view delay;
  std::string_view sharding_key;
  std::string_view transaction_prepared;
  bool has_timer = false;  // one of the properties that timer_wish() looks at
  // Nothing but whole properties that are stored as they are: none of them is the broker's to set.
  bool is_stored_as_is = true;

 private:
  void take(std::string_view name, std::string_view value) noexcept;
};

}  // namespace comet::inline v0_1::broker
