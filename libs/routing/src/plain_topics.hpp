#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "comet/routing/topic_config.hpp"

namespace comet::inline v0_1::routing {

// A registration's body in two parts: its topics, and the text of all else.
class PlainTopics {
 public:
  decltype(TopicConfigTable::topics) topics;
  std::string rest;  // the body with an empty topicConfigTable
};

// Reads the topics in one pass and without a tree of values: a broker may have tens of thousands.
// nullopt: they are not written in the way in which brokers write them, and whoever is more patient
// has to say what they mean. That the rest is JSON is not checked.
[[nodiscard]] std::optional<PlainTopics> cut_plain_topics(std::string_view body);

}  // namespace comet::inline v0_1::routing
