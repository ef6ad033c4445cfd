#include "tables/retry_topics.hpp"

#include "comet/message/validate.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::int32_t kReadAndWrite = routing::perm::kRead | routing::perm::kWrite;
constexpr std::int32_t kDeadLetterQueues = 1;  // Apache: DLQ_NUMS_PER_GROUP

TopicTable::Snapshot group_topic(TopicTable& topics, std::string_view prefix,
                                 std::string_view group, std::int32_t queues,
                                 std::int32_t sys_flag) {
  const std::string topic = std::string(prefix).append(group);
  if (!check_topic(topic).empty()) return nullptr;
  return topics.find_or_create(topic, queues, kReadAndWrite, sys_flag);
}

}  // namespace

TopicTable::Snapshot retry_topic(TopicTable& topics, const GroupConfig& group, bool unit_mode) {
  return group_topic(topics, kRetryTopicPrefix, group.group_name, group.retry_queue_nums,
                     unit_mode ? kUnitSubscription : 0);
}

TopicTable::Snapshot dead_letter_topic(TopicTable& topics, std::string_view group) {
  return group_topic(topics, kDlqTopicPrefix, group, kDeadLetterQueues, 0);
}

std::int32_t max_attempts(const GroupConfig& group, const remoting::RemotingCommand& request,
                          std::optional<std::int32_t> asked_for) {
  // Clients write -1 for "not set".
  const bool is_set = request.version >= remoting::kVersionV3_4_9 && asked_for && *asked_for >= 0;
  return is_set ? *asked_for : group.retry_max_times;
}

}  // namespace comet::inline v0_1::broker
