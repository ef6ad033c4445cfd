#pragma once
// TLS over any other network (TCP, in-memory), as RocketMQ uses it: the same port takes plain and
// TLS connections, told apart by the first byte. TLS 1.2 and 1.3; no renegotiation, no compression;
// ephemeral keys (ECDHE) and authenticated encryption (AEAD) unless TlsRules say otherwise.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comet/base/stream.hpp"

namespace comet {

enum class TlsErrc {
  handshake_failed = 1,   // versions, ciphers or messages do not fit; the log of a server has more
  peer_not_trusted,       // its certificate: unknown issuer, expired, not for this purpose
  wrong_host,             // its certificate is for other hosts
  refused_by_peer,        // it has sent an alert; most often it does not like our certificate
  no_client_certificate,  // this server requires one
  plaintext_refused,      // TlsMode::enforcing, and the peer does not speak TLS
  tls_refused,            // TlsMode::disabled, and the peer speaks TLS
  broken_record,          // damaged or forged bytes after the handshake
  truncated,              // the peer has closed without saying so in TLS: bytes may be missing
  bad_file,               // a certificate or key cannot be read or used
};
const boost::system::error_category& tls_category() noexcept;
inline error_code make_error_code(TlsErrc code) noexcept {
  return {static_cast<int>(code), tls_category()};
}

// Apache: tls.server.mode.
enum class TlsMode {
  disabled,    // plain connections; peers that begin TLS are closed
  permissive,  // both
  enforcing,   // TLS; plain peers are closed
};

enum class TlsClientAuth { none, optional, require };

// Which ciphers and versions there may be.
class TlsRules {
 public:
  // Names of OpenSSL's or the standard's, or words of OpenSSL's cipher lists, with ',' or ':'
  // between them: "ECDHE+AESGCM:AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256". Empty: ECDHE
  // with AES-GCM or ChaCha20. Without names of TLS 1.3's suites ("TLS_AES_128_GCM_SHA256") all of
  // those stay; with nothing but such names there is no TLS 1.2.
  std::string ciphers;
  std::string protocols;  // "TLSv1.2,TLSv1.3"; empty: both

  friend bool operator==(const TlsRules&, const TlsRules&) = default;
};

// All files are PEM.
class TlsServerConfig {
 public:
  TlsMode mode = TlsMode::permissive;
  std::string cert_path;  // the certificate, then those of the issuers up to the root
  std::string key_path;
  std::string key_password;  // for an encrypted key
  // `require` and `optional` need trust_cert_path: a certificate that a client shows is checked.
  TlsClientAuth client_auth = TlsClientAuth::none;
  std::string trust_cert_path;
  // From the accept to the end of the handshake, or to the first byte of a plain peer.
  Duration handshake_timeout = std::chrono::seconds(10);
  TlsRules rules;

  friend bool operator==(const TlsServerConfig&, const TlsServerConfig&) = default;
};

class TlsClientConfig {
 public:
  std::string trust_cert_path;  // who may sign for servers; empty: the certificates of the system
  std::string cert_path;        // the client's own, for servers that ask; empty: none
  std::string key_path;
  std::string key_password;
  // False: any server will do, which protects against listeners but not against impostors.
  bool auth_server = true;
  // What the server's certificate must name. Empty: the host that is connected to. Brokers are
  // found by IP address, so their certificates need that address, or this name, among theirs.
  std::string server_name;
  TlsRules rules;

  friend bool operator==(const TlsClientConfig&, const TlsClientConfig&) = default;
};

class TlsConfig {
 public:
  std::optional<TlsServerConfig> server;  // without: listeners are those of the network below
  std::optional<TlsClientConfig> client;  // without: connections are those of the network below
};

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

}  // namespace comet

template <>
struct boost::system::is_error_code_enum<comet::TlsErrc> : std::true_type {};
