// Messages of one customer are read in the order in which they were sent:
//   example-ordered [name server [topic]]

#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

asio::awaitable<void> send_in_order(asio::any_io_executor executor, std::string name_server,
                                    std::string topic) {
  comet::ProducerConfig config("ordered-example");
  config.name_servers(name_server);
  comet::Producer producer(executor, config);
  co_await producer.start();

  for (int step = 0; step < 5; ++step) {
    for (const char* customer : {"alice", "bob"}) {
      comet::Message message(topic, std::string(customer) + " step " + std::to_string(step));
      comet::SendOptions options;
      options.ordered_by(customer);  // the same queue for the same key
      comet::SendResult result = co_await producer.send(message, options);
      std::cout << customer << ' ' << step << ": queue " << result.queue.queue_id << " of "
                << result.queue.broker_name << " at " << result.queue_offset << '\n';
    }
  }

  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return send_in_order(executor, example::name_server(argc, argv),
                         example::topic(argc, argv, "steps"));
  });
}
