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

// Apache: TopicValidator.SYSTEM_TOPIC_SET
constexpr std::array<std::string_view, 9> kSystemTopics{"TBW102",
                                                        "SCHEDULE_TOPIC_XXXX",
                                                        "BenchmarkTest",
                                                        "RMQ_SYS_TRANS_HALF_TOPIC",
                                                        "RMQ_SYS_TRACE_TOPIC",
                                                        "RMQ_SYS_TRANS_OP_HALF_TOPIC",
                                                        "TRANS_CHECK_MAX_TIME_TOPIC",
                                                        "SELF_TEST_TOPIC",
                                                        "OFFSET_MOVED_EVENT"};

// Apache: TopicValidator.NOT_ALLOWED_SEND_TOPIC_SET
constexpr std::array<std::string_view, 6> kNotAllowedForSending{
    "SCHEDULE_TOPIC_XXXX",        "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC", "SELF_TEST_TOPIC",          "OFFSET_MOVED_EVENT"};

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
  return contains(kSystemTopics, topic) || topic.starts_with("rmq_sys_");
}

bool is_forbidden_for_sending(std::string_view topic) noexcept {
  return contains(kNotAllowedForSending, topic);
}

bool is_safe_path_component(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace comet::inline v0_1
