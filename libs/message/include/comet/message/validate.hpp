#pragma once
// What RocketMQ's clients and brokers accept as topic, group and message (Apache: Validators,
// TopicValidator). Each function returns an empty string, or the complaint in RocketMQ's words.

#include <cstddef>
#include <string>
#include <string_view>

#include "comet/message/message.hpp"
#include "comet/message/system_names.hpp"

namespace comet::inline v0_1 {

inline constexpr std::size_t kMaxTopicLength = 127;
inline constexpr std::size_t kMaxGroupLength = 255;
inline constexpr std::size_t kDefaultMaxMessageSize = 4 * 1024 * 1024;

[[nodiscard]] std::string check_topic(std::string_view topic);
[[nodiscard]] std::string check_group(std::string_view group);
// A property of an application's: neither blank nor one of those that RocketMQ uses itself.
[[nodiscard]] std::string check_property(std::string_view name, std::string_view value);
// Topic, body present and within the limit, properties encodable.
[[nodiscard]] std::string check_message(const Message& message, std::size_t max_message_size);

// Topics of the system; clients may neither create nor delete them.
[[nodiscard]] bool is_system_topic(std::string_view topic) noexcept;
// Consumer groups of the system.
[[nodiscard]] bool is_system_group(std::string_view group) noexcept;
// System topics to which clients must not send.
[[nodiscard]] bool is_forbidden_for_sending(std::string_view topic) noexcept;
// May be used as a file name below the store: no separators, not "." or "..".
[[nodiscard]] bool is_safe_path_component(std::string_view name) noexcept;

}  // namespace comet::inline v0_1
