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
#include "comet/producer/transaction_state.hpp"

namespace comet::inline v0_1 {

// Apache: MessageType.
enum class MessageType {
  normal,
  half,     // of a transaction that has not ended
  commit,   // the end of a transaction (message trace only)
  delayed,  // to be delivered later, by level or by time
};

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
  // Of the first message.
  [[nodiscard]] MessageType message_type() const noexcept;

  // Of the producer: the IP address of its client id, its namespace, "host:port;host:port", and
  // ClientConfig::unit_mode.
  std::string_view born_host;
  std::string_view name_space;
  std::string name_servers;
  bool unit_mode = false;

  // After the try:
  Duration elapsed{};
  const SendResult* result = nullptr;  // stored; null also for oneway sends
  error_code error;                    // not stored
  std::string_view error_text;
};

// How a transaction's end was told to a broker. Valid during the call.
class EndTransactionContext {
 public:
  EndTransactionContext(std::string_view group_in, const Message& message_in,
                        TransactionState state_in, std::int64_t wall_millis_in)
      : group(group_in), message(message_in), state(state_in), wall_millis(wall_millis_in) {}

  std::string_view group;
  const Message& message;  // the half message
  TransactionState state;
  std::int64_t wall_millis;  // ms since 1970
  bool from_check = false;   // the broker had asked
  std::string_view message_id;
  std::string_view transaction_id;  // empty: none
  Address broker;
  error_code error;  // it was not told
};

// Called on the producer's executor for every try. Apache: SendMessageHook. What these throw is
// logged and does not change the send.
class SendHook {
 public:
  virtual ~SendHook() = default;
  virtual void before_send(const SendContext& context);
  virtual void after_send(const SendContext& context);
  // Apache: EndTransactionHook.
  virtual void after_end_transaction(const EndTransactionContext& context);
};

// Apache: CheckForbiddenHook. May refuse a send: what it throws ends the send, without a retry.
class ForbiddenHook {
 public:
  virtual ~ForbiddenHook() = default;
  virtual void check(const SendContext& context) = 0;
};

}  // namespace comet::inline v0_1
