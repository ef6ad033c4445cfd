#pragma once
// The network is injected: components open and accept byte streams through these interfaces, with
// TCP (tcp_network.hpp) and in-memory (memory_network.hpp) implementations.
// A stream, a listener and everything awaited on them belong to the executor they were made with.

#include <boost/asio/buffer.hpp>
#include <memory>
#include <span>

#include "comet/base/address.hpp"
#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1 {

class IoResult {
 public:
  IoResult() = default;
  IoResult(error_code error_in, std::size_t size_in) : error(error_in), size(size_in) {}
  error_code error;
  std::size_t size = 0;
};

// One read and one write may be in progress at the same time, not two of a kind.
class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte, or an error: asio::error::eof when the peer has closed in order.
  [[nodiscard]] virtual asio::awaitable<IoResult> read_some(asio::mutable_buffer into) = 0;
  // Something will be written whatever the next read brings: until then it need not find out on its
  // own whether the peer is still there.
  virtual void promise_write() noexcept {}
  // Writes all buffers (the caller keeps them and the span alive), with as few system calls as the
  // kernel allows. After an error or a cancellation the stream is only good for close().
  [[nodiscard]] virtual asio::awaitable<IoResult> write(
      std::span<const asio::const_buffer> from) = 0;
  // Writes what can be written at once without waiting and returns its size; 0 also when that is
  // impossible: an error shows with the next write(). Only when no write is in progress.
  [[nodiscard]] virtual std::size_t try_write(
      std::span<const asio::const_buffer> /*from*/) noexcept {
    return 0;
  }
  // Whether buffers may lie in FilePages: what is written is read by the kernel alone, which
  // answers EFAULT (boost::system::errc::bad_address) where a page is not to be had.
  [[nodiscard]] virtual bool sends_pages() const noexcept { return false; }
  // Ends operations in progress with operation_aborted. Idempotent.
  virtual void close() noexcept = 0;
  // Closes, giving the peer some last bytes if that is possible without waiting. Only when no write
  // is in progress.
  virtual void close_after(asio::const_buffer /*last_bytes*/) noexcept { close(); }
  [[nodiscard]] virtual IpEndpoint local() const noexcept = 0;
  [[nodiscard]] virtual IpEndpoint remote() const noexcept = 0;
  [[nodiscard]] virtual asio::any_io_executor executor() = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // The next connection, as a stream on `executor` (which may run on another thread than the
  // listener). Throws Error when the listener is closed; failures of single connections and
  // passing shortages (descriptors) are handled inside by a pause.
  [[nodiscard]] virtual asio::awaitable<std::unique_ptr<Stream>> accept(
      asio::any_io_executor executor) = 0;
  virtual void close() noexcept = 0;
  [[nodiscard]] virtual IpEndpoint local() const noexcept = 0;
};

// Thread-safe.
class Network {
 public:
  virtual ~Network() = default;
  // A connected stream on the calling coroutine's executor. Throws Error naming the address:
  // asio::error::timed_out at the deadline, else the system's reason.
  [[nodiscard]] virtual asio::awaitable<std::unique_ptr<Stream>> connect(const Address& to,
                                                                         Instant deadline) = 0;
  // Throws Error naming the address (a port in use, an address not of this machine, ...).
  [[nodiscard]] virtual std::unique_ptr<Listener> listen(asio::any_io_executor executor,
                                                         const Address& at) = 0;
};

}  // namespace comet::inline v0_1
