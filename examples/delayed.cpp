// Messages that consumers see later, and one that they never see:
//   example-delayed [name server [topic]]

#include <chrono>

#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

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

  comet::Message alarm(topic, "the eggs are ready");
  alarm.deliver_after(1500ms);  // or deliver_at(time); needs a broker of 5.x, or CometMQ's
  result = co_await producer.send(alarm);
  std::cout << result << '\n';

  comet::Message mistake(topic, "this was a mistake");
  mistake.deliver_after(5min);
  result = co_await producer.send(mistake);
  try {
    const std::string id = co_await producer.recall(topic, result.recall_handle);
    std::cout << id << " is taken back\n";
  } catch (const comet::Error& error) {
    std::cout << error.what() << '\n';  // the broker's recallMessageEnable is false
  }

  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return send_for_later(executor, example::name_server(argc, argv),
                          example::topic(argc, argv, "reminders"));
  });
}
