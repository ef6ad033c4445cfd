#pragma once
// One side of a TLS connection without any I/O: bytes from the peer go in, bytes for the peer come
// out. Certificates, records and keys are OpenSSL's; who waits for what is the caller's business.

#include <openssl/types.h>

#include <boost/asio/buffer.hpp>
#include <memory>
#include <span>
#include <string>

#include "comet/base/error.hpp"
#include "tls_context.hpp"

namespace comet::inline v0_1::tls {

namespace asio = boost::asio;

enum class Step {
  done,
  needs_input,  // everything received has been used up
  closed,       // the peer has ended TLS in order
  failed,       // see failure(); final
};

// Walks over the bytes of several buffers.
class Gather {
 public:
  explicit Gather(std::span<const asio::const_buffer> buffers) noexcept;
  [[nodiscard]] bool done() const noexcept { return buffers_.empty(); }
  // The next bytes that lie together, at most `limit`.
  [[nodiscard]] std::span<const char> peek(std::size_t limit) const noexcept;
  void consume(std::size_t size) noexcept;
  [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

 private:
  std::span<const asio::const_buffer> buffers_;
  std::size_t consumed_ = 0;
  std::size_t offset_ = 0;  // into the first buffer
};

class Session {
 public:
  enum class Role { client, server };
  // A client checks the server's certificate against `host` if its context checks at all.
  Session(ContextPtr context, Role role, const std::string& host);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Bytes from the peer: fill `input_space()`, then say how many there are. Only when there are
  // none left, that is at the beginning and after Step::needs_input.
  [[nodiscard]] asio::mutable_buffer input_space();
  void commit_input(std::size_t size);

  // Bytes for the peer; the caller takes them away.
  [[nodiscard]] std::string& output() noexcept { return output_; }

  [[nodiscard]] Step handshake();
  // Decrypts as much as there is and fits; `size` is more than 0 exactly when the step is `done`.
  [[nodiscard]] Step read(asio::mutable_buffer into, std::size_t& size);
  // Encrypts the next bytes of `from`, about `limit` of them, in records as large as possible.
  // Only after the handshake.
  [[nodiscard]] Step write(Gather& from, std::size_t limit);
  // Tells the peer that nothing will follow.
  void end() noexcept;

  [[nodiscard]] error_code failure() const noexcept { return failure_; }
  // The failure in OpenSSL's words.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  struct Wire;  // OpenSSL's way to input_ and output_
  [[nodiscard]] Step note_result(int result);
  void note_failure(unsigned long openssl_error);
  void adapt_input(std::size_t read_size) noexcept;
  [[nodiscard]] bool write_record(const char* data, std::size_t size);

  ContextPtr context_;
  SSL* ssl_;
  std::unique_ptr<char[]> input_;
  std::size_t input_capacity_ = 0;
  std::size_t wanted_capacity_;
  std::size_t input_begin_ = 0, input_end_ = 0;
  int small_reads_ = 0;
  std::string output_;
  bool is_established_ = false;
  error_code failure_;
  std::string reason_;
};

}  // namespace comet::inline v0_1::tls
