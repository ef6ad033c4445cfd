// A send that is not lost and not doubled: when nobody knows whether the message was stored, the
// brokers are asked for its unique key.
//   example-reconcile [name server]

#include <iostream>
#include <optional>

#include "comet/admin/admin.hpp"
#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

// Whether the message is in the topic. Brokers index a message shortly after they have stored it.
asio::awaitable<bool> is_stored(comet::admin::Admin& admin, std::string topic, std::string id) {
  auto found = co_await admin.messages_by_unique_key(std::move(topic), std::move(id));
  co_return !found.empty();
}

asio::awaitable<void> pay(comet::Producer& producer, comet::admin::Admin& admin) {
  for (int attempt = 1; attempt <= 3; ++attempt) {
    comet::Message message("payments", "order 17: 42 EUR");
    std::optional<comet::SendError> failure;
    try {
      comet::SendResult result = co_await producer.send(std::move(message));
      std::cout << "stored as " << result.message_id << '\n';
      co_return;
    } catch (const comet::SendError& error) {
      failure = error;  // nothing can be awaited in here
    }
    std::cerr << failure->what() << '\n';
    if (!failure->may_be_stored()) continue;  // certain: send it again
    if (co_await is_stored(admin, "payments", failure->message_id())) {
      std::cout << "stored after all as " << failure->message_id() << '\n';
      co_return;
    }
  }
  throw std::runtime_error("order 17 is not paid");
}

asio::awaitable<void> pay_once(asio::any_io_executor executor, std::string name_server) {
  comet::ProducerConfig config("reconcile-example");
  config.name_servers(name_server);
  comet::Producer producer(executor, config);
  co_await producer.start();
  comet::admin::AdminConfig admin_config;
  admin_config.name_servers(name_server);
  comet::admin::Admin admin(executor, admin_config);
  co_await pay(producer, admin);
  co_await admin.stop();
  co_await producer.shutdown();
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return pay_once(executor, example::name_server(argc, argv));
  });
}
