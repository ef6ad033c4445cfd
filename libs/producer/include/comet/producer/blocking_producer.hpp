#pragma once
// A producer for programs without an event loop: plain functions that block.

#include <memory>
#include <string>
#include <vector>

#include "comet/message/message.hpp"
#include "comet/producer/blocking_transaction.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/producer_stats.hpp"
#include "comet/producer/send_error.hpp"
#include "comet/producer/send_options.hpp"
#include "comet/producer/send_outcome.hpp"
#include "comet/producer/send_result.hpp"

namespace comet::inline v0_1 {

//   comet::ProducerConfig config("order-service");
//   config.name_servers("ns1:9876");
//   comet::BlockingProducer producer(config);
//   comet::SendResult result = producer.send(comet::Message("orders", "the body"));
//
// Thread-safe: any number of threads may send at the same time; their requests share connections.
// Has one thread of its own, in which the hooks and callbacks of the configuration and the
// selectors of SendOptions are called. What is called there cannot wait for this producer: it gets
// Error(illegal_call) at once, and so does shutdown() in a transaction's check or local
// transaction. A forked child must make a producer of its own.
class BlockingProducer {
 public:
  // Starts the producer. Throws as Producer's constructor and start() do.
  explicit BlockingProducer(ProducerConfig config);
  // For transactions as well; see TransactionProducer. Brokers that have not heard how one ended
  // ask `check`; an empty one answers "unknown".
  BlockingProducer(ProducerConfig config, BlockingTransactionCheck check);
  // As shutdown().
  ~BlockingProducer();
  BlockingProducer(const BlockingProducer&) = delete;
  BlockingProducer& operator=(const BlockingProducer&) = delete;

  // Each blocks until its end and throws what the function of the same name of Producer throws; one
  // that sends throws SendError also after shutdown().
  SendResult send(Message message);
  SendResult send(Message message, SendOptions options);
  SendResult send_batch(std::vector<Message> batch);
  SendResult send_batch(std::vector<Message> batch, SendOptions options);
  // How the send ended, without an exception, also where it was refused.
  SendOutcome try_send(Message message);
  SendOutcome try_send(Message message, SendOptions options);
  std::vector<SendResult> send_in_batches(std::vector<Message> messages,
                                          std::size_t max_bytes = 1u << 20);
  std::string send_oneway(Message message);
  std::string send_oneway(Message message, SendOptions options);
  MessageExt request(Message message, Duration timeout);
  MessageExt request(Message message, Duration timeout, SendOptions options);
  std::string recall(std::string topic, std::string handle);
  [[nodiscard]] std::vector<MessageQueue> publish_queues(std::string topic);
  // As Producer::stats(); does not wait.
  [[nodiscard]] ProducerStats stats() const noexcept;

  // Stores the message where no consumer sees it. The caller does its work and then ends the
  // transaction:
  //   comet::BlockingTransaction transaction = producer.begin(order);
  //   book_in_the_database(order);  // what it throws leaves the decision to the check
  //   transaction.commit();
  // Errors: as TransactionProducer::begin(); illegal_config without a check in the constructor.
  [[nodiscard]] BlockingTransaction begin(Message message);
  // Stores the message where no consumer sees it, runs `local` in this thread, and tells the broker
  // what has come of it; see TransactionProducer::send_in_transaction().
  // Errors: as there; illegal_config without a check in the constructor. What `local` throws is in
  // the result.
  TransactionResult send_in_transaction(Message message, BlockingLocalTransaction local);

  // Refuses new sends, waits for those in progress and ends the thread. Idempotent. Sends of other
  // threads must have returned or be refused before the object is destroyed.
  void shutdown();

 private:
  friend class BlockingTransaction;
  struct Impl;
  void start();
  static void end(Impl& impl) noexcept;

  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1
