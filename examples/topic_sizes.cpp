// Lists the topics of a cluster with the number of messages that each has:
//   example-topic_sizes [name server, default 127.0.0.1:9876]

#include <iostream>

#include "comet/admin/admin.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

asio::awaitable<void> list_topics(asio::any_io_executor executor, std::string name_servers) {
  comet::admin::AdminConfig config;
  config.name_servers(name_servers);
  comet::admin::Admin admin(executor, config);
  for (const std::string& topic : co_await admin.topics()) {
    std::int64_t messages = 0;
    for (const comet::admin::QueuePlace& place : co_await admin.readable_queues(topic)) {
      messages += co_await admin.max_offset(place);
      messages -= co_await admin.min_offset(place);
    }
    std::cout << topic << ": " << messages << " messages\n";
  }
  co_await admin.stop();
}

int main(int argc, char** argv) {
  return example::run([&](asio::any_io_executor executor) {
    return list_topics(executor, example::name_server(argc, argv));
  });
}
