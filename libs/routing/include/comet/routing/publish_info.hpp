#pragma once
// Which queues of a topic a producer may send to, and in what order (Apache: TopicPublishInfo).

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "comet/message/message.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::routing {

// A value of its owner; not thread-safe (select_queue moves a position).
class TopicPublishInfo {
 public:
  // Queues beyond this number are left out, so that an absurd answer cannot exhaust the memory.
  static constexpr std::size_t kMaxQueues = 1u << 17;

  TopicPublishInfo() = default;
  // With an order configuration ("broker-a:4;broker-b:4") exactly its queues; else every write
  // queue of every writable entry whose broker has a master, sorted by broker name.
  // Selection begins at queue `first_queue` (taken modulo the number of queues): producers that
  // start together should not all begin at the same one.
  static TopicPublishInfo from_route(std::string topic, const TopicRouteData& route,
                                     std::size_t first_queue = 0);

  // Whether there is a queue to send to.
  [[nodiscard]] bool ok() const noexcept { return !queues_.empty(); }
  [[nodiscard]] const std::string& topic() const noexcept { return topic_; }
  [[nodiscard]] const std::vector<MessageQueue>& queues() const noexcept { return queues_; }
  // The position from which the next selection is made; carry it over to a refreshed route so that
  // the round robin goes on where it was.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

  // Round robin. With `last_broker` (empty: none) the next queue of another broker; when all queues
  // are on that broker, simply the next one. Precondition: ok().
  const MessageQueue& select_queue(std::string_view last_broker);

 private:
  const MessageQueue& next() noexcept;

  std::string topic_;
  std::vector<MessageQueue> queues_;
  std::size_t position_ = 0;
};

}  // namespace comet::inline v0_1::routing
