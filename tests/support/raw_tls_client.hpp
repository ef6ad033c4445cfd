#pragma once
// A TLS client that a test drives by hand, with OpenSSL's own memory BIOs: it can be old-fashioned
// or ill-mannered where ours cannot.

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>

#include "comet/base/stream.hpp"

namespace comet::inline v0_1::test {

class RawTlsClient {
 public:
  explicit RawTlsClient(int version)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    SSL_CTX_set_security_level(context_.get(), 0);  // or OpenSSL itself refuses old versions
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }

  [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }

  // What OpenSSL has ready for the peer.
  [[nodiscard]] std::string take_output() const {
    BIO* bio = SSL_get_wbio(ssl_.get());
    std::string bytes(BIO_ctrl_pending(bio), '\0');
    if (!bytes.empty()) BIO_read(bio, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  void put_input(const char* data, std::size_t size) const {
    BIO_write(SSL_get_rbio(ssl_.get()), data, static_cast<int>(size));
  }

  // Each of these returns an error of the stream, or ssl_failed().
  asio::awaitable<error_code> send_output(Stream& stream) const {
    const std::string bytes = take_output();
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    IoResult result = co_await stream.write(std::span(&buffer, 1));
    co_return result.error;
  }
  asio::awaitable<error_code> receive(Stream& stream) const {
    std::array<char, 4096> chunk;  // NOLINT: read into
    IoResult result = co_await stream.read_some(asio::buffer(chunk));
    if (!result.error) put_input(chunk.data(), result.size);
    co_return result.error;
  }
  asio::awaitable<error_code> handshake(Stream& stream) const {
    for (;;) {
      ERR_clear_error();
      const int result = SSL_do_handshake(ssl_.get());
      const int state = SSL_get_error(ssl_.get(), result);
      error_code problem = co_await send_output(stream);
      if (problem) co_return problem;
      if (result == 1) co_return error_code();
      if (state != SSL_ERROR_WANT_READ) co_return ssl_failed();
      problem = co_await receive(stream);
      if (problem) co_return problem;
    }
  }
  asio::awaitable<error_code> send(Stream& stream, std::string text) const {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    co_return co_await send_output(stream);
  }
  // At least `size` bytes of text.
  asio::awaitable<error_code> read(Stream& stream, std::string& text, std::size_t size) const {
    std::array<char, 4096> chunk;  // NOLINT: read into
    while (text.size() < size) {
      ERR_clear_error();
      const int got = SSL_read(ssl_.get(), chunk.data(), static_cast<int>(chunk.size()));
      if (got > 0) {
        text.append(chunk.data(), static_cast<std::size_t>(got));
        continue;
      }
      if (SSL_get_error(ssl_.get(), got) != SSL_ERROR_WANT_READ) co_return ssl_failed();
      error_code problem = co_await receive(stream);
      if (problem) co_return problem;
    }
    co_return error_code();
  }

  [[nodiscard]] static error_code ssl_failed() {
    return boost::system::errc::make_error_code(boost::system::errc::protocol_error);
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

}  // namespace comet::inline v0_1::test
