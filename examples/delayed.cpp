// A message that consumers see later:   example-delayed [name server [topic]]

#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

asio::awaitable<void> send_for_later(asio::any_io_executor executor, std::string name_server,
                                     std::string topic) {
  comet::ProducerConfig config("delayed-example");
  config.name_servers(name_server);
  comet::Producer producer(executor, config);
  co_await producer.start();

  comet::Message reminder(topic, "tea is ready");
  reminder.delay_level(1);  // 1 to 18: 1 s, 5 s, 10 s, 30 s, 1 min ... 2 h
  comet::SendResult result = co_await producer.send(reminder);
  std::cout << result << '\n';

  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return send_for_later(executor, example::name_server(argc, argv),
                          example::topic(argc, argv, "reminders"));
  });
}
