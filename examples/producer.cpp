// The shortest way to send a message:   example-producer [name server, default 127.0.0.1:9876]

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <iostream>
#include <string>

#include "comet/producer/producer.hpp"

namespace asio = boost::asio;

asio::awaitable<void> send_order(asio::any_io_executor executor, std::string name_server) {
  comet::ProducerConfig config("order-service");
  config.name_servers(name_server);
  comet::Producer producer(executor, config);
  co_await producer.start();

  comet::Message order("orders", R"({"id": 1, "item": "tea"})");
  order.tag("created").key("1");
  comet::SendResult result = co_await producer.send(order);  // returns when a broker has stored it
  std::cout << result << '\n';

  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  asio::io_context context;
  int exit_code = 0;
  auto on_end = [&exit_code](std::exception_ptr problem) {
    try {
      if (problem) std::rethrow_exception(problem);
    } catch (
        const std::exception& error) {  // a comet::Error says what was tried, where, and why not
      std::cerr << error.what() << '\n';
      exit_code = 1;
    }
  };
  asio::co_spawn(context, send_order(context.get_executor(), argc > 1 ? argv[1] : "127.0.0.1:9876"),
                 on_end);
  context.run();
  return exit_code;
}
