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
// Destroyed while it is open it tells the broker nothing, and logs its id: the broker asks the
// group's check how it ended. So an exception between a local commit and commit() loses nothing.
// Thread safety: one thread at a time, on any executor. It may outlive its producer, but not be
// ended after the producer's shutdown().
class Transaction {
 public:
  Transaction() noexcept;  // none: not open (completion handlers of Asio want it)
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  // Until commit() or rollback() is called, or it is moved from. The others need that it has not
  // been moved from.
  [[nodiscard]] bool is_open() const noexcept;
  // The unique id of the message, under which the check will name it.
  [[nodiscard]] const std::string& message_id() const noexcept;
  // Of the half message.
  [[nodiscard]] const SendResult& send_result() const noexcept;
  [[nodiscard]] const Message& message() const noexcept;

  // Tells the broker, once. Returns what kept the request from getting away: the broker will ask.
  // None: it is on its way, which does not mean that the broker has it.
  // Errors (Error): illegal_message when it has been ended before.
  // Cancellation: the broker is told all the same.
  asio::awaitable<error_code> commit();
  asio::awaitable<error_code> rollback();

 private:
  struct State;
  friend asio::awaitable<Transaction> begin_transaction(std::shared_ptr<Producer::Impl> producer,
                                                        Message message);
  explicit Transaction(std::unique_ptr<State> state) noexcept;
  [[nodiscard]] asio::awaitable<error_code> end(TransactionState state);

  std::unique_ptr<State> state_;
};

}  // namespace comet::inline v0_1
