#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <iostream>
#include <vector>

#include "bench_echo.hpp"
#include "comet/base/awaitable.hpp"
#include "comet/base/bytes.hpp"

namespace comet::inline v0_1::benchmark_support {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
// The cheapest executor that Asio has.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
constexpr auto token = asio::as_tuple(asio::use_awaitable_t<Executor>());

std::size_t complete_frames(const char* bytes, std::size_t size) {
  std::size_t done = 0;
  while (size - done >= 4) {
    const std::size_t frame = 4 + load_be<std::uint32_t>(bytes + done);
    if (frame > size - done) break;
    done += frame;
  }
  return done;
}

asio::awaitable<void, Executor> session(Socket socket) {
  std::vector<char> buffer(64u << 10);
  std::size_t have = 0;
  for (;;) {
    auto [read_error, size] = co_await socket.async_read_some(
        asio::buffer(buffer.data() + have, buffer.size() - have), token);
    if (read_error) co_return;
    have += size;
    const std::size_t done = complete_frames(buffer.data(), have);
    if (done == 0) continue;
    auto [write_error, written] =
        co_await asio::async_write(socket, asio::buffer(buffer.data(), done), token);
    if (write_error) co_return;
    have -= done;
    if (have != 0) std::memmove(buffer.data(), buffer.data() + done, have);
  }
}

asio::awaitable<void, Executor> accept_all(asio::basic_socket_acceptor<tcp, Executor>& acceptor) {
  for (;;) {
    Socket socket(acceptor.get_executor());
    auto [error] = co_await acceptor.async_accept(socket, token);
    if (error) co_return;
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), session(std::move(socket)), asio::detached);
  }
}

}  // namespace

void serve_bare() {
  asio::io_context context(1);
  asio::basic_socket_acceptor<tcp, Executor> acceptor(
      context.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  asio::co_spawn(context.get_executor(), accept_all(acceptor), asio::detached);
  std::cout << "listening on " << acceptor.local_endpoint().port() << std::endl;
  context.run();
}

}  // namespace comet::inline v0_1::benchmark_support
