#include "comet/routing/queue_allocation.hpp"

#include <algorithm>

namespace comet::inline v0_1::routing {
namespace {

// The first byte of a character decides between U+E000..U+FFFF (0xEE, 0xEF) and the surrogates of
// what lies beyond (0xF0 and more); everything else is in the order of its bytes.
unsigned rank(char byte) noexcept {
  const auto value = static_cast<unsigned char>(byte);
  return value == 0xEE || value == 0xEF ? value + 0x10U : value;
}

bool queue_less(const MessageQueue& left, const MessageQueue& right) noexcept {
  if (left.topic != right.topic) return java_less(left.topic, right.topic);
  if (left.broker_name != right.broker_name) return java_less(left.broker_name, right.broker_name);
  return left.queue_id < right.queue_id;
}

std::vector<MessageQueue> averagely(const std::vector<MessageQueue>& queues, std::size_t members,
                                    std::size_t index) {
  const std::size_t share = queues.size() / members;
  const std::size_t more = queues.size() % members;  // so many members have one more
  const std::size_t begin = index * share + std::min(index, more);
  const std::size_t size = share + (index < more ? 1 : 0);
  const auto first = queues.begin() + static_cast<std::ptrdiff_t>(begin);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}

std::vector<MessageQueue> by_circle(const std::vector<MessageQueue>& queues, std::size_t members,
                                    std::size_t index) {
  std::vector<MessageQueue> dealt;
  for (std::size_t at = index; at < queues.size(); at += members) dealt.push_back(queues[at]);
  return dealt;
}

}  // namespace

std::optional<AllocationStrategy> allocation_strategy(std::string_view name) {
  if (name == "AVG") return AllocationStrategy::averagely;
  if (name == "AVG_BY_CIRCLE") return AllocationStrategy::averagely_by_circle;
  return std::nullopt;
}

bool java_less(std::string_view left, std::string_view right) noexcept {
  return std::ranges::lexicographical_compare(left, right, {}, rank, rank);
}

std::vector<MessageQueue> allocate_queues(AllocationStrategy strategy,
                                          std::vector<MessageQueue> queues,
                                          std::vector<std::string> members,
                                          std::string_view member) {
  std::ranges::sort(queues, queue_less);
  std::ranges::sort(members, java_less);
  const auto found = std::ranges::find(members, member);
  if (found == members.end()) return {};
  const auto index = static_cast<std::size_t>(found - members.begin());
  return strategy == AllocationStrategy::averagely ? averagely(queues, members.size(), index)
                                                   : by_circle(queues, members.size(), index);
}

std::vector<MessageQueue> readable_queues(std::string_view topic, const TopicRouteData& route) {
  std::vector<MessageQueue> queues;
  for (const QueueData& data : route.queues) {
    if ((data.perm & perm::kRead) == 0) continue;
    const std::int32_t count = std::min(data.read_queue_nums, kMostQueuesOfBroker);
    for (std::int32_t id = 0; id < count && queues.size() < kMostQueuesOfTopic; ++id) {
      queues.emplace_back(std::string(topic), data.broker_name, id);
    }
  }
  return queues;
}

}  // namespace comet::inline v0_1::routing
