#pragma once
// Settings of TLS (tls_network.hpp), and what can go wrong with it.

#include <optional>
#include <string>

#include "comet/base/error.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1 {

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

}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::TlsErrc> : std::true_type {};
