#pragma once
// What became of a send: docs/sending.md tells how to go on from each case.

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/base/time.hpp"
#include "comet/producer/send_result.hpp"

namespace comet::inline v0_1 {

// One try of a send that did not end with a stored message, or not as safely as asked for.
class SendTry {
 public:
  SendTry() = default;
  std::string broker_name;
  std::string address;  // empty: none was known
  // The broker's response code (response_category), or what went wrong below it. None: stored, but
  // with a weaker guarantee than asked for (ProducerConfig::retry_when_not_store_ok).
  error_code error;
  std::string text;  // the error in words, with the broker's remark
  Duration elapsed{};
  // False: the broker has not stored the message by this try. True: it has, or nobody knows.
  bool may_be_stored = false;
};

// How a send ended: with a stored message, or with an error and all that is known about it. Cheap
// to move and to copy: copies share what they say.
class SendOutcome {
 public:
  SendOutcome() = default;  // of no send: ok, with an empty result

  [[nodiscard]] bool ok() const noexcept { return !error(); }
  // Of a stored message; throws SendError when there is none.
  [[nodiscard]] const SendResult& result() const&;
  [[nodiscard]] SendResult result() &&;

  // A ResponseCode when the last broker refused the message, else a ClientErrc with Apache's
  // number, or asio::error::operation_aborted.
  [[nodiscard]] const error_code& error() const noexcept;
  // The error in one sentence, with every try; empty when there is none.
  [[nodiscard]] const std::string& text() const noexcept;

  // The unique key (UNIQ_KEY) under which the message is to be found if it is stored; those of a
  // batch are separated by commas. Empty when the send was refused before it had one
  // (illegal_message, not_running).
  [[nodiscard]] const std::string& message_id() const noexcept;
  // False: no broker has stored the message. True: one has, or nobody knows: requests were on their
  // way without an answer that says what became of them.
  [[nodiscard]] bool may_be_stored() const noexcept;
  // All tries but the one that stored the message, in order.
  [[nodiscard]] const std::vector<SendTry>& tries() const noexcept;

  // For the producer itself.
  struct State;
  explicit SendOutcome(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  [[nodiscard]] const State& state() const noexcept { return *state_; }

 private:
  std::shared_ptr<State> state_;
};
static_assert(!std::is_aggregate_v<SendTry> && !std::is_aggregate_v<SendOutcome>);

}  // namespace comet::inline v0_1
