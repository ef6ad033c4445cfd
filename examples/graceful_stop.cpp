// Sends until SIGTERM or SIGINT, and then ends without losing what is on its way:
//   example-graceful_stop [name server]

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "comet/base/async.hpp"
#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

class Counts {
 public:
  Counts() = default;
  int stored = 0;
  int failed = 0;
};

asio::awaitable<void> send_until(comet::Producer& producer, const bool& stopping, Counts& counts) {
  while (!stopping) {
    comet::Message message("endless", "number " + std::to_string(counts.stored));
    try {
      comet::SendResult result = co_await producer.send(message);
      if (counts.stored++ == 0) std::cout << "first: " << result << std::endl;
    } catch (const comet::Error& error) {
      ++counts.failed;
      std::cerr << error.what() << '\n';
    }
  }
}

asio::awaitable<void> send_and_stop(asio::any_io_executor executor, std::string name_server) {
  comet::ProducerConfig config("endless-example");
  config.name_servers(name_server);
  comet::Producer producer(executor, config);
  co_await producer.start();

  bool stopping = false;
  Counts counts;
  comet::TaskGroup senders(executor, comet::real_time());
  for (int i = 0; i < 4; ++i) senders.spawn("sender", send_until(producer, stopping, counts));

  asio::signal_set signals(executor, SIGINT, SIGTERM);
  co_await signals.async_wait(asio::use_awaitable);
  stopping = true;               // no sender begins another send
  co_await producer.shutdown();  // waits for those in progress, each of which has its deadline
  co_await senders.join();
  std::cout << "stored " << counts.stored << ", failed " << counts.failed << std::endl;
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return send_and_stop(executor, example::name_server(argc, argv));
  });
}
