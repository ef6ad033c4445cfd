#pragma once
// Where the messages go that a consumer group could not consume: to its retry topic, and after too
// many attempts to its dead letter topic.

#include <cstdint>
#include <optional>
#include <string_view>

#include "comet/remoting/command.hpp"
#include "comet/routing/topic_config.hpp"
#include "tables/group_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

inline constexpr std::int32_t kUnitSubscription = 2;  // Apache: TopicSysFlag.FLAG_UNIT_SUB

// Both create the topic when it is not there; null when the group's name makes no topic.
[[nodiscard]] TopicTable::Snapshot retry_topic(TopicTable& topics, const GroupConfig& group,
                                               bool unit_mode);
[[nodiscard]] TopicTable::Snapshot dead_letter_topic(TopicTable& topics, std::string_view group);

// How often a message is tried again: the group's number, or the one that the request asks for.
[[nodiscard]] std::int32_t max_attempts(const GroupConfig& group,
                                        const remoting::RemotingCommand& request,
                                        std::optional<std::int32_t> asked_for);

}  // namespace comet::inline v0_1::broker
