#include "tls_stream.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/error.hpp>
#include <cstring>
#include <utility>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::tls {
namespace {

constexpr char kTlsHandshakeRecord = 0x16;  // a plain frame begins with 0x00 or 0x01
constexpr std::size_t kFirstRead = 2u << 10;
// So much is encrypted before it goes to the stream below in one write.
constexpr std::size_t kBurst = 256u << 10;
// Buffers up to this size are kept between bursts.
constexpr std::size_t kKept = 4u << 10;

// Anybody can make handshakes fail, thousands a second: one line a second is enough.
bool may_log(std::uint64_t& left_out) {
  static std::atomic<std::int64_t> next{0};
  static std::atomic<std::uint64_t> silent{0};
  const std::int64_t now = to_millis(real_time().now().time_since_epoch());
  std::int64_t expected = next;
  if (now < expected || !next.compare_exchange_strong(expected, now + 1000)) {
    ++silent;
    return false;
  }
  left_out = silent.exchange(0);
  return true;
}

}  // namespace

// While it lives, nobody else writes to the stream below.
class TlsStream::WriteTurn {
 public:
  explicit WriteTurn(TlsStream& stream) noexcept : stream_(stream) { stream_.is_writing_ = true; }
  ~WriteTurn() {
    stream_.is_writing_ = false;
    stream_.changed_.notify_all();
  }
  WriteTurn(const WriteTurn&) = delete;
  WriteTurn& operator=(const WriteTurn&) = delete;

 private:
  TlsStream& stream_;
};

TlsStream::TlsStream(std::unique_ptr<Stream> below, Rules rules, TimeSource& time)
    : below_(std::move(below)),
      rules_(std::move(rules)),
      time_(time),
      changed_(below_->executor(), time),
      process_(::getpid()) {}

TlsStream::~TlsStream() { close(); }

asio::awaitable<IoResult> TlsStream::read_some(asio::mutable_buffer into) {
  if (state_ == State::plain && prefix_.empty()) return below_->read_some(into);
  return read_tls(into);
}

asio::awaitable<IoResult> TlsStream::write(std::span<const asio::const_buffer> from) {
  if (state_ == State::plain) return below_->write(from);
  return write_tls(from);
}

asio::awaitable<IoResult> TlsStream::read_tls(asio::mutable_buffer into) {
  if (state_ != State::tls) {
    error_code problem = co_await establish();
    if (problem) co_return IoResult(problem, 0);
    if (state_ == State::plain) co_return take_prefix(into);
  }
  for (;;) {
    if (closed_) co_return IoResult(asio::error::operation_aborted, 0);
    std::size_t size = 0;
    const Step step = session_->read(into, size);
    error_code problem = co_await flush_if_free();  // answers to key updates, alerts
    switch (step) {
      case Step::done:
        co_return IoResult(error_code(), size);
      case Step::closed:
        co_return IoResult(asio::error::eof, 0);
      case Step::failed:
        co_return IoResult(session_->failure(), 0);
      case Step::needs_input:
        break;
    }
    if (!problem) problem = co_await receive();
    if (problem) co_return IoResult(problem, 0);
  }
}

asio::awaitable<IoResult> TlsStream::write_tls(std::span<const asio::const_buffer> from) {
  if (state_ != State::tls) {
    error_code problem = co_await establish();
    if (problem) co_return IoResult(problem, 0);
    if (state_ == State::plain) co_return co_await below_->write(from);
  }
  while (is_writing_) co_await changed_.wait();
  if (closed_) co_return IoResult(asio::error::operation_aborted, 0);
  const WriteTurn turn(*this);
  Gather rest(from);
  std::size_t written = 0;
  while (!rest.done()) {
    if (session_->write(rest, kBurst) == Step::failed) {
      co_return IoResult(session_->failure(), written);
    }
    error_code problem = co_await flush();
    if (problem) co_return IoResult(problem, written);
    written = rest.consumed();
  }
  co_return IoResult(error_code(), written);
}

void TlsStream::close() noexcept {
  if (closed_) return;
  closed_ = true;
  // A record that is only half written would make nonsense of what follows it.
  if (state_ == State::tls && sending_.empty() && ::getpid() == process_) {
    session_->end();
    below_->close_after(asio::buffer(session_->output()));
  } else {
    below_->close();
  }
  changed_.notify_all();
}

asio::awaitable<error_code> TlsStream::establish() {
  while (state_ == State::establishing) co_await changed_.wait();
  if (state_ != State::fresh) co_return failure_;
  state_ = State::establishing;
  try {
    co_await with_deadline(recognise_and_shake_hands(), rules_.deadline, time_, "TLS handshake");
  } catch (const boost::system::system_error& problem) {
    failure_ = problem.code();
  }
  if (failure_) {
    state_ = State::failed;
    log_failure();
    below_->close();
  } else {
    state_ = session_ != nullptr ? State::tls : State::plain;
  }
  changed_.notify_all();
  co_return failure_;
}

asio::awaitable<void> TlsStream::recognise_and_shake_hands() {
  if (rules_.role == Session::Role::client) {
    session_ = std::make_unique<Session>(rules_.context, rules_.role, rules_.host);
  } else {
    co_await recognise();
  }
  if (session_ != nullptr) co_await shake_hands();
}

asio::awaitable<void> TlsStream::recognise() {
  prefix_.resize(kFirstRead);
  IoResult first = co_await below_->read_some(asio::buffer(prefix_));
  if (first.error) throw Error(first.error, "the first byte");
  prefix_.resize(first.size);
  if (prefix_.front() != kTlsHandshakeRecord) {
    if (rules_.mode == TlsMode::enforcing) throw Error(TlsErrc::plaintext_refused, "TLS handshake");
    co_return;
  }
  if (rules_.context == nullptr) throw Error(TlsErrc::tls_refused, "TLS handshake");
  session_ = std::make_unique<Session>(rules_.context, rules_.role, std::string());
  asio::buffer_copy(session_->input_space(), asio::buffer(prefix_));
  session_->commit_input(prefix_.size());
  std::string().swap(prefix_);
}

asio::awaitable<void> TlsStream::shake_hands() {
  const WriteTurn turn(*this);
  for (;;) {
    const Step step = session_->handshake();
    error_code problem = co_await flush();  // when it has failed, an alert
    if (step == Step::failed) throw Error(session_->failure(), "TLS handshake");
    if (problem) throw Error(problem, "TLS handshake");
    if (step == Step::done) co_return;
    problem = co_await receive();
    if (problem) throw Error(problem, "TLS handshake");
  }
}

asio::awaitable<error_code> TlsStream::receive() {
  IoResult result = co_await below_->read_some(session_->input_space());
  if (result.error == asio::error::eof) co_return TlsErrc::truncated;
  if (!result.error) session_->commit_input(result.size);
  co_return result.error;
}

asio::awaitable<error_code> TlsStream::flush() {
  while (!session_->output().empty()) {
    std::swap(sending_, session_->output());
    const asio::const_buffer buffer = asio::buffer(sending_);
    IoResult result = co_await below_->write(std::span(&buffer, 1));
    if (result.error) co_return result.error;  // sending_ stays: nothing may follow it
    sending_.clear();
    if (sending_.capacity() > kKept) std::string().swap(sending_);
  }
  co_return error_code();
}

asio::awaitable<error_code> TlsStream::flush_if_free() {
  if (session_->output().empty() || is_writing_ || closed_) co_return error_code();
  const WriteTurn turn(*this);
  co_return co_await flush();
}

IoResult TlsStream::take_prefix(asio::mutable_buffer into) {
  const std::size_t size = asio::buffer_copy(into, asio::buffer(prefix_));
  prefix_.erase(0, size);
  if (prefix_.empty()) std::string().swap(prefix_);
  return {error_code(), size};
}

std::string TlsStream::reason() const {
  if (session_ == nullptr || session_->reason().empty()) return failure_.message();
  return session_->reason();
}

void TlsStream::log_failure() const {
  // Peers that come and go without a word (port checks) are nobody's concern.
  const bool in_handshake = session_ != nullptr && failure_ != asio::error::operation_aborted;
  if (rules_.role == Session::Role::client) return;
  if (!in_handshake && failure_.category() != tls_category()) return;
  std::uint64_t left_out = 0;
  if (!may_log(left_out)) return;
  log::info("TLS connection from {} closed: {} ({}){}", remote().to_string(), failure_.message(),
            reason(), left_out == 0 ? "" : fmt::format("; {} more since the last one", left_out));
}

}  // namespace comet::inline v0_1::tls
