#pragma once
// TLS of a daemon: Apache's tls.* keys, from its configuration file or from tls.properties, and the
// network that they make.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "comet/base/config.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/base/tls_network.hpp"
#include "comet/monitor/metrics.hpp"

namespace comet::inline v0_1::daemon {

inline constexpr ConfigKey kTlsKeys[] = {
    ConfigKey::text("tls.config.file", "",
                    "properties file with further tls.* keys (default: environment variable of "
                    "that name, else /etc/rocketmq/tls.properties if there is one)"),
    ConfigKey::choice("tls.server.mode", "", "disabled|permissive|enforcing",
                      "plain connections, both, or TLS only (default: permissive with a "
                      "certificate, disabled without)"),
    ConfigKey::text("tls.server.certPath", "", "certificate chain of this server, PEM"),
    ConfigKey::text("tls.server.keyPath", "", "its private key, PEM"),
    ConfigKey::secret("tls.server.keyPassword", "password of the key, if it is encrypted"),
    ConfigKey::choice("tls.server.need.client.auth", "none", "none|optional|require",
                      "whether clients show a certificate"),
    ConfigKey::text("tls.server.trustCertPath", "", "who may sign for clients, PEM"),
    ConfigKey::choice("tls.enable", "", "true|false",
                      "whether this daemon itself connects with TLS (default: true when "
                      "tls.server.mode is enforcing)"),
    ConfigKey::boolean("tls.client.authServer", true, "check the servers that it connects to"),
    ConfigKey::text("tls.client.trustCertPath", "",
                    "who may sign for servers, PEM (default: the certificates of the system)"),
    ConfigKey::text("tls.client.certPath", "", "certificate to show to servers that ask, PEM"),
    ConfigKey::text("tls.client.keyPath", "", "its private key, PEM"),
    ConfigKey::secret("tls.client.keyPassword", "password of the key, if it is encrypted"),
    ConfigKey::text("tls.ciphers", "",
                    "ciphers of servers and clients, a,b or a:b; names of OpenSSL's or of the "
                    "standard's (default: ECDHE with AES-GCM or ChaCha20, and those of TLS 1.3)"),
    ConfigKey::text("tls.protocols", "", "TLSv1.2, TLSv1.3 or both (default: both)"),
    ConfigKey::boolean("tls.test.mode.enable", false,
                       "true is answered with a warning: no certificate is made up here"),
    ConfigKey::no_effect("tls.server.authClient"),
};

// A daemon's own keys and those of TLS, as one table.
template <std::size_t N>
constexpr std::array<ConfigKey, N + std::size(kTlsKeys)> with_tls_keys(const ConfigKey (&own)[N]) {
  auto join = [&own]<std::size_t... I, std::size_t... J>(std::index_sequence<I...>,
                                                         std::index_sequence<J...>) {
    return std::array<ConfigKey, N + std::size(kTlsKeys)>{own[I]..., kTlsKeys[J]...};
  };
  return join(std::make_index_sequence<N>(), std::make_index_sequence<std::size(kTlsKeys)>());
}

// Applies the daemon's configuration file (none: empty) and the file of TLS keys, over which the
// former has precedence. Throws Error.
void apply_files(Config& settings, const std::string& config_file);

// What the keys say; without TLS both parts are empty. Throws Error for values that do not fit.
[[nodiscard]] TlsConfig to_tls_config(const Config& settings);

// TCP, inside TLS if the settings say so. Without TLS, OpenSSL is left alone.
class DaemonNetwork {
 public:
  // Throws Error naming the key or the file that is wrong. Says on the log which TLS there is.
  explicit DaemonNetwork(const Config& settings);

  [[nodiscard]] Network& network() noexcept;
  // Reads the certificates again, for new connections; the outcome goes to the log. What cannot be
  // used changes nothing. Without TLS there is nothing to do.
  void reload();
  // Does so each time when files have been replaced, for as long as it is not cancelled; at once
  // over without TLS. Looks every kWatchPeriod, and takes files that rest since the look before.
  [[nodiscard]] asio::awaitable<void> watch_files(TimeSource& time);
  static constexpr std::chrono::seconds kWatchPeriod{2};

  // Thread-safe.
  void report(monitor::Scrape& scrape) const;
  [[nodiscard]] TlsExpiry expiry() const;
  // Whether the files were no good when they were read last, so that older ones are in use.
  [[nodiscard]] bool reload_failed() const noexcept { return reload_failed_.load(); }

 private:
  TcpNetwork tcp_;
  std::unique_ptr<TlsNetwork> tls_;
  std::atomic<bool> reload_failed_ = false;
};

}  // namespace comet::inline v0_1::daemon
