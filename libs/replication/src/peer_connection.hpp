#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "comet/base/async.hpp"
#include "comet/base/body.hpp"
#include "comet/base/stream.hpp"
#include "comet/replication/status.hpp"

namespace comet::inline v0_1::replication {

// Why a connection has ended.
class Ending {
 public:
  Ending() = default;
  Ending(PeerState state_in, std::string text_in) : state(state_in), text(std::move(text_in)) {}
  PeerState state = PeerState::connecting;
  std::string text;  // a sentence for the log
};

// One connection of either side: what has arrived, the clock of its silence, and the one reason why
// it ends. One coroutine reads, one writes. Belongs to its executor.
class PeerConnection {
 public:
  // `chunk`: bytes that a read may bring.
  PeerConnection(std::unique_ptr<Stream> stream, TimeSource& time, std::size_t chunk);

  // Waits for more bytes. False: the connection has ended; ending() says why.
  [[nodiscard]] asio::awaitable<bool> fill();
  [[nodiscard]] std::string_view received() const noexcept;
  // Views of received() stay valid until fill().
  void consume(std::size_t size) noexcept { begin_ += size; }

  [[nodiscard]] asio::awaitable<bool> send(std::span<const asio::const_buffer> buffers);
  [[nodiscard]] asio::awaitable<bool> send(std::string bytes);
  // `head` and then `body`, pages where the stream takes them.
  [[nodiscard]] asio::awaitable<bool> send(std::string_view head, const Body& body);

  // The first reason counts.
  void end(PeerState state, std::string text);
  [[nodiscard]] bool ended() const noexcept { return has_ended_; }
  [[nodiscard]] const Ending& ending() const noexcept { return ending_; }
  // It has ended because the peer said nothing.
  [[nodiscard]] bool was_silent() const noexcept { return was_silent_; }

  // How long the peer may say nothing, from its last byte on.
  void set_patience(Duration patience);
  // Ends the connection when it has been silent for longer. Runs until it is cancelled.
  [[nodiscard]] static asio::awaitable<void> run_clock(std::shared_ptr<PeerConnection> self);

  [[nodiscard]] std::string remote() const { return stream_->remote().to_string(); }
  [[nodiscard]] std::string remote_host() const { return stream_->remote().ip_text(); }
  [[nodiscard]] std::int64_t last_read_ms() const noexcept { return last_read_ms_; }
  [[nodiscard]] std::int64_t last_write_ms() const noexcept { return last_write_ms_; }
  [[nodiscard]] bool has_received() const noexcept { return has_received_; }

 private:
  void take_error(const error_code& error);

  std::unique_ptr<Stream> stream_;
  TimeSource& time_;
  const std::size_t chunk_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Duration patience_ = Duration::max();
  Instant last_read_;
  std::int64_t last_read_ms_ = 0;
  std::int64_t last_write_ms_ = 0;
  bool has_received_ = false;
  bool has_ended_ = false;
  bool was_silent_ = false;
  Ending ending_;
  Event patience_changed_;
};

}  // namespace comet::inline v0_1::replication
