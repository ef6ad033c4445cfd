// A message that is seen if a local transaction succeeds:   example-transaction [name server]
#include "comet/producer/transaction_producer.hpp"
#include "example_main.hpp"

using State = comet::TransactionState;
template <class T>
using task = boost::asio::awaitable<T>;

task<void> order_tea(boost::asio::any_io_executor executor, std::string name_server) {
  comet::ProducerConfig config("tea-house");
  config.name_servers(name_server);
  // A broker that has not heard asks how a transaction has ended.
  auto check = [](const comet::MessageExt& order) -> task<State> {
    co_return order.keys() == "paid" ? State::commit : State::unknown;
  };
  comet::TransactionProducer producer(executor, config, check);
  co_await producer.start();

  comet::Message order("tea-orders", "one pot of green tea");
  order.key("paid");
  auto pay = [](const comet::Message&) -> task<State> {
    co_return State::commit;  // the database has it; what is thrown here counts as unknown
  };
  comet::TransactionResult ended = co_await producer.send_in_transaction(order, pay);
  std::cout << ended.send << ' ' << to_string(ended.state) << '\n';

  comet::Message reminder("tea-reminders", "the tea is ready");
  reminder.deliver_after(std::chrono::milliseconds(1500));
  comet::SendResult stored = co_await producer.producer().send(reminder);
  std::cout << stored << '\n';
  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  return example::run(
      [&](auto executor) { return order_tea(executor, example::name_server(argc, argv)); });
}
