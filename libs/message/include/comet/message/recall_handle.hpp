#pragma once
// What a broker gives for a timer message so that it can be taken back (Apache:
// RecallMessageHandle): base64, for URLs, of "v1 topic broker time unique-key".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace comet::inline v0_1 {

class RecallHandle {
 public:
  std::string topic;
  std::string broker_name;
  std::int64_t time_millis = 0;  // TIMER_OUT_MS + 1; -1: not a number
  std::string unique_key;        // of the message

  [[nodiscard]] std::string encode() const;
  // With or without padding. Nullopt for what is no handle of this version.
  [[nodiscard]] static std::optional<RecallHandle> decode(std::string_view text);
};

}  // namespace comet::inline v0_1
