#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1 {

// Chooses one of a topic's queues for a message: returns its index. The queues are sorted by broker
// name and queue id; their number changes when the topic's does. What it throws ends the send.
using QueueSelector =
    std::function<std::size_t(const std::vector<MessageQueue>& queues, const Message& message)>;

// How one send differs from the producer's settings. Setters return *this:
//   co_await producer.send(message, SendOptions().ordered_by("customer 17").timeout(1s));
class SendOptions {
 public:
  SendOptions() = default;
  // To this queue and no other: one try, as there is no other place for it.
  explicit SendOptions(MessageQueue queue) : queue_(std::move(queue)) {}
  // To the queue that the selector chooses: one try. Give a selector with captures a name before
  // the co_await (docs/gcc12.md).
  explicit SendOptions(QueueSelector selector) : selector_(std::move(selector)) {}

  // Messages of one key go to one queue, and so are read in the order in which they are sent, as
  // long as each is acknowledged before the next is sent and the number of queues stays the same.
  // The queue is the one that Apache's SelectMessageQueueByHash chooses for the key. One try.
  SendOptions& ordered_by(std::string_view sharding_key) &;
  SendOptions ordered_by(std::string_view sharding_key) && {
    return std::move(ordered_by(sharding_key));
  }
  // Instead of ProducerConfig::send_timeout. Zero or less: the send fails without a try.
  SendOptions& timeout(Duration value) & {
    timeout_ = value;
    return *this;
  }
  SendOptions timeout(Duration value) && { return std::move(timeout(value)); }

  // Says nothing but what the producer's settings say.
  [[nodiscard]] bool is_plain() const noexcept { return !queue_ && !selector_ && !timeout_; }
  [[nodiscard]] const std::optional<MessageQueue>& queue() const noexcept { return queue_; }
  [[nodiscard]] const QueueSelector& selector() const noexcept { return selector_; }
  [[nodiscard]] const std::optional<Duration>& timeout() const noexcept { return timeout_; }

 private:
  std::optional<MessageQueue> queue_;
  QueueSelector selector_;
  std::optional<Duration> timeout_;
};
static_assert(!std::is_aggregate_v<SendOptions>);

// The index that Apache's SelectMessageQueueByHash chooses. Precondition: queues > 0.
[[nodiscard]] std::size_t queue_of_key(std::string_view sharding_key, std::size_t queues) noexcept;

}  // namespace comet::inline v0_1
