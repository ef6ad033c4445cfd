// Transactions for programs without an event loop.   example-blocking_transaction [name server]

#include <iostream>
#include <mutex>
#include <set>
#include <string>

#include "comet/producer/blocking_producer.hpp"
#include "example_main.hpp"

using State = comet::TransactionState;

// What a shop keeps in its database.
class Book {
 public:
  void enter(const std::string& order) {
    const std::lock_guard lock(mutex_);
    entered_.insert(order);
  }
  // Asked by brokers that have not heard how a transaction has ended, in a thread of the
  // producer's.
  [[nodiscard]] State check(const comet::MessageExt& order) const {
    const std::lock_guard lock(mutex_);
    return entered_.contains(std::string(order.keys())) ? State::commit : State::unknown;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> entered_;
};

int main(int argc, char** argv) try {
  Book book;
  comet::ProducerConfig config("blocking-tea-house");
  config.name_servers(example::name_server(argc, argv));
  comet::BlockingProducer producer(
      config, [&book](const comet::MessageExt& order) { return book.check(order); });

  // Step by step: what is thrown before commit() leaves the decision to the check.
  comet::Message first("blocking-orders", "one pot of green tea");
  comet::BlockingTransaction transaction = producer.begin(first.key("order-1"));
  book.enter("order-1");
  if (const comet::error_code error = transaction.commit()) {
    std::cerr << "the broker will ask: " << error.message() << '\n';
  }

  // The same with a function, which runs in this thread.
  comet::Message second("blocking-orders", "one pot of black tea");
  const comet::TransactionResult ended =
      producer.send_in_transaction(second.key("order-2"), [&book](const comet::Message& order) {
        book.enter(std::string(order.keys()));
        return State::commit;
      });
  std::cout << ended.send << ' ' << to_string(ended.state) << '\n';

  comet::BlockingTransaction given_up =
      producer.begin(comet::Message("blocking-orders", "never brewed"));
  given_up.rollback();
  producer.shutdown();
} catch (const comet::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
