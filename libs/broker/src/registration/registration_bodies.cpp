#include "registration/registration_bodies.hpp"

#include <utility>

#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::broker {
namespace {

using routing::TopicConfigTable;

std::string encode_body(const BrokerConfig& config, TopicConfigTable& topics) {
  routing::RegisterBrokerBody body;
  body.topic_config = std::move(topics);
  std::string bytes =
      config.compressed_register ? routing::encode_compressed(body) : routing::to_json(body);
  topics = std::move(body.topic_config);
  return bytes;
}

// About what a topic takes in the body; names have no characters that JSON escapes.
std::size_t estimate_body(const TopicConfigTable& topics) {
  constexpr std::size_t kFields = 150;
  std::size_t bytes = 0;
  for (const auto& [name, topic] : topics.topics) bytes += 2 * name.size() + kFields;
  return bytes;
}

// Moves the second half of the topics to a table of their own.
TopicConfigTable split(TopicConfigTable& topics) {
  TopicConfigTable rest;
  rest.data_version = topics.data_version;
  auto middle = topics.topics.begin();
  std::advance(middle, topics.topics.size() / 2);
  while (middle != topics.topics.end()) {
    rest.topics.insert(rest.topics.end(), topics.topics.extract(middle++));
  }
  return rest;
}

// Halves the topics until every part fits.
void split_to_fit(const BrokerConfig& config, TopicConfigTable topics, std::size_t max_body,
                  std::vector<TopicConfigTable>& parts) {
  const bool is_single = topics.topics.size() <= 1;
  const bool may_fit = config.compressed_register || estimate_body(topics) <= max_body;
  if (is_single || (may_fit && encode_body(config, topics).size() <= max_body)) {
    parts.push_back(std::move(topics));
    return;
  }
  TopicConfigTable rest = split(topics);
  split_to_fit(config, std::move(topics), max_body, parts);
  split_to_fit(config, std::move(rest), max_body, parts);
}

}  // namespace

std::vector<std::string> registration_bodies(const BrokerConfig& config,
                                             routing::TopicConfigTable topics,
                                             std::size_t max_body) {
  // A broker that may not be read or written says so through its topics.
  constexpr std::int32_t kReadWrite = routing::perm::kRead | routing::perm::kWrite;
  if ((config.broker_permission & kReadWrite) != kReadWrite) {
    for (auto& [name, topic] : topics.topics) topic.perm &= config.broker_permission;
  }
  std::vector<std::string> bodies;
  if (config.compressed_register || estimate_body(topics) <= max_body) {
    bodies.push_back(encode_body(config, topics));
    if (bodies.front().size() <= max_body) return bodies;
    bodies.clear();
  }
  std::vector<TopicConfigTable> parts;
  split_to_fit(config, std::move(topics), max_body, parts);
  auto earlier = static_cast<std::int64_t>(parts.size());
  for (TopicConfigTable& part : parts) {
    part.data_version.timestamp -= --earlier;
    bodies.push_back(encode_body(config, part));
    part.topics.clear();
  }
  return bodies;
}

}  // namespace comet::inline v0_1::broker
