// Several messages as one request, and many split by size:   example-batch [name server [topic]]

#include <vector>

#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

asio::awaitable<void> send_batches(asio::any_io_executor executor, std::string name_server,
                                   std::string topic) {
  comet::ProducerConfig config("batch-example");
  config.name_servers(name_server);
  comet::Producer producer(executor, config);
  co_await producer.start();

  std::vector<comet::Message> batch;  // one topic, no delays, at most 4 MiB together
  for (int i = 0; i < 3; ++i) batch.emplace_back(topic, "together " + std::to_string(i));
  comet::SendResult together = co_await producer.send_batch(batch);  // all of them or none
  std::cout << together << '\n';

  std::vector<comet::Message> many;
  for (int i = 0; i < 1000; ++i) many.emplace_back(topic, "one of many " + std::to_string(i));
  std::vector<comet::SendResult> results = co_await producer.send_in_batches(many, 32 * 1024);
  std::cout << many.size() << " messages in " << results.size() << " batches\n";

  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return send_batches(executor, example::name_server(argc, argv),
                        example::topic(argc, argv, "batches"));
  });
}
