// TLS over TCP, client and server each with a thread of its own: what ThreadSanitizer watches.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "comet/base/tcp_network.hpp"
#include "tls_world.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

constexpr int kConnections = 20;

asio::awaitable<void> echo_until_the_end(std::unique_ptr<Stream> stream) {
  std::string chunk(8192, '\0');
  for (;;) {
    IoResult result = co_await stream->read_some(asio::buffer(chunk));
    if (result.error) co_return;
    const asio::const_buffer buffer(chunk.data(), result.size);
    result = co_await stream->write(std::span(&buffer, 1));
    if (result.error) co_return;
  }
}

// Each connection belongs to `executor`, which runs on another thread than the listener.
asio::awaitable<void> serve(Listener& listener, asio::any_io_executor executor) {
  for (int i = 0; i < kConnections; ++i) {
    std::unique_ptr<Stream> stream = co_await listener.accept(executor);
    asio::co_spawn(executor, echo_until_the_end(std::move(stream)), [](std::exception_ptr) {});
  }
}

asio::awaitable<void> talk(Network& network, Address to, int& right) {
  for (int i = 0; i < kConnections; ++i) {
    std::unique_ptr<Stream> stream = co_await network.connect(to, real_time().now() + 30s);
    const std::string text(static_cast<std::size_t>(i) * 997 + 1, 'x');
    const asio::const_buffer buffer(text.data(), text.size());
    IoResult result = co_await stream->write(std::span(&buffer, 1));
    std::string answer;
    std::string chunk(4096, '\0');
    while (!result.error && answer.size() < text.size()) {
      result = co_await stream->read_some(asio::buffer(chunk));
      answer.append(chunk.data(), result.size);
    }
    if (answer == text) ++right;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(tls_streams_work_on_several_threads_while_certificates_are_reloaded) {
  test::TlsFiles files;
  TcpNetwork tcp;
  TlsConfig settings;
  settings.server = files.server();
  settings.client = files.client();
  TlsNetwork network(tcp, settings);
  asio::io_context accepting{1}, serving{1}, talking{1};
  auto listener = network.listen(accepting.get_executor(), Address("127.0.0.1", 0));
  const Address at("127.0.0.1", listener->local().port());
  int right = 0;
  auto ignore = [](std::exception_ptr) {};
  asio::co_spawn(accepting, serve(*listener, serving.get_executor()), ignore);
  asio::co_spawn(talking, talk(network, at, right), ignore);
  auto keep_serving = asio::make_work_guard(serving);
  std::thread acceptor([&] { accepting.run_for(60s); });
  std::thread server([&] { serving.run_for(60s); });
  std::thread client([&] { talking.run_for(60s); });
  for (int i = 0; i < 20; ++i) network.reload();
  client.join();
  acceptor.join();
  keep_serving.reset();
  server.join();
  BOOST_TEST(right == kConnections);
}
