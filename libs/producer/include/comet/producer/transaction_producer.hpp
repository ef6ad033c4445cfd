#pragma once
// Sends messages that consumers see if, and only if, a local transaction succeeds:
//
//   // Asked by a broker that has not heard how a transaction ended, perhaps after a restart.
//   auto check = [&](const comet::MessageExt& order) -> asio::awaitable<comet::TransactionState> {
//     co_return is_booked(order) ? comet::TransactionState::commit
//                                : comet::TransactionState::rollback;
//   };
//   comet::TransactionProducer producer(executor, config, check);
//   co_await producer.start();
//   comet::Transaction transaction = co_await producer.begin(order);
//   co_await book_in_the_database(order);  // what it throws leaves the decision to the check
//   co_await transaction.commit();
//
// The check runs on the producer's executor, its strand. With g++ 12 give such coroutines names, as
// here: a lambda with captures that is written into a co_await expression itself is destroyed twice
// (GCC 107288).

#include <functional>
#include <memory>

#include "comet/message/message.hpp"
#include "comet/producer/producer.hpp"
#include "comet/producer/transaction.hpp"
#include "comet/producer/transaction_result.hpp"
#include "comet/producer/transaction_state.hpp"

namespace comet::inline v0_1 {

// The local transaction. The message has its unique id, under which the check will name it; it
// stays where it is until the coroutine has ended.
using LocalTransaction = std::function<asio::awaitable<TransactionState>(const Message& message)>;
// How the transaction of this message has ended, as far as is known. Also called for messages of
// other members of the group. The message stays where it is until the coroutine has ended.
using TransactionCheck =
    std::function<asio::awaitable<TransactionState>(const MessageExt& message)>;

// A member of a producer group that sends transactional messages and answers the brokers' checks,
// for itself and for members that are gone. Thread safety and lifetime: as Producer.
class TransactionProducer {
 public:
  // As the constructors of Producer. Without a check the answer to every check is "unknown".
  TransactionProducer(asio::any_io_executor executor, ProducerConfig config,
                      TransactionCheck check);
  TransactionProducer(asio::any_io_executor executor, ProducerConfig config, TransactionCheck check,
                      Network& network, TimeSource& time);
  TransactionProducer(std::shared_ptr<client::ClientInstance> client, ProducerConfig config,
                      TransactionCheck check);
  ~TransactionProducer();
  TransactionProducer(const TransactionProducer&) = delete;
  TransactionProducer& operator=(const TransactionProducer&) = delete;

  // As Producer::start(); from now on checks are answered, some at the same time
  // (ProducerConfig::transaction_checks).
  [[nodiscard]] asio::awaitable<void> start();

  // Stores the message where no consumer sees it. The caller does its work and then ends the
  // transaction:
  //   comet::Transaction transaction = co_await producer.begin(order);
  //   co_await book_in_the_database(order);
  //   co_await transaction.commit();
  // A delay of the message is dropped, as RocketMQ's producers do it.
  // Errors: as Producer::send(); the response code of the weaker guarantee when the half message is
  // not stored as asked for: it has been rolled back then.
  // Cancellation: as Producer::send().
  [[nodiscard]] asio::awaitable<Transaction> begin(Message message);

  // Stores the message where no consumer sees it, runs `local`, and tells the broker what has come
  // of it. A delay of the message is dropped, as RocketMQ's producers do it.
  // The local transaction runs once, when the half message is stored as asked for. Unknown, which
  // is also what an exception counts as (see TransactionResult::problem), leaves the decision to
  // later checks.
  // Errors: as Producer::send(); the local transaction has not run then.
  // Cancellation (terminal): reaches the local transaction; the state is unknown if it ends by
  // that, and operation_aborted is thrown. A state that the local transaction has returned is told
  // to the broker all the same.
  [[nodiscard]] asio::awaitable<TransactionResult> send_in_transaction(Message message,
                                                                       LocalTransaction local);

  // Of the same group, for messages without a transaction. Started and shut down with this.
  [[nodiscard]] Producer& producer() noexcept;

  // As Producer::shutdown(), after the checks and the transactions in progress have ended; checks
  // that wait for their turn are left to other members of the group. Cancels nothing.
  [[nodiscard]] asio::awaitable<void> shutdown();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1
