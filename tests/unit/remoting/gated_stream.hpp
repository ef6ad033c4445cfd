#pragma once
// A stream whose peer reads only while the test lets it.

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "remoting_world.hpp"

namespace comet::inline v0_1::remoting::test {

// Reads come from a script; writes stand still while the gate is shut.
class GatedStream final : public Stream {
 public:
  GatedStream(asio::any_io_executor executor, TimeSource& time)
      : executor_(executor), changed_(executor, time) {}

  asio::awaitable<IoResult> read_some(asio::mutable_buffer into) override {
    while (!closed_ && incoming.empty()) co_await changed_.wait();
    if (closed_) co_return IoResult(asio::error::operation_aborted, 0);
    ++reads;
    std::size_t size = std::min(incoming.size(), into.size());
    std::memcpy(into.data(), incoming.data(), size);
    incoming.erase(0, size);
    co_return IoResult(error_code(), size);
  }

  asio::awaitable<IoResult> write(std::span<const asio::const_buffer> from) override {
    ++writes;
    while (!closed_ && !open) co_await changed_.wait();
    if (closed_) co_return IoResult(asio::error::operation_aborted, 0);
    std::size_t size = 0;
    for (const auto& buffer : from) {
      const std::size_t part = std::min(buffer.size(), readable - written);
      outgoing.append(static_cast<const char*>(buffer.data()), part);
      size += part;
      written += part;
      if (part < buffer.size()) {
        co_return IoResult(make_error_code(boost::system::errc::bad_address), size);
      }
    }
    co_return IoResult(error_code(), size);
  }

  std::size_t try_write(std::span<const asio::const_buffer> from) noexcept override {
    if (!at_once || !open) return 0;
    ++writes;
    std::size_t size = 0;
    for (const auto& buffer : from) {
      outgoing.append(static_cast<const char*>(buffer.data()), buffer.size());
      size += buffer.size();
    }
    written += size;
    return size;
  }
  bool sends_pages() const noexcept override { return pages; }
  void close() noexcept override {
    closed_ = true;
    changed_.notify_all();
  }
  IpEndpoint local() const noexcept override { return {}; }
  IpEndpoint remote() const noexcept override { return {}; }
  asio::any_io_executor executor() override { return executor_; }

  void feed(std::string bytes) {
    incoming += bytes;
    changed_.notify_all();
  }
  void set_open(bool now_open) {
    open = now_open;
    changed_.notify_all();
  }

  std::string incoming, outgoing;
  bool open = false;
  bool at_once = false;                                            // try_write() takes everything
  bool pages = false;                                              // sends_pages()
  std::size_t readable = std::numeric_limits<std::size_t>::max();  // the kernel cannot read more
  std::size_t reads = 0, writes = 0, written = 0;

 private:
  asio::any_io_executor executor_;
  Event changed_;
  bool closed_ = false;
};

}  // namespace comet::inline v0_1::remoting::test
