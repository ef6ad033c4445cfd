// For programs without an event loop: calls that block.   example-blocking [name server]

#include <iostream>
#include <thread>
#include <vector>

#include "comet/producer/blocking_producer.hpp"
#include "example_main.hpp"

int main(int argc, char** argv) {
  comet::ProducerConfig config("blocking-example");
  try {
    config.name_servers(example::name_server(argc, argv));
    comet::BlockingProducer producer(config);
    std::cout << producer.send(comet::Message("blocking", "from main")) << '\n';

    std::vector<std::thread> threads;  // any number of threads may use it
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&producer, i] {
        try {
          producer.send(comet::Message("blocking", "from thread " + std::to_string(i)));
        } catch (const comet::Error& error) {
          std::cerr << error.what() << '\n';
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    producer.shutdown();
  } catch (const comet::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
