#pragma once
// Transactions of a BlockingProducer.

#include <functional>
#include <memory>
#include <string>

#include "comet/base/error.hpp"
#include "comet/message/message.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/producer/transaction_result.hpp"
#include "comet/producer/transaction_state.hpp"

namespace comet::inline v0_1 {

// The local transaction, called once in the thread that sends. The message has its unique id, under
// which the check will name it. What it throws leaves the state unknown.
using BlockingLocalTransaction = std::function<TransactionState(const Message& message)>;
// How the transaction of this message has ended, as far as is known; also asked for messages of
// other members of the group. Called in a thread of the producer's for nothing else, one at a time:
// it may block, and may send with the producer, but not shut it down. What it throws counts as
// unknown: the broker asks again.
using BlockingTransactionCheck = std::function<TransactionState(const MessageExt& message)>;

// A half message that is stored, and that consumers see after commit() only; made by
// BlockingProducer::begin(). Promises what Transaction promises: destroyed or replaced while it is
// open it tells the broker nothing and logs its id, and the broker asks the group's check.
// Thread safety: one thread at a time. It may outlive its producer.
class BlockingTransaction {
 public:
  BlockingTransaction() noexcept;  // none: not open
  BlockingTransaction(BlockingTransaction&& other) noexcept;
  BlockingTransaction& operator=(BlockingTransaction&& other) noexcept;
  ~BlockingTransaction();

  // Until commit() or rollback() has got away, or it is moved from. The others need that it has not
  // been moved from.
  [[nodiscard]] bool is_open() const noexcept;
  // The unique id of the message, under which the check will name it.
  [[nodiscard]] const std::string& message_id() const noexcept;
  // Of the half message.
  [[nodiscard]] const SendResult& send_result() const noexcept;
  [[nodiscard]] const Message& message() const noexcept;

  // Tells the broker. Returns what kept the request from getting away (not_running after the
  // producer's shutdown): the transaction is open then, so call it again, or leave it to the
  // broker, which will ask. None: the request is on its way, which does not mean that the broker
  // has it. Throws Error(illegal_message) when it has been ended or moved before.
  error_code commit();
  error_code rollback();

  // For the producer itself.
  struct State;
  explicit BlockingTransaction(std::unique_ptr<State> state) noexcept;

 private:
  error_code end(TransactionState state);

  std::unique_ptr<State> state_;
};

}  // namespace comet::inline v0_1
