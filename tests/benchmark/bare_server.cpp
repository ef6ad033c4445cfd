#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <iostream>
#include <string>
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

struct Frames {
  std::size_t bytes = 0;
  std::size_t count = 0;
};

Frames complete_frames(const char* bytes, std::size_t size) {
  Frames done;
  while (size - done.bytes >= 4) {
    const std::size_t frame = 4 + load_be<std::uint32_t>(bytes + done.bytes);
    if (frame > size - done.bytes) break;
    done.bytes += frame;
    ++done.count;
  }
  return done;
}

// `answers` has as many of `answer` bytes as one read brings requests, or is empty: an echo.
asio::awaitable<void, Executor> session(Socket socket, const std::string& answers,
                                        std::size_t answer) {
  std::vector<char> buffer(64u << 10);
  std::size_t have = 0;
  for (;;) {
    auto [read_error, size] = co_await socket.async_read_some(
        asio::buffer(buffer.data() + have, buffer.size() - have), token);
    if (read_error) co_return;
    have += size;
    const Frames done = complete_frames(buffer.data(), have);
    if (done.count == 0) continue;
    const auto out = answers.empty() ? asio::const_buffer(buffer.data(), done.bytes)
                                     : asio::buffer(answers.data(), done.count * answer);
    auto [write_error, written] = co_await asio::async_write(socket, out, token);
    if (write_error) co_return;
    have -= done.bytes;
    if (have != 0) std::memmove(buffer.data(), buffer.data() + done.bytes, have);
  }
}

asio::awaitable<void, Executor> accept_all(asio::basic_socket_acceptor<tcp, Executor>& acceptor,
                                           const std::string& answers, std::size_t answer) {
  for (;;) {
    Socket socket(acceptor.get_executor());
    auto [error] = co_await acceptor.async_accept(socket, token);
    if (error) co_return;
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), session(std::move(socket), answers, answer),
                   asio::detached);
  }
}

std::string frames_of(std::size_t size, std::size_t count) {
  std::string frame(size, ' ');
  store_be<std::uint32_t>(frame.data(), static_cast<std::uint32_t>(size - 4));
  std::string frames;
  for (std::size_t i = 0; i < count; ++i) frames += frame;
  return frames;
}

}  // namespace

void serve_bare(std::size_t answer) {
  constexpr std::size_t most = 512;  // requests of 128 bytes and more in a buffer
  const std::string answers = answer == 0 ? std::string() : frames_of(answer, most);
  asio::io_context context(1);
  asio::basic_socket_acceptor<tcp, Executor> acceptor(
      context.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  asio::co_spawn(context.get_executor(), accept_all(acceptor, answers, answer), asio::detached);
  std::cout << "listening on " << acceptor.local_endpoint().port() << std::endl;
  context.run();
}

}  // namespace comet::inline v0_1::benchmark_support
