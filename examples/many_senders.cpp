// Many coroutines share one producer, whose bounds keep the memory small; their messages travel
// together (auto_batch):   example-many_senders [name server]

#include "comet/base/async.hpp"
#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

asio::awaitable<void> send_some(comet::Producer& producer, int sender, int& stored) {
  for (int i = 0; i < 100; ++i) {
    comet::Message message("many",
                           "sender " + std::to_string(sender) + " says " + std::to_string(i));
    comet::SendResult result = co_await producer.send(message);  // waits while too many are on
    if (result.status == comet::SendStatus::send_ok) ++stored;   // their way
  }
}

asio::awaitable<void> send_together(asio::any_io_executor executor, std::string name_server) {
  comet::ProducerConfig config("many-example");
  config.name_servers(name_server).max_in_flight(1000, 8 << 20).auto_batch(true);
  comet::Producer producer(executor, config);
  co_await producer.start();

  int stored = 0;
  comet::TaskGroup senders(executor, comet::real_time());
  for (int i = 0; i < 50; ++i) senders.spawn("sender", send_some(producer, i, stored));
  co_await senders.join();
  std::cout << stored << " messages stored\n";

  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return send_together(executor, example::name_server(argc, argv));
  });
}
