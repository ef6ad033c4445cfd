#pragma once
// TLS over a stream. A server's stream decides with the first byte whether its peer speaks TLS.

#include <memory>
#include <optional>
#include <string>

#include "comet/base/async.hpp"
#include "comet/base/stream.hpp"
#include "tls_session.hpp"

namespace comet::inline v0_1::tls {

class TlsStream final : public Stream {
 public:
  // What a stream must know before it has a session.
  class Rules {
   public:
    ContextPtr context;  // null: TLS is refused
    Session::Role role = Session::Role::server;
    TlsMode mode = TlsMode::enforcing;  // of a server; a client speaks TLS
    std::string host;                   // that the server must be
    Instant deadline{};                 // of the handshake
  };
  TlsStream(std::unique_ptr<Stream> below, Rules rules, TimeSource& time);
  ~TlsStream() override;

  asio::awaitable<IoResult> read_some(asio::mutable_buffer into) override;
  asio::awaitable<IoResult> write(std::span<const asio::const_buffer> from) override;
  std::size_t try_write(std::span<const asio::const_buffer> from) noexcept override {
    return state_ == State::plain ? below_->try_write(from) : 0;
  }
  void close() noexcept override;
  IpEndpoint local() const noexcept override { return below_->local(); }
  IpEndpoint remote() const noexcept override { return below_->remote(); }
  asio::any_io_executor executor() override { return below_->executor(); }

  // The first-byte test and the handshake, if they are still to be done. The first caller does
  // them, others wait.
  [[nodiscard]] asio::awaitable<error_code> establish();
  // Why establish() failed, in more words than the code's.
  [[nodiscard]] std::string reason() const;

 private:
  enum class State { fresh, establishing, plain, tls, failed };
  class WriteTurn;

  asio::awaitable<IoResult> read_tls(asio::mutable_buffer into);
  asio::awaitable<IoResult> write_tls(std::span<const asio::const_buffer> from);
  asio::awaitable<void> recognise_and_shake_hands();
  asio::awaitable<void> recognise();
  asio::awaitable<void> shake_hands();
  // More input for the session; an error if there is none.
  asio::awaitable<error_code> receive();
  // Sends the session's output. Only for the holder of the write turn.
  asio::awaitable<error_code> flush();
  // Sends it, or leaves that to whoever is writing.
  asio::awaitable<error_code> flush_if_free();
  [[nodiscard]] IoResult take_prefix(asio::mutable_buffer into);
  void log_failure() const;

  std::unique_ptr<Stream> below_;
  Rules rules_;
  TimeSource& time_;
  State state_ = State::fresh;
  error_code failure_;  // of State::failed
  bool closed_ = false;
  std::unique_ptr<Session> session_;
  std::string prefix_;       // the first bytes, if they are not TLS
  std::string sending_;      // what the holder of the write turn gives to the stream below
  bool is_writing_ = false;  // somebody has the write turn
  Event changed_;            // of state_ or is_writing_
  const int process_;        // a child of it has no business with the peer
};

}  // namespace comet::inline v0_1::tls
