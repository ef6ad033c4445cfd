#include "failover.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>
#include <cstdio>
#include <iostream>

#include "comet/base/async.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/base/timer.hpp"
#include "comet/client/client_instance.hpp"
#include "comet/producer/producer.hpp"

namespace comet::inline v0_1::bench {
namespace {

namespace po = boost::program_options;
using namespace std::chrono_literals;

constexpr Duration kPause = 250us;  // between looks at the route and between sends

void say(std::string_view what) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  fmt::print("at {:.3f} {}\n", std::chrono::duration<double, std::milli>(now).count(), what);
  std::fflush(stdout);
}

ProducerConfig producer_config(const FailoverOptions& options) {
  ProducerConfig config("comet-bench-failover");
  config.name_servers(options.name_servers).retries(options.retries);
  config.client().watch_routes = !options.no_watch;
  if (options.poll_millis > 0) {
    config.client().route_refresh_interval = std::chrono::milliseconds(options.poll_millis);
  }
  return config;
}

// A client of its own beside the producer's shows the route as it is.
asio::awaitable<void> show_route(client::ClientInstance& client, const std::string& topic,
                                 Instant until) {
  TimeSource& time = real_time();
  Timer timer(client.executor(), time);
  co_await client.find_publish_route(topic, time.now() + 3s);
  std::size_t shown = 0;
  while (time.now() < until) {
    const auto route = client.cached_publish_route(topic);
    const std::size_t brokers = route == nullptr ? 0 : route->data.brokers.size();
    if (brokers != shown) say(fmt::format("route has {} brokers", brokers));
    shown = brokers;
    co_await timer.wait_for(kPause);
  }
}

asio::awaitable<void> send_all(Producer& producer, const std::string& topic, Instant until) {
  TimeSource& time = real_time();
  auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, time);
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;
  while (time.now() < until) {
    Message message(topic, "failover");
    try {
      co_await producer.send(std::move(message));
      ++sent;
    } catch (const Error& error) {
      ++failed;
      say(fmt::format("send failed: {}", error.what()));
    }
    co_await timer.wait_for(kPause);
  }
  say(fmt::format("end: {} sent, {} unsuccessful", sent, failed));
}

asio::awaitable<void> run(const FailoverOptions& options) {
  auto executor = co_await asio::this_coro::executor;
  TcpNetwork network;
  const ProducerConfig config = producer_config(options);
  Producer producer(executor, config, network, real_time());
  client::ClientInstance client(executor, network, real_time(), config.client());
  co_await producer.start();
  co_await client.start();
  const Instant until = real_time().now() + std::chrono::seconds(options.seconds);
  TaskGroup tasks(executor, real_time());
  tasks.spawn("route", show_route(client, options.topic, until));
  tasks.spawn("sends", send_all(producer, options.topic, until));
  co_await tasks.join();
  co_await producer.shutdown();
  co_await client.stop();
}

}  // namespace

std::optional<FailoverOptions> parse_failover_options(int argc, char** argv) {
  FailoverOptions options;
  po::options_description description(
      "usage: comet-bench failover --topic TOPIC [options]\n"
      "Sends one message after the other and prints when its route changes and when a send fails.\n"
      "options");
  auto option = description.add_options();
  option("help,h", "show this text");
  option("namesrv,n", po::value(&options.name_servers)->default_value("127.0.0.1:9876"),
         "name servers, host:port[;host:port...]");
  option("topic,t", po::value(&options.topic), "topic to send to");
  option("seconds,s", program::number_option(60), "how long to send");
  option("retries", program::number_option(0), "further tries of a send");
  option("no-watch", po::bool_switch(&options.no_watch), "do not ask for route watches");
  option("poll-ms", program::number_option(30'000), "ms between polls of the route");
  const program::CommandLine given(argc, argv, description);
  if (given.has("help")) {
    std::cout << description;
    return std::nullopt;
  }
  if (options.topic.empty()) throw UsageError("--topic is missing");
  options.seconds = static_cast<int>(given.number("seconds", 1, 86'400));
  options.poll_millis = static_cast<int>(given.number("poll-ms", 1, 86'400'000));
  options.retries = static_cast<int>(given.number("retries", 0, 1000));
  return options;
}

void send_through_failover(const FailoverOptions& options) {
  asio::io_context context(1);
  std::exception_ptr problem;
  auto on_end = [&](std::exception_ptr error) {
    problem = error;
    if (error) context.stop();
  };
  asio::co_spawn(context, run(options), on_end);
  context.run();
  if (problem) std::rethrow_exception(problem);
}

}  // namespace comet::inline v0_1::bench
