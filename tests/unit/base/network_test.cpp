#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/base/async.hpp"
#include "comet/base/memory_network.hpp"
#include "comet/base/tcp_network.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> write_text(Stream& stream, std::string text) {
  asio::const_buffer buffer(text.data(), text.size());
  IoResult result = co_await stream.write(std::span(&buffer, 1));
  BOOST_TEST(!result.error);
  BOOST_TEST(result.size == text.size());
}

asio::awaitable<std::string> read_all(Stream& stream, error_code& end) {
  std::string text;
  char chunk[1000];
  for (;;) {
    IoResult result = co_await stream.read_some(asio::buffer(chunk));
    end = result.error;
    if (result.error) co_return text;
    text.append(chunk, result.size);
  }
}

// Accepts one connection, echoes one read, closes.
asio::awaitable<void> echo_once(Listener& listener) {
  auto executor = co_await asio::this_coro::executor;
  std::unique_ptr<Stream> stream = co_await listener.accept(executor);
  char chunk[1000];
  IoResult result = co_await stream->read_some(asio::buffer(chunk));
  std::string text(chunk, result.size);
  co_await write_text(*stream, text);
}

asio::awaitable<std::string> say(Network& network, Address to, TimeSource& time, std::string text) {
  std::unique_ptr<Stream> stream = co_await network.connect(to, time.now() + 3s);
  co_await write_text(*stream, text);
  error_code end;
  std::string answer = co_await read_all(*stream, end);
  BOOST_TEST((end == asio::error::eof));
  co_return answer;
}

}  // namespace

BOOST_AUTO_TEST_CASE(memory_streams_carry_bytes_in_order_after_the_latency) {
  test::VirtualWorld world;
  world.network.set_latency(5ms);
  world.network.set_max_read(3);
  auto listener = world.network.listen(world.executor(), Address("server", 1));
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("echo", echo_once(*listener));
  Instant start = world.time.now();
  BOOST_TEST(world.run(say(world.network, Address("server", 1), world.time, "hello")) == "hel");
  BOOST_TEST((world.time.now() - start == Duration(20ms)));
}

BOOST_AUTO_TEST_CASE(memory_connects_are_refused_without_a_listener_or_on_a_host_that_is_down) {
  test::VirtualWorld world;
  auto attempt = [&](Address to) { return world.run(say(world.network, to, world.time, "x")); };
  BOOST_CHECK_EXCEPTION(attempt(Address("nobody", 1)), Error, [](const Error& error) {
    return error.code() == asio::error::connection_refused &&
           error.context() == "connect to nobody:1";
  });
  auto listener = world.network.listen(world.executor(), Address("server", 1));
  world.network.set_down("server", true);
  BOOST_CHECK_THROW(attempt(Address("server", 1)), Error);
}

BOOST_AUTO_TEST_CASE(a_cut_connection_is_reset_and_a_frozen_one_is_silent_until_it_thaws) {
  test::VirtualWorld world;
  auto listener = world.network.listen(world.executor(), Address("server", 1));
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("echo", echo_once(*listener));
  world.network.set_frozen("server", true);
  std::optional<std::string> answer;
  auto talk = [&]() -> asio::awaitable<void> {
    answer = co_await say(world.network, Address("server", 1), world.time, "hello");
  };
  tasks.spawn("talk", talk());
  world.pass(1h);
  BOOST_TEST(!answer.has_value());
  world.network.set_frozen("server", false);
  world.pass(1s);
  BOOST_TEST(answer.value() == "hello");

  auto open = [&]() -> asio::awaitable<error_code> {
    auto stream = co_await world.network.connect(Address("server", 1), world.time.now() + 1s);
    world.network.cut_connections("server");
    char byte = 0;
    IoResult result = co_await stream->read_some(asio::buffer(&byte, 1));
    co_return result.error;
  };
  BOOST_TEST((world.run(open()) == asio::error::connection_reset));
}

BOOST_AUTO_TEST_CASE(tcp_streams_carry_bytes_both_ways) {
  asio::io_context context;
  TcpNetwork network;
  auto listener = network.listen(context.get_executor(), Address("127.0.0.1", 0));
  TaskGroup tasks(context.get_executor(), real_time());
  tasks.spawn("echo", echo_once(*listener));
  std::string answer;
  auto talk = [&]() -> asio::awaitable<void> {
    answer =
        co_await say(network, Address("localhost", listener->local().port()), real_time(), "hello");
  };
  tasks.spawn("talk", talk());
  context.run_for(10s);
  BOOST_TEST(answer == "hello");
  BOOST_TEST(tasks.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_gather_write_of_many_large_pieces_arrives_whole) {
  asio::io_context context;
  TcpNetwork network;
  auto listener = network.listen(context.get_executor(), Address("127.0.0.1", 0));
  std::vector<std::string> pieces;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    pieces.emplace_back(static_cast<std::size_t>(i) * 157 % 40'000,
                        static_cast<char>('a' + i % 26));
    expected += pieces.back();
  }
  auto sender = [&]() -> asio::awaitable<void> {
    auto executor = co_await asio::this_coro::executor;
    auto stream = co_await listener->accept(executor);
    std::vector<asio::const_buffer> buffers;
    for (const auto& piece : pieces) buffers.emplace_back(piece.data(), piece.size());
    IoResult result = co_await stream->write(buffers);
    BOOST_TEST(!result.error);
    BOOST_TEST(result.size == expected.size());
  };
  std::string got;
  auto receiver = [&]() -> asio::awaitable<void> {
    auto stream = co_await network.connect(Address("127.0.0.1", listener->local().port()),
                                           real_time().now() + 3s);
    error_code end;
    got = co_await read_all(*stream, end);
  };
  TaskGroup tasks(context.get_executor(), real_time());
  tasks.spawn("sender", sender());
  tasks.spawn("receiver", receiver());
  context.run_for(20s);
  BOOST_TEST((got == expected));
}

BOOST_AUTO_TEST_CASE(listening_on_a_used_port_says_what_to_do) {
  asio::io_context context;
  TcpNetwork network;
  auto listener = network.listen(context.get_executor(), Address("127.0.0.1", 0));
  Address taken("127.0.0.1", listener->local().port());
  BOOST_CHECK_EXCEPTION((void)network.listen(context.get_executor(), taken), Error,
                        [&](const Error& error) {
                          return error.code() == asio::error::address_in_use &&
                                 error.context().find(taken.to_string()) != std::string::npos &&
                                 error.context().find("choose another port") != std::string::npos &&
                                 std::string(error.what()).find("/boost/") == std::string::npos;
                        });
}

BOOST_AUTO_TEST_CASE(connecting_to_a_closed_port_is_refused_and_names_the_address) {
  asio::io_context context;
  TcpNetwork network;
  std::uint16_t port =
      network.listen(context.get_executor(), Address("127.0.0.1", 0))->local().port();
  std::string text;
  auto attempt = [&]() -> asio::awaitable<void> {
    try {
      (void)co_await network.connect(Address("127.0.0.1", port), real_time().now() + 3s);
    } catch (const Error& error) {
      text = error.what();
    }
  };
  TaskGroup tasks(context.get_executor(), real_time());
  tasks.spawn("attempt", attempt());
  context.run_for(10s);
  BOOST_TEST(text.find("connect to 127.0.0.1:" + std::to_string(port)) != std::string::npos);
}
