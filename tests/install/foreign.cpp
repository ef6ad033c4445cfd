#include "foreign.hpp"
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
namespace foreign {
namespace {

asio::awaitable<void> serve(tcp::acceptor& acceptor) {
  tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
  char data[100];
  for (;;) {
    boost::system::error_code error;
    std::size_t n = co_await socket.async_read_some(
        asio::buffer(data), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::eof) co_return;
    if (error) throw boost::system::system_error(error);
    co_await asio::async_write(socket, asio::buffer(data, n), asio::use_awaitable);
  }
}
asio::awaitable<int> ask(tcp::endpoint peer) {
  auto executor = co_await asio::this_coro::executor;
  tcp::socket socket(executor);
  co_await socket.async_connect(peer, asio::use_awaitable);
  asio::steady_timer timer(executor);
  int sum = 0;
  for (int i = 0; i < 200; ++i) {
    char out[64] = "hello", in[64];
    co_await asio::async_write(socket, asio::buffer(out), asio::use_awaitable);
    co_await socket.async_wait(tcp::socket::wait_read, asio::use_awaitable);
    sum +=
        static_cast<int>(co_await asio::async_read(socket, asio::buffer(in), asio::use_awaitable));
    timer.expires_after(std::chrono::microseconds(10));
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return sum;
}
}  // namespace

int work() {
  asio::io_context context;
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  asio::co_spawn(context, serve(acceptor), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  int result = 0;
  asio::co_spawn(context, ask(acceptor.local_endpoint()), [&](std::exception_ptr e, int n) {
    if (e) std::rethrow_exception(e);
    result = n;
  });
  context.run();
  asio::thread_pool pool(2);
  std::atomic<int> count{0};
  auto strand = asio::make_strand(pool);
  for (int i = 0; i < 1000; ++i)
    asio::post(i % 2 ? asio::any_io_executor(strand) : asio::any_io_executor(pool.get_executor()),
               [&] { ++count; });
  pool.join();
  return result + count;
}

}  // namespace foreign
