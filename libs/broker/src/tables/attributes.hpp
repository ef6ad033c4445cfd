#pragma once
// Attributes of topics and consumer groups (5.x; Apache: AttributeParser, AttributeUtil,
// TopicAttributes, SubscriptionGroupAttributes). What asks this broker for something that it has
// not is refused. message.type and priority.factor are kept for others to read: proxies, and
// consumers by POP.

#include <map>
#include <string>
#include <string_view>

namespace comet::inline v0_1::broker {

using Attributes = std::map<std::string, std::string>;

enum class AttributeOwner { topic, group };

// "+key=value,-key,..." as UPDATE_AND_CREATE_TOPIC carries it; a removal has an empty value.
// Returns what is wrong, to be shown to whoever asked; empty: nothing. So below.
[[nodiscard]] std::string parse_attribute_changes(std::string_view text, Attributes& changes);

// `changes`: "+key" sets, "-key" removes; a new topic or group takes the first alone. `attributes`
// are those of before, and changed only if nothing is wrong.
[[nodiscard]] std::string change_attributes(AttributeOwner owner, bool is_new,
                                            const Attributes& changes, Attributes& attributes);

}  // namespace comet::inline v0_1::broker
