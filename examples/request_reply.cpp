// A request and its reply:   example-request_reply [name server [topic]]
//
// Both sides in one program. Who replies reads the topic's queues until the request is there.

#include <algorithm>
#include <optional>

#include "comet/base/timer.hpp"
#include "comet/client/client_instance.hpp"
#include "comet/client/queue_reader.hpp"
#include "comet/producer/producer.hpp"
#include "comet/producer/request_reply.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;

// The first message that comes to one of the queues.
asio::awaitable<comet::MessageExt> next_message(std::vector<comet::client::QueueReader>& readers) {
  for (;;) {
    for (comet::client::QueueReader& reader : readers) {
      auto messages = co_await reader.read(1, 100ms);
      if (!messages.empty()) co_return std::move(messages.front());
    }
  }
}

// Makes the topic; the name server hears of it a moment later.
asio::awaitable<void> make_topic(comet::Producer& producer, std::string topic) {
  comet::Message first(topic, "makes the topic");
  co_await producer.send(first);
  comet::Timer timer(producer.client()->executor(), producer.client()->time());
  for (int tries = 0; tries < 100; ++tries) {
    try {
      auto deadline = producer.client()->time().now() + 3s;
      co_await producer.client()->refresh_route(topic, deadline);
      co_return;
    } catch (const comet::Error&) {
      // not yet
    }
    co_await timer.wait_for(50ms);
  }
}

// Each at the end of its queue.
asio::awaitable<std::vector<comet::client::QueueReader>> open_queues(comet::Producer& producer,
                                                                     std::string topic) {
  std::vector<comet::client::QueueReader> readers;
  auto queues = co_await comet::client::readable_queues(producer.client(), topic);
  for (const comet::MessageQueue& queue : queues) {
    readers.emplace_back(producer.client(), queue);
    readers.back().seek(co_await readers.back().max_offset());
  }
  co_return readers;
}

asio::awaitable<void> answer_one(comet::Producer& producer,
                                 std::vector<comet::client::QueueReader> readers) {
  comet::MessageExt request = co_await next_message(readers);
  std::string text = request.body();
  std::reverse(text.begin(), text.end());
  comet::Message reply = comet::make_reply(request, text);
  co_await producer.send(reply);
}

asio::awaitable<void> ask(asio::any_io_executor executor, std::string name_server,
                          std::string topic) {
  comet::ProducerConfig config("request-example");
  config.name_servers(name_server);
  comet::Producer producer(executor, config);
  co_await producer.start();
  co_await make_topic(producer, topic);

  auto report = [](std::exception_ptr problem) {
    if (problem) std::cerr << "the reply failed\n";
  };
  auto readers = co_await open_queues(producer, topic);
  asio::co_spawn(executor, answer_one(producer, std::move(readers)), report);
  comet::Message question(topic, "stressed");
  comet::MessageExt reply = co_await producer.request(question, 10s);
  std::cout << question.body() << " -> " << reply.body() << '\n';

  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return ask(executor, example::name_server(argc, argv), example::topic(argc, argv, "words"));
  });
}
