#pragma once
// A stored half message, from its storing until its broker has been told how it ended. All
// functions here belong on the producer's executor.

#include <atomic>
#include <memory>
#include <string>

#include "comet/base/async.hpp"
#include "comet/producer/transaction.hpp"
#include "producer_impl.hpp"

namespace comet::inline v0_1 {

struct Transaction::State {
  enum class Stage { open, ending, ended };

  State(std::shared_ptr<Producer::Impl> producer_in, Message message_in, SendResult sent_in);
  ~State();  // says that the end is left to the check, if it is

  const std::shared_ptr<Producer::Impl> producer;
  const Message message;
  const SendResult sent;
  // Changed on the producer's executor. "Ending" until the request is queued on a connection; back
  // to "open" when it does not come to that.
  std::atomic<Stage> stage = Stage::open;
  error_code end_error;  // of the last request
  Event end_tried;       // "ending" is over
};

using HalfMessage = Transaction::State;

// Stores it, as safely as `sent.status` says. Errors: as Producer::send().
[[nodiscard]] asio::awaitable<std::shared_ptr<HalfMessage>> store_half(
    std::shared_ptr<Producer::Impl> producer, Message message);

// Tells the broker, in the background, whatever becomes of the caller. Precondition: it is open.
void start_ending(const std::shared_ptr<HalfMessage>& half, TransactionState state,
                  std::string remark);
// Starts that and returns when it has come to an end: what kept the request from getting away, also
// not_running. Throws Error(illegal_message) when it is not open.
[[nodiscard]] asio::awaitable<error_code> end_half(std::shared_ptr<HalfMessage> half,
                                                   TransactionState state);

}  // namespace comet::inline v0_1
