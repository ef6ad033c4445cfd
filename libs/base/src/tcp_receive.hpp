#pragma once
// Receiving from a TCP socket without the call that finds nothing.
//
// Asio's reactor is edge-triggered: before it waits for a socket it tries to receive once more, so
// every message of a peer that awaits its answer costs two calls, the second with EAGAIN. Linux
// (4.18) says with the data how much is left behind it (TCP_INQ, linux/tcp.h; 1 at the end of the
// stream). When nothing is, the next receive waits at once.
//
// What is not told is a reset (RST) that came along with the data and was part of the same event.
// It shows when something is sent; whoever reads on without that, while is_drained() is true, has
// to receive once more before he waits.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/detail/reactive_socket_recv_op.hpp>
#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/version.hpp>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace comet::inline v0_1 {

namespace asio = boost::asio;

class TcpReceive {
 public:
  // Whether the kernel tells what is left.
  void open(int descriptor) noexcept {
    const int on = 1;
    knows_rest_ = ::setsockopt(descriptor, IPPROTO_TCP, TCP_INQ, &on, sizeof(on)) == 0;
  }

  enum class Outcome { nothing_there, done };
  // Without waiting; `error` is 0 or an errno, and with neither error nor size it is the end.
  Outcome receive(int descriptor, asio::mutable_buffer into, int& error, std::size_t& size) {
    iovec piece{into.data(), into.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (knows_rest_) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
    }
    ssize_t result = 0;
    do {
      result = ::recvmsg(descriptor, &message, MSG_DONTWAIT);
    } while (result < 0 && errno == EINTR);
    is_drained_ = false;
    error = 0;
    size = 0;
    if (result < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome::nothing_there;
      error = errno;
      return Outcome::done;
    }
    size = static_cast<std::size_t>(result);
    if (result > 0) is_drained_ = rest_of(message) == 0;
    return Outcome::done;
  }

  // The last receive() took all that was there, and a reset that came with it has not shown.
  [[nodiscard]] bool is_drained() const noexcept { return is_drained_; }
  // It has, or will without further ado: something was or will be sent, or received once more.
  void reset_would_show() noexcept { is_drained_ = false; }

 private:
  // -1: not known.
  static int rest_of(msghdr& message) noexcept {
    const cmsghdr* const told = CMSG_FIRSTHDR(&message);
    if (told == nullptr || told->cmsg_level != IPPROTO_TCP || told->cmsg_type != TCP_CM_INQ) {
      return -1;
    }
    int rest = 0;
    std::memcpy(&rest, CMSG_DATA(told), sizeof(rest));
    return rest;
  }

  bool knows_rest_ = false;
  bool is_drained_ = false;
};

// What async_read_some() is given instead of a buffer.
class TcpReceiveBuffer : public asio::mutable_buffer {
 public:
  TcpReceiveBuffer(asio::mutable_buffer into, TcpReceive& receive) noexcept
      : asio::mutable_buffer(into), receive_(&receive) {}
  [[nodiscard]] TcpReceive& how() const noexcept { return *receive_; }

 private:
  TcpReceive* receive_;
};

}  // namespace comet::inline v0_1

// Where Asio is another one than this was made for, its own operation receives into the buffer.
#if BOOST_ASIO_VERSION == 102600 && defined(BOOST_ASIO_HAS_EPOLL)

namespace boost::asio::detail {

// As the general one, but for how it receives, and that it says when nothing is left.
template <>
class reactive_socket_recv_op_base<comet::TcpReceiveBuffer> : public reactor_op {
 public:
  reactive_socket_recv_op_base(const boost::system::error_code& success, socket_type socket,
                               socket_ops::state_type /*state*/,
                               const comet::TcpReceiveBuffer& buffer,
                               socket_base::message_flags /*flags*/, func_type on_end)
      : reactor_op(success, &reactive_socket_recv_op_base::do_perform, on_end),
        socket_(socket),
        buffer_(buffer) {}

  static status do_perform(reactor_op* base) {
    auto& self = *static_cast<reactive_socket_recv_op_base*>(base);
    comet::TcpReceive& how = self.buffer_.how();
    int error = 0;
    const auto outcome = how.receive(self.socket_, self.buffer_, error, self.bytes_transferred_);
    if (outcome == comet::TcpReceive::Outcome::nothing_there) return not_done;
    if (error != 0) {
      self.ec_.assign(error, boost::asio::error::get_system_category());
    } else if (self.bytes_transferred_ == 0) {
      self.ec_ = boost::asio::error::eof;
    } else {
      self.ec_ = boost::system::error_code();
    }
    return how.is_drained() || self.bytes_transferred_ == 0 ? done_and_exhausted : done;
  }

 private:
  socket_type socket_;
  comet::TcpReceiveBuffer buffer_;
};

}  // namespace boost::asio::detail

#endif
