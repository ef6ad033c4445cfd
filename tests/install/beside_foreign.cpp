// Producers in a program whose other library has ordinary Asio; and four threads in run().
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <comet/base/log_sink.hpp>
#include <comet/producer/producer.hpp>
#include <future>
#include <iostream>
#include <thread>
#include <vector>

#include "foreign.hpp"

namespace asio = boost::asio;

namespace {

asio::awaitable<int> send_some(std::string name_servers, int count) {
  auto executor = co_await asio::this_coro::executor;
  comet::Producer producer(executor,
                           comet::ProducerConfig("order-service").name_servers(name_servers));
  co_await producer.start();
  asio::steady_timer timer(executor);
  for (int i = 0; i < count; ++i) {
    comet::Message order("orders", "tea");
    order.tag("created").key("1");
    co_await producer.send(order);
    timer.expires_after(std::chrono::microseconds(50));
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_await producer.shutdown();
  co_return count;
}

int run(const std::string& name_servers, int thread_count) {
  constexpr int kProducers = 3;
  asio::io_context context;
  std::vector<std::future<int>> sent;
  for (int i = 0; i < kProducers; ++i) {
    sent.push_back(asio::co_spawn(context, send_some(name_servers, 100), asio::use_future));
  }
  std::vector<std::jthread> threads;
  for (int i = 1; i < thread_count; ++i) threads.emplace_back([&] { context.run(); });
  context.run();
  threads.clear();
  int all = 0;
  for (auto& one : sent) all += one.get();
  return all;
}

}  // namespace

// beside_foreign NAME_SERVERS THREADS
int main(int, char** argv) try {
  int lines = 0;
  comet::log::set_sink([&](comet::log::Level, std::string_view) { ++lines; });
  const int before = foreign::work();
  const int sent = run(argv[1], std::stoi(argv[2]));
  const int after = foreign::work();
  std::cout << "foreign " << before << ' ' << after << ", sent " << sent << '\n';
  return before == foreign::kWork && after == foreign::kWork ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
