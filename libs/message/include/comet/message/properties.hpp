#pragma once
// Message properties and their string form: name 0x01 value 0x02 ... (Apache:
// MessageDecoder.messageProperties2String / string2messageProperties).

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace comet::inline v0_1 {

namespace property {
inline constexpr std::string_view kKeys = "KEYS";
inline constexpr std::string_view kTags = "TAGS";
inline constexpr std::string_view kUniqueKey = "UNIQ_KEY";
inline constexpr std::string_view kWait = "WAIT";
inline constexpr std::string_view kDelay = "DELAY";
inline constexpr std::string_view kRealTopic = "REAL_TOPIC";
inline constexpr std::string_view kRealQueueId = "REAL_QID";
inline constexpr std::string_view kRetryTopic = "RETRY_TOPIC";
inline constexpr std::string_view kOriginMessageId = "ORIGIN_MESSAGE_ID";
inline constexpr std::string_view kReconsumeTime = "RECONSUME_TIME";
inline constexpr std::string_view kMaxReconsumeTimes = "MAX_RECONSUME_TIMES";
inline constexpr std::string_view kTransactionPrepared = "TRAN_MSG";
inline constexpr std::string_view kProducerGroup = "PGROUP";
inline constexpr std::string_view kCluster = "CLUSTER";
inline constexpr std::string_view kMsgRegion = "MSG_REGION";
inline constexpr std::string_view kTraceOn = "TRACE_ON";
inline constexpr std::string_view kShardingKey = "__SHARDINGKEY";
inline constexpr std::string_view kInstanceId = "INSTANCE_ID";
// Timer messages (5.x): what the producer wishes, of which the first counts ...
inline constexpr std::string_view kTimerDelaySec = "TIMER_DELAY_SEC";
inline constexpr std::string_view kTimerDelayMs = "TIMER_DELAY_MS";
inline constexpr std::string_view kTimerDeliverMs = "TIMER_DELIVER_MS";
inline constexpr std::string_view kStartDeliverTime = "__STARTDELIVERTIME";
// ... and what the broker notes.
inline constexpr std::string_view kTimerOutMs = "TIMER_OUT_MS";
inline constexpr std::string_view kTimerDequeueMs = "TIMER_DEQUEUE_MS";
inline constexpr std::string_view kTimerRollTimes = "TIMER_ROLL_TIMES";
inline constexpr std::string_view kTimerDeleteUniqueKey = "TIMER_DEL_UNIQKEY";
inline constexpr std::string_view kBornTimestamp = "BORN_TIMESTAMP";
}  // namespace property

// 32767: the record's length field is a signed 16-bit number.
inline constexpr std::size_t kMaxPropertiesSize = 32767;

// An ordered map; few entries, so lookups are linear.
class MessageProperties {
 public:
  // Empty when absent.
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  void set(std::string_view name, std::string_view value);
  // False when there was none.
  bool erase(std::string_view name);
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] auto begin() const noexcept { return entries_.begin(); }
  [[nodiscard]] auto end() const noexcept { return entries_.end(); }

  // With a separator after the last value, as 5.x writes it. Names and values must be free of
  // bytes 1 and 2 (validate.hpp checks).
  [[nodiscard]] std::string encode() const;
  void encode_to(std::string& out) const;
  // As tolerant as Apache's: pairs without a separator or with an empty value are dropped.
  [[nodiscard]] static MessageProperties decode(std::string_view text);

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

// The value of one property in the string form, without building a map; empty when absent.
[[nodiscard]] std::string_view find_property(std::string_view text, std::string_view name) noexcept;
// The string form without that property.
[[nodiscard]] std::string erase_property(std::string_view text, std::string_view name);
// Appends one to the string form, without a separator behind it (as 4.9 writes the last one).
void append_to_properties(std::string_view name, std::string_view value, std::string& text);

}  // namespace comet::inline v0_1
