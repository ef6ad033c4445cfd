#include "comet/routing/publish_info.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::routing {
namespace {

class QueueList {
 public:
  explicit QueueList(const std::string& topic) : topic_(topic) {}

  void add(const std::string& broker, std::int32_t count) {
    for (std::int32_t id = 0; id < count && queues_.size() < TopicPublishInfo::kMaxQueues; ++id) {
      queues_.emplace_back(topic_, broker, id);
    }
  }
  std::vector<MessageQueue> take() { return std::move(queues_); }

 private:
  const std::string& topic_;
  std::vector<MessageQueue> queues_;
};

// "broker-a:4;broker-b:4"; items of another form are left out.
void add_ordered(std::string_view order_topic_conf, QueueList& queues) {
  while (!order_topic_conf.empty()) {
    const std::size_t end = order_topic_conf.find(';');
    const std::string_view item = order_topic_conf.substr(0, end);
    order_topic_conf.remove_prefix(end == std::string_view::npos ? order_topic_conf.size()
                                                                 : end + 1);

    const std::size_t colon = item.rfind(':');
    if (colon == std::string_view::npos || colon == 0) continue;
    const auto count = parse_number<std::int32_t>(item.substr(colon + 1));
    if (count) queues.add(std::string(item.substr(0, colon)), *count);
  }
}

void add_writable(const TopicRouteData& route, QueueList& queues) {
  std::multimap<std::string_view, const QueueData*> by_broker;
  for (const QueueData& queue : route.queues) {
    if ((queue.perm & perm::kWrite) != 0) by_broker.emplace(queue.broker_name, &queue);
  }
  for (const auto& [broker_name, queue] : by_broker) {
    const bool has_master =
        std::ranges::any_of(route.brokers, [name = broker_name](const BrokerData& broker) {
          return broker.broker_name == name && broker.broker_addrs.contains(kMasterId);
        });
    if (has_master) queues.add(queue->broker_name, queue->write_queue_nums);
  }
}

}  // namespace

TopicPublishInfo TopicPublishInfo::from_route(std::string topic, const TopicRouteData& route,
                                              std::size_t first_queue) {
  QueueList queues(topic);
  if (!route.order_topic_conf.empty()) {
    add_ordered(route.order_topic_conf, queues);
  } else {
    add_writable(route, queues);
  }
  TopicPublishInfo info;
  info.queues_ = queues.take();
  info.topic_ = std::move(topic);
  if (info.ok()) info.position_ = first_queue % info.queues_.size();
  return info;
}

const MessageQueue& TopicPublishInfo::select_queue(std::string_view last_broker) {
  if (last_broker.empty()) return next();
  for (std::size_t tried = 0; tried < queues_.size(); ++tried) {
    const MessageQueue& queue = next();
    if (queue.broker_name != last_broker) return queue;
  }
  return next();
}

const MessageQueue& TopicPublishInfo::next() noexcept {
  const MessageQueue& queue = queues_[position_];
  position_ = (position_ + 1) % queues_.size();
  return queue;
}

}  // namespace comet::inline v0_1::routing
