#pragma once
// Which member of a consumer group reads which queues of a topic (Apache:
// AllocateMessageQueueStrategy). All members, and a broker that is asked, must come to the same
// answer, so the order of queues and members is Java's.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/message/message.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::routing {

enum class AllocationStrategy {
  averagely,            // AVG: neighbouring queues; the first members have one more
  averagely_by_circle,  // AVG_BY_CIRCLE: dealt out one by one
};

// By the name that clients send; nullopt: there is no such strategy here.
[[nodiscard]] std::optional<AllocationStrategy> allocation_strategy(std::string_view name);

// Java's String.compareTo for UTF-8: by UTF-16 unit, so that what lies beyond U+FFFF comes before
// U+E000 to U+FFFF.
[[nodiscard]] bool java_less(std::string_view left, std::string_view right) noexcept;

// The queues that the member has, in order. Both lists may come in any order. Empty if the member
// is not on the list, or more members than queues are before it.
[[nodiscard]] std::vector<MessageQueue> allocate_queues(AllocationStrategy strategy,
                                                        std::vector<MessageQueue> queues,
                                                        std::vector<std::string> members,
                                                        std::string_view member);

// The queues of a topic that may be read, by its route (Apache: topicRouteData2TopicSubscribeInfo):
// at most kMostQueuesOfBroker of a broker and kMostQueuesOfTopic in all, whatever the route says.
inline constexpr std::int32_t kMostQueuesOfBroker = 65'536;
inline constexpr std::size_t kMostQueuesOfTopic = 262'144;
[[nodiscard]] std::vector<MessageQueue> readable_queues(std::string_view topic,
                                                        const TopicRouteData& route);

}  // namespace comet::inline v0_1::routing
