#pragma once

#include <memory>
#include <string>

#include "comet/base/awaitable.hpp"
#include "comet/message/message.hpp"
#include "comet/producer/producer.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/producer/transaction_state.hpp"

namespace comet::inline v0_1 {

// A half message that is stored, and that consumers see after commit() only; made by
// TransactionProducer::begin().
// Destroyed or replaced while it is open it tells the broker nothing, and logs its id: the broker
// asks the group's check how it ended. So an exception between a local commit and commit() loses
// nothing.
// Thread safety: one thread at a time, on any executor. It may outlive its producer, whose
// shutdown() it does not keep back, and its execution context (then only to be destroyed).
class Transaction {
 public:
  Transaction() noexcept = default;  // none: not open (completion handlers of Asio want it)
  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&&) noexcept = default;
  ~Transaction() = default;

  // Until a commit() or rollback() is awaited, or it is moved from; again when that has not got
  // away. The others need that it has not been moved from.
  [[nodiscard]] bool is_open() const noexcept;
  // The unique id of the message, under which the check will name it.
  [[nodiscard]] const std::string& message_id() const noexcept;
  // Of the half message.
  [[nodiscard]] const SendResult& send_result() const noexcept;
  [[nodiscard]] const Message& message() const noexcept;

  // Tells the broker, from when it is awaited. Returns what kept the request from getting away
  // (not_running after the producer's shutdown): the transaction is open then, so call it again, or
  // leave it to the broker, which will ask. None: the request is on its way, which does not mean
  // that the broker has it.
  // Errors (Error): illegal_message when it has been ended or moved before.
  // Cancellation (terminal): throws operation_aborted, and the broker is told all the same.
  [[nodiscard]] asio::awaitable<error_code> commit();
  [[nodiscard]] asio::awaitable<error_code> rollback();

  // For the producers themselves.
  struct State;
  explicit Transaction(std::shared_ptr<State> state) noexcept;

 private:
  [[nodiscard]] asio::awaitable<error_code> end(TransactionState state);

  std::shared_ptr<State> state_;
};

}  // namespace comet::inline v0_1
