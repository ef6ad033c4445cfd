#include "comet/message/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace comet::inline v0_1 {
namespace {

// ^[%|a-zA-Z0-9_-]+$
constexpr bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '%' ||
         c == '|' || c == '_' || c == '-';
}

bool is_blank(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
}

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Apache: TopicValidator.NOT_ALLOWED_SEND_TOPIC_SET
constexpr std::array kNotAllowedForSending{kScheduleTopic, kHalfTopic,     kOpTopic,
                                           kGivenUpTopic,  kSelfTestTopic, kOffsetMovedTopic};

// The names that RocketMQ uses itself (Apache 5.5.0: MessageConst.STRING_HASH_SET), and what sets
// them for an application, if anything.
struct ReservedProperty {
  std::string_view name;
  std::string_view set_by;
};
constexpr ReservedProperty kReservedProperties[] = {
    {"1ST_POP_TIME", ""},
    {"ARRIVE_TIME", ""},
    {"BORN_TIMESTAMP", ""},
    {"BUYER_ID", ""},
    {"CLUSTER", ""},
    {"CONSUME_START_TIME", ""},
    {"CORRECTION_FLAG", ""},
    {"CORRELATION_ID", "Producer::request and make_reply"},
    {"DELAY", "Message::delay_level"},
    {"DLQ_ORIGIN_MESSAGE_ID", ""},
    {"DLQ_ORIGIN_TOPIC", ""},
    {"DUP_INFO", ""},
    {"EXTEND_UNIQ_INFO", ""},
    {"INNER_MULTI_QUEUE_OFFSET", ""},
    {"INSTANCE_ID", ""},
    {"KEYS", "Message::key"},
    {"MAX_OFFSET", ""},
    {"MAX_RECONSUME_TIMES", ""},
    {"MIN_OFFSET", ""},
    {"MQ2_FLAG", ""},
    {"MSG_REGION", ""},
    {"MSG_TYPE", "make_reply"},
    {"ORIGIN_GROUP", ""},
    {"ORIGIN_MESSAGE_ID", ""},
    {"PGROUP", "TransactionProducer"},
    {"POP_CK", ""},
    {"POP_CK_OFFSET", ""},
    {"PUSH_REPLY_TIME", ""},
    {"REAL_QID", ""},
    {"REAL_TOPIC", ""},
    {"RECONSUME_TIME", ""},
    {"REPLY_TO_CLIENT", "Producer::request and make_reply"},
    {"RETRY_TOPIC", ""},
    {"TAGS", "Message::tag"},
    {"TIMER_DELAY_LEVEL", ""},
    {"TIMER_DELAY_MS", "Message::deliver_after"},
    {"TIMER_DELAY_SEC", "Message::deliver_after"},
    {"TIMER_DELIVER_MS", "Message::deliver_at"},
    {"TIMER_DEL_UNIQKEY", ""},
    {"TIMER_DEQUEUE_MS", ""},
    {"TIMER_ENQUEUE_MS", ""},
    {"TIMER_OUT_MS", ""},
    {"TIMER_ROLL_TIMES", ""},
    {"TRACE_ON", ""},
    {"TRANSFER_FLAG", ""},
    {"TRAN_MSG", "TransactionProducer"},
    {"TRAN_PREPARED_QUEUE_OFFSET", ""},
    {"TTL", "Producer::request and make_reply"},
    {"UNIQ_KEY", ""},
    {"WAIT", "Message::wait_store_ok"},
    {"_SYS_MSG_PRIORITY_", ""},
    {"__BORNHOST", ""},
    {"__CRC32#", ""},
    {"__LITE_TOPIC", ""},
};

// Apache: String.trim().isEmpty().
bool is_trimmed_away(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' '; });
}

}  // namespace

std::string check_topic(std::string_view topic) {
  if (is_blank(topic)) return "The specified topic is blank.";
  if (!std::all_of(topic.begin(), topic.end(), is_name_character)) {
    return "The specified topic contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$";
  }
  if (topic.size() > kMaxTopicLength) return "The specified topic is longer than topic max length.";
  return {};
}

std::string check_group(std::string_view group) {
  if (is_blank(group)) return "the specified group is blank";
  if (!std::all_of(group.begin(), group.end(), is_name_character)) {
    return fmt::format(
        "the specified group[{}] contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$",
        group);
  }
  if (group.size() > kMaxGroupLength)
    return "the specified group is longer than group max length 255.";
  return {};
}

std::string check_property(std::string_view name, std::string_view value) {
  const auto reserved = std::ranges::find(kReservedProperties, name, &ReservedProperty::name);
  if (reserved != std::end(kReservedProperties)) {
    return fmt::format("The Property<{}> is used by system, input another please{}{}", name,
                       reserved->set_by.empty() ? "" : "; it is set by ", reserved->set_by);
  }
  if (is_trimmed_away(name)) return "The name of a property can not be blank";
  if (is_trimmed_away(value)) {
    return fmt::format("The value of property <{}> can not be blank", name);
  }
  return {};
}

std::string check_message(const Message& message, std::size_t max_message_size) {
  if (std::string complaint = check_topic(message.topic()); !complaint.empty()) return complaint;
  if (is_forbidden_for_sending(message.topic())) {
    return fmt::format("Sending message to topic[{}] is forbidden.", message.topic());
  }
  if (message.body().empty()) return "the message body length is zero";
  if (message.body().size() > max_message_size) {
    return fmt::format("the message body size over max value, MAX: {}", max_message_size);
  }
  std::size_t size = 0;
  for (const auto& [name, value] : message.properties()) {
    size += name.size() + value.size() + 2;
    if (name.empty() || name.find_first_of("\x01\x02") != std::string::npos ||
        value.find_first_of("\x01\x02") != std::string::npos) {
      return fmt::format("the message property '{}' is empty or contains a separator (byte 1 or 2)",
                         name);
    }
  }
  if (size > kMaxPropertiesSize) {
    return fmt::format("the message properties take {} bytes, MAX: {}", size, kMaxPropertiesSize);
  }
  return {};
}

bool is_system_topic(std::string_view topic) noexcept {
  return contains(kSystemTopics, topic) || topic.starts_with(kSystemTopicPrefix);
}

bool is_system_group(std::string_view group) noexcept { return group.starts_with("CID_RMQ_SYS_"); }

bool is_forbidden_for_sending(std::string_view topic) noexcept {
  return contains(kNotAllowedForSending, topic);
}

bool is_safe_path_component(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace comet::inline v0_1
