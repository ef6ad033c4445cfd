#pragma once
// What an application (or the message trace) wants to know of every try of a send.

#include <span>
#include <string>
#include <string_view>

#include "comet/base/address.hpp"
#include "comet/base/error.hpp"
#include "comet/base/time.hpp"
#include "comet/message/message.hpp"
#include "comet/producer/send_result.hpp"

namespace comet {

// Valid during the call.
class SendContext {
 public:
  SendContext(std::string_view group_in, std::span<const Message> messages_in,
              const MessageQueue& queue_in, const Address& broker_in, std::int64_t wall_millis_in)
      : group(group_in),
        messages(messages_in),
        queue(queue_in),
        broker(broker_in),
        wall_millis(wall_millis_in) {}

  std::string_view group;
  std::span<const Message> messages;  // one, or those of a batch; with their unique ids
  const MessageQueue& queue;
  const Address& broker;
  std::int64_t wall_millis;  // when the try began, ms since 1970
  bool oneway = false;

  // After the try:
  Duration elapsed{};
  const SendResult* result = nullptr;  // stored; null also for oneway sends
  error_code error;                    // not stored
  std::string_view error_text;
};

// Called on the producer's executor for every try. Apache: SendMessageHook. What these two throw is
// logged and does not change the send.
class SendHook {
 public:
  virtual ~SendHook() = default;
  virtual void before_send(const SendContext& context);
  virtual void after_send(const SendContext& context);
};

// Apache: CheckForbiddenHook. May refuse a send: what it throws ends the send, without a retry.
class ForbiddenHook {
 public:
  virtual ~ForbiddenHook() = default;
  virtual void check(const SendContext& context) = 0;
};

}  // namespace comet
