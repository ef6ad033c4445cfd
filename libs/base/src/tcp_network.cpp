#include "comet/base/tcp_network.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "comet/base/async.hpp"
#include "comet/base/log.hpp"
#include "comet/base/timer.hpp"
#include "tcp_receive.hpp"

namespace comet::inline v0_1 {
namespace {

using tcp = asio::ip::tcp;
constexpr auto as_tuple_awaitable = asio::as_tuple(asio::use_awaitable);

// Who listens on :: meets IPv4 peers under addresses that IPv6 has for them.
IpEndpoint to_endpoint(const tcp::endpoint& from) {
  const asio::ip::address& ip = from.address();
  if (ip.is_v4()) return IpEndpoint::v4(ip.to_v4().to_bytes(), from.port());
  if (ip.to_v6().is_v4_mapped()) {
    const auto four = asio::ip::make_address_v4(asio::ip::v4_mapped, ip.to_v6());
    return IpEndpoint::v4(four.to_bytes(), from.port());
  }
  return IpEndpoint::v6(ip.to_v6().to_bytes(), from.port());
}

// One sendmsg for up to 256 buffers, where Asio's own gather write would split at 16. Its array of
// pieces stays out of the coroutine's frame, which must remain small enough to be recycled.
class GatherWrite {
 public:
  explicit GatherWrite(std::span<const asio::const_buffer> from) : from_(from) { skip_empty(); }

  [[nodiscard]] bool done() const noexcept { return index_ == from_.size(); }
  [[nodiscard]] std::size_t sent() const noexcept { return sent_; }

  // Sends as much as the kernel takes at once; 0 or an errno.
  int send_on(int descriptor) noexcept {
    std::array<iovec, 256> pieces;  // NOLINT: filled below
    std::size_t count = 0;
    for (std::size_t i = index_; i < from_.size() && count < pieces.size(); ++i, ++count) {
      std::size_t skip = i == index_ ? offset_ : 0;
      const char* data = static_cast<const char*>(from_[i].data()) + skip;
      pieces[count].iov_base = const_cast<char*>(data);  // NOLINT: sendmsg does not write
      pieces[count].iov_len = from_[i].size() - skip;
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    ssize_t result = 0;
    do {
      result = ::sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return errno;
    sent_ += static_cast<std::size_t>(result);
    offset_ += static_cast<std::size_t>(result);
    while (index_ < from_.size() && offset_ >= from_[index_].size())
      offset_ -= from_[index_++].size();
    return 0;
  }

 private:
  void skip_empty() noexcept {
    while (index_ < from_.size() && from_[index_].size() == 0) ++index_;
  }

  std::span<const asio::const_buffer> from_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
  std::size_t sent_ = 0;
};

class TcpStream final : public Stream {
 public:
  explicit TcpStream(tcp::socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.native_non_blocking(true, ignored);
    receive_.open(socket_.native_handle());
    tcp::endpoint local = socket_.local_endpoint(ignored);
    tcp::endpoint remote = socket_.remote_endpoint(ignored);
    local_ = to_endpoint(local);
    remote_ = to_endpoint(remote);
  }

  asio::awaitable<IoResult> read_some(asio::mutable_buffer into) override {
    if (receive_.is_drained() && socket_.is_open()) {
      // Nothing has been sent since: nobody else would find a reset.
      int error_number = 0;
      std::size_t size = 0;
      const auto outcome = receive_.receive(socket_.native_handle(), into, error_number, size);
      receive_.reset_would_show();
      if (outcome == TcpReceive::Outcome::done) {
        if (error_number == 0 && size == 0) co_return IoResult(asio::error::eof, 0);
        co_return IoResult(error_code(error_number, boost::system::system_category()), size);
      }
    }
    const TcpReceiveBuffer buffer(into, receive_);
    auto [error, size] = co_await socket_.async_read_some(buffer, as_tuple_awaitable);
    co_return IoResult(error, size);
  }

  void promise_write() noexcept override { receive_.reset_would_show(); }

  asio::awaitable<IoResult> write(std::span<const asio::const_buffer> from) override {
    GatherWrite progress(from);
    while (!progress.done()) {
      int error_number = progress.send_on(socket_.native_handle());
      if (error_number == 0) receive_.reset_would_show();
      if (error_number == EAGAIN || error_number == EWOULDBLOCK) {
        auto [error] = co_await socket_.async_wait(tcp::socket::wait_write, as_tuple_awaitable);
        if (error) co_return IoResult(error, progress.sent());
      } else if (error_number != 0) {
        co_return IoResult(error_code(error_number, boost::system::system_category()),
                           progress.sent());
      }
    }
    co_return IoResult(error_code(), progress.sent());
  }

  std::size_t try_write(std::span<const asio::const_buffer> from) noexcept override {
    GatherWrite progress(from);
    if (!socket_.is_open() || progress.done()) return 0;
    if (progress.send_on(socket_.native_handle()) == 0) receive_.reset_would_show();
    return progress.sent();
  }

  bool sends_pages() const noexcept override { return true; }

  void close() noexcept override {
    error_code ignored;
    socket_.close(ignored);
  }
  void close_after(asio::const_buffer last_bytes) noexcept override {
    if (socket_.is_open()) {
      (void)::send(socket_.native_handle(), last_bytes.data(), last_bytes.size(),
                   MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    close();
  }
  IpEndpoint local() const noexcept override { return local_; }
  IpEndpoint remote() const noexcept override { return remote_; }
  asio::any_io_executor executor() override { return socket_.get_executor(); }

 private:
  tcp::socket socket_;
  TcpReceive receive_;
  IpEndpoint local_, remote_;
};

class TcpListener final : public Listener {
 public:
  TcpListener(asio::any_io_executor executor, const tcp::endpoint& at, TimeSource& time)
      : acceptor_(executor), pause_(executor, time) {
    acceptor_.open(at.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(at);
    acceptor_.listen(1024);
    local_ = to_endpoint(acceptor_.local_endpoint());
  }

  asio::awaitable<std::unique_ptr<Stream>> accept(asio::any_io_executor executor) override {
    for (;;) {
      tcp::socket socket(executor);
      auto [error] = co_await acceptor_.async_accept(socket, as_tuple_awaitable);
      if (!error) co_return std::make_unique<TcpStream>(std::move(socket));
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) {
        throw Error(asio::error::operation_aborted, fmt::format("listener {}", local_.to_string()));
      }
      if (error == asio::error::connection_aborted) continue;
      // Out of descriptors or memory: connections that end will make room.
      log::warn("accepting on {} pauses 100 ms: {}", local_.to_string(), error.message());
      co_await pause_.wait_for(std::chrono::milliseconds(100));
    }
  }

  void close() noexcept override {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }
  IpEndpoint local() const noexcept override { return local_; }

 private:
  tcp::acceptor acceptor_;
  Timer pause_;
  IpEndpoint local_;
};

// Tries the resolved addresses in order; leaves the socket connected or `error` set.
asio::awaitable<void> connect_any(Address to, tcp::socket& socket, error_code& error) {
  tcp::resolver::results_type candidates;
  error_code not_numeric;
  asio::ip::address numeric = asio::ip::make_address(to.host(), not_numeric);
  if (!not_numeric) {
    candidates =
        tcp::resolver::results_type::create(tcp::endpoint(numeric, to.port()), to.host(), "");
  } else {
    tcp::resolver resolver(socket.get_executor());
    auto [resolve_error, found] = co_await resolver.async_resolve(
        to.host(), std::to_string(to.port()), tcp::resolver::numeric_service, as_tuple_awaitable);
    error = resolve_error;
    if (error) co_return;
    candidates = found;
  }
  error = asio::error::host_not_found;
  for (const auto& candidate : candidates) {
    error_code ignored;
    socket.close(ignored);
    auto [connect_error] = co_await socket.async_connect(candidate.endpoint(), as_tuple_awaitable);
    error = connect_error;
    if (!error) co_return;
  }
}

}  // namespace

asio::awaitable<std::unique_ptr<Stream>> TcpNetwork::connect(const Address& to, Instant deadline) {
  const Address address = to;
  auto executor = co_await asio::this_coro::executor;
  tcp::socket socket(executor);
  error_code error = asio::error::operation_aborted;
  co_await with_deadline(connect_any(address, socket, error), deadline, time_,
                         fmt::format("connect to {}", address.to_string()));
  if (error) throw Error(error, fmt::format("connect to {}", address.to_string()));
  co_return std::make_unique<TcpStream>(std::move(socket));
}

std::unique_ptr<Listener> TcpNetwork::listen(asio::any_io_executor executor, const Address& at) {
  error_code error;
  asio::ip::address ip = at.host() == "localhost" ? asio::ip::address_v4::loopback()
                                                  : asio::ip::make_address(at.host(), error);
  const std::string what = fmt::format("listen on {}", at.to_string());
  if (error) throw Error(error, what + " (a numeric IP address is needed)");
  try {
    return std::make_unique<TcpListener>(executor, tcp::endpoint(ip, at.port()), time_);
  } catch (const boost::system::system_error& problem) {
    if (problem.code() == asio::error::address_in_use) {
      throw Error(problem.code(),
                  what + " (another process listens there: stop it or choose another port)");
    }
    throw Error(problem.code(), what);
  }
}

}  // namespace comet::inline v0_1
