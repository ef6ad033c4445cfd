#pragma once
// TLS over any other network (TCP, in-memory), as RocketMQ uses it: the same port takes plain and
// TLS connections, told apart by the first byte. TLS 1.2 and 1.3; no renegotiation, no compression;
// ephemeral keys (ECDHE) and authenticated encryption (AEAD) unless TlsRules say otherwise.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comet/base/stream.hpp"
#include "comet/base/tls_config.hpp"

namespace comet::inline v0_1 {

// When the certificates in use expire: the first one of a chain counts; seconds since 1970.
class TlsExpiry {
 public:
  std::optional<std::int64_t> server;
  std::optional<std::int64_t> client;
};

// connect() returns when the handshake is done. A listener accepts without waiting for the peer:
// the stream looks at the first byte and shakes hands within its first read or write, so a slow
// peer delays nobody. Streams live on when the network is gone; listeners need the network below.
class TlsNetwork final : public Network {
 public:
  // Reads the files. Throws Error naming the one that is wrong (TlsErrc::bad_file), or the cipher
  // or version that there is not (BaseErrc::bad_value).
  TlsNetwork(Network& below, TlsConfig config, TimeSource& time = real_time());
  ~TlsNetwork() override;

  // Throws what the network below throws, asio::error::timed_out, or a TlsErrc.
  asio::awaitable<std::unique_ptr<Stream>> connect(const Address& to, Instant deadline) override;
  std::unique_ptr<Listener> listen(asio::any_io_executor executor, const Address& at) override;

  // Reads the files again, for the connections to come. Throws like the constructor and then
  // changes nothing. Thread-safe; blocks for the time of reading.
  void reload();
  // "certificate CN=broker-a, valid until 2027-01-31": the server's, for the log.
  [[nodiscard]] std::string describe_certificate() const;
  // Thread-safe.
  [[nodiscard]] TlsExpiry expiry() const;
  // All that reload() reads.
  [[nodiscard]] std::vector<std::string> files() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace comet::inline v0_1
