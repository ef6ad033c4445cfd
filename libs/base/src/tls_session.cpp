#include "tls_session.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace comet::inline v0_1::tls {
namespace {

constexpr std::size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;  // 16 KiB
constexpr std::size_t kMinInput = 2u << 10;
constexpr std::size_t kMaxInput = 64u << 10;
constexpr int kReadsToShrink = 8;

}  // namespace

Gather::Gather(std::span<const asio::const_buffer> buffers) noexcept : buffers_(buffers) {
  consume(0);
}

std::span<const char> Gather::peek(std::size_t limit) const noexcept {
  const asio::const_buffer& first = buffers_.front();
  return {static_cast<const char*>(first.data()) + offset_,
          std::min(limit, first.size() - offset_)};
}

void Gather::consume(std::size_t size) noexcept {
  consumed_ += size;
  offset_ += size;
  while (!buffers_.empty() && offset_ >= buffers_.front().size()) {
    offset_ -= buffers_.front().size();
    buffers_ = buffers_.subspan(1);
  }
}

// The callbacks of a BIO on top of a session's buffers. No exception may leave them.
struct Session::Wire {
  static int read(BIO* bio, char* into, int size) noexcept {
    auto& session = *static_cast<Session*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t taken =
        std::min(static_cast<std::size_t>(size), session.input_end_ - session.input_begin_);
    if (taken == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(into, session.input_.get() + session.input_begin_, taken);
    session.input_begin_ += taken;
    return static_cast<int>(taken);
  }

  static int write(BIO* bio, const char* from, int size) noexcept {
    auto& session = *static_cast<Session*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    try {
      session.output_.append(from, static_cast<std::size_t>(size));
    } catch (const std::bad_alloc&) {
      return -1;
    }
    return size;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) noexcept {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* made = [] {
      BIO_METHOD* fresh =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "comet TLS session");
      if (fresh == nullptr) throw std::bad_alloc();
      BIO_meth_set_read(fresh, read);
      BIO_meth_set_write(fresh, write);
      BIO_meth_set_ctrl(fresh, control);
      return fresh;
    }();
    return made;
  }
};

Session::Session(ContextPtr context, Role role, const std::string& host)
    : context_(std::move(context)), ssl_(SSL_new(context_.get())), wanted_capacity_(kMinInput) {
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(Wire::method());
  if (bio == nullptr) {
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (role == Role::server) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl_);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return;
  ERR_clear_error();
  X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size());
  // SSL_set_tlsext_host_name, whose macro has an old-style cast.
  SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(host.c_str()));  // NOLINT: it is copied
}

Session::~Session() { SSL_free(ssl_); }

asio::mutable_buffer Session::input_space() {
  if (input_capacity_ != wanted_capacity_) {
    input_.reset();
    input_.reset(new char[wanted_capacity_]);
    input_capacity_ = wanted_capacity_;
  }
  input_begin_ = input_end_ = 0;
  return {input_.get(), input_capacity_};
}

void Session::commit_input(std::size_t size) {
  input_end_ = size;
  adapt_input(size);
}

// Memory follows what the peer sends at a time.
void Session::adapt_input(std::size_t read_size) noexcept {
  small_reads_ = read_size < input_capacity_ / 8 ? small_reads_ + 1 : 0;
  if (read_size == input_capacity_) {
    wanted_capacity_ = std::min(2 * input_capacity_, kMaxInput);
  } else if (small_reads_ >= kReadsToShrink) {
    wanted_capacity_ = kMinInput;
  }
}

Step Session::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    is_established_ = true;
    return Step::done;
  }
  return note_result(result);
}

Step Session::read(asio::mutable_buffer into, std::size_t& size) {
  size = 0;
  if (failure_) return Step::failed;
  while (size < into.size()) {
    std::size_t got = 0;
    ERR_clear_error();
    const int result =
        SSL_read_ex(ssl_, static_cast<char*>(into.data()) + size, into.size() - size, &got);
    if (result != 1) {
      const Step step = note_result(result);
      // What has been decrypted goes first; a failure or the end comes with the next call.
      return size > 0 ? Step::done : step;
    }
    size += got;
  }
  return Step::done;
}

bool Session::write_record(const char* data, std::size_t size) {
  ERR_clear_error();
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_, data, size, &written);
  if (result != 1 && note_result(result) != Step::failed) {
    // Output is never short of space, and nothing can make a write wait for input.
    failure_ = TlsErrc::broken_record;
  }
  return result == 1;
}

Step Session::write(Gather& from, std::size_t limit) {
  if (failure_) return Step::failed;
  static thread_local std::array<char, kRecord> together;
  const std::size_t begin = from.consumed();
  while (!from.done() && from.consumed() - begin < limit) {
    const std::span<const char> large = from.peek(kRecord);
    std::size_t size = large.size();
    if (size == kRecord) {
      if (!write_record(large.data(), size)) return Step::failed;
      from.consume(size);
    } else {  // small pieces share a record
      size = 0;
      while (!from.done() && size < kRecord) {
        const std::span<const char> piece = from.peek(kRecord - size);
        std::memcpy(together.data() + size, piece.data(), piece.size());
        size += piece.size();
        from.consume(piece.size());
      }
      if (!write_record(together.data(), size)) return Step::failed;
    }
  }
  return Step::done;
}

void Session::end() noexcept {
  if (!is_established_ || failure_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

Step Session::note_result(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Step::needs_input;
    case SSL_ERROR_ZERO_RETURN:
      return Step::closed;
    default:
      note_failure(ERR_peek_error());
      return Step::failed;
  }
}

void Session::note_failure(unsigned long openssl_error) {
  const int reason = ERR_GET_REASON(openssl_error);
  const long verdict = SSL_get_verify_result(ssl_);
  reason_ = take_openssl_reason();
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const bool other_host =
        verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH;
    failure_ = other_host ? TlsErrc::wrong_host : TlsErrc::peer_not_trusted;
    reason_ = X509_verify_cert_error_string(verdict);
  } else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    failure_ = TlsErrc::no_client_certificate;
  } else if (ERR_GET_LIB(openssl_error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
    failure_ = TlsErrc::refused_by_peer;
  } else {
    failure_ = is_established_ ? TlsErrc::broken_record : TlsErrc::handshake_failed;
  }
}

}  // namespace comet::inline v0_1::tls
