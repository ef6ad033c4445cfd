#pragma once
// A virtual world with certificates: an authority, a server "server" and a client signed by it.

#include <memory>
#include <string>

#include "certificates.hpp"
#include "comet/base/async.hpp"
#include "comet/base/tls_network.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::test {

class TlsFiles {
 public:
  TlsFiles() { issue_server("server"); }

  // A new key and certificate for the server, in the old files.
  void issue_server(const std::string& common_name) {
    const Certificate server(common_name, "DNS:server,IP:127.0.0.1", &authority);
    write_text(path("server.pem"), server.certificate_pem());
    write_text(path("server.key"), server.key_pem());
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory.path() + "/" + name;
  }
  [[nodiscard]] TlsServerConfig server(TlsMode mode = TlsMode::permissive) const {
    TlsServerConfig config;
    config.mode = mode;
    config.cert_path = path("server.pem");
    config.key_path = path("server.key");
    return config;
  }
  // A server that asks for certificates of the authority's.
  [[nodiscard]] TlsServerConfig asking_server(TlsClientAuth auth) const {
    TlsServerConfig config = server();
    config.client_auth = auth;
    config.trust_cert_path = path("ca.pem");
    return config;
  }
  [[nodiscard]] TlsClientConfig client() const {
    TlsClientConfig config;
    config.trust_cert_path = path("ca.pem");
    return config;
  }
  // A client with a certificate of its own.
  [[nodiscard]] TlsClientConfig known_client(const Certificate& issuer) const {
    const Certificate certificate("somebody", "DNS:somebody", &issuer);
    TlsClientConfig config = client();
    config.cert_path = write_text(path("client.pem"), certificate.certificate_pem());
    config.key_path = write_text(path("client.key"), certificate.key_pem());
    return config;
  }

  TempDirectory directory;
  Certificate authority{"test authority", ""};
  Certificate stranger{"another authority", ""};
  std::string authority_file = write_text(path("ca.pem"), authority.certificate_pem());
};

class TlsWorld : public VirtualWorld {
 public:
  TlsFiles files;
  const Address at{"server", 1};

  std::unique_ptr<TlsNetwork> serving(TlsServerConfig config) {
    TlsConfig both;
    both.server = std::move(config);
    return std::make_unique<TlsNetwork>(network, both, time);
  }
  std::unique_ptr<TlsNetwork> connecting(TlsClientConfig config) {
    TlsConfig both;
    both.client = std::move(config);
    return std::make_unique<TlsNetwork>(network, both, time);
  }
};

}  // namespace comet::inline v0_1::test
