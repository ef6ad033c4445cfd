// What the programs of docs/gcc12.md are about; tests/integration/docs_test.py compiles them behind
// this.
#include <boost/asio/awaitable.hpp>
#include <stdexcept>
#include <string>

#include "comet/producer/transaction_producer.hpp"

namespace asio = boost::asio;
using task = asio::awaitable<comet::TransactionState>;

struct Options {
  std::string name;
  int tries = 0;
};
struct Guest {
  int number;
  std::string name;
};
asio::awaitable<void> send(Options options);
asio::awaitable<std::string> name_of(int number);
asio::awaitable<comet::SendResult> send_now(comet::Message message);
asio::awaitable<comet::SendResult> send_later(comet::Message message);
asio::awaitable<void> book_in_the_database(const comet::Message& order);
asio::awaitable<bool> is_open();
comet::TransactionState paid(const std::string& id);
