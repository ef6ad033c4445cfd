// Which queue a try goes to.

#include <fmt/format.h>

#include "producer_impl.hpp"
#include "send_attempts.hpp"

namespace comet::inline v0_1 {
namespace {

[[noreturn]] void refuse(const OutgoingMessage& outgoing, const std::string& complaint) {
  throw Error(ClientErrc::illegal_message,
              fmt::format("send to topic {}: {}", outgoing.topic(), complaint));
}

// A selector sees topics as the application names them.
const MessageQueue& ask_selector(const Producer::Impl& producer, const client::TopicRoute& route,
                                 const QueueSelector& selector, const OutgoingMessage& outgoing) {
  const std::vector<MessageQueue>& queues = route.publish.queues();
  std::vector<MessageQueue> shown;
  if (const std::string& ns = producer.config.client().name_space; !ns.empty()) {
    shown = queues;
    for (MessageQueue& queue : shown) queue.topic = client::unwrap_namespace(ns, queue.topic);
  }
  const std::size_t chosen = selector(shown.empty() ? queues : shown, outgoing.messages().front());
  if (chosen < queues.size()) return queues[chosen];
  refuse(outgoing, fmt::format("the selector chose queue {} of {}", chosen, queues.size()));
}

}  // namespace

const MessageQueue& choose_queue(Producer::Impl& producer, client::TopicRoute* route,
                                 const SendPlan& plan, const OutgoingMessage& outgoing,
                                 const SendAttempts& attempts) {
  if (const auto& queue = plan.options.queue()) {
    if (queue->topic == outgoing.shown_topic()) return *queue;
    refuse(outgoing, fmt::format("the queue is one of topic {}", queue->topic));
  }
  if (plan.options.selector()) {
    return ask_selector(producer, *route, plan.options.selector(), outgoing);
  }
  return producer.faults.select_queue(route->publish, attempts.last_broker(), attempts.now());
}

}  // namespace comet::inline v0_1
