#include "tls_settings.hpp"

#include <unistd.h>

#include <boost/asio/this_coro.hpp>
#include <cstdlib>

#include "comet/base/file_watch.hpp"
#include "comet/base/log.hpp"
#include "comet/base/properties.hpp"
#include "comet/base/timer.hpp"

namespace comet::inline v0_1::daemon {
namespace {

constexpr const char* kFileKey = "tls.config.file";
constexpr const char* kUsualFile = "/etc/rocketmq/tls.properties";

// Empty: there is none.
std::string file_of_tls_keys(const Properties& own) {
  if (const std::string* named = own.find(kFileKey); named != nullptr && !named->empty()) {
    return *named;
  }
  if (const char* named = std::getenv(kFileKey); named != nullptr && *named != '\0') return named;
  return ::access(kUsualFile, F_OK) == 0 ? kUsualFile : "";
}

// Certificate and key go together.
void check_pair(const Config& settings, std::string_view cert, std::string_view key) {
  if (settings.text(cert).empty() == settings.text(key).empty()) return;
  const bool no_key = settings.text(key).empty();
  throw settings.error(no_key ? cert : key, "needs " + std::string(no_key ? key : cert));
}

TlsRules rules_of(const Config& settings) {
  TlsRules rules;
  rules.ciphers = settings.text("tls.ciphers");
  rules.protocols = settings.text("tls.protocols");
  return rules;
}

std::optional<TlsServerConfig> server_config(const Config& settings) {
  check_pair(settings, "tls.server.certPath", "tls.server.keyPath");
  const std::string& mode = settings.text("tls.server.mode");
  const bool has_certificate = !settings.text("tls.server.certPath").empty();
  if (mode == "disabled" || (mode.empty() && !has_certificate)) return std::nullopt;
  if (!has_certificate) {
    throw settings.error("tls.server.mode", "needs tls.server.certPath and tls.server.keyPath");
  }
  TlsServerConfig config;
  config.mode = mode == "enforcing" ? TlsMode::enforcing : TlsMode::permissive;
  config.cert_path = settings.text("tls.server.certPath");
  config.key_path = settings.text("tls.server.keyPath");
  config.key_password = settings.text("tls.server.keyPassword");
  config.trust_cert_path = settings.text("tls.server.trustCertPath");
  config.rules = rules_of(settings);
  const std::string& auth = settings.text("tls.server.need.client.auth");
  if (auth != "none") {
    config.client_auth = auth == "require" ? TlsClientAuth::require : TlsClientAuth::optional;
    if (config.trust_cert_path.empty()) {
      throw settings.error("tls.server.need.client.auth", "needs tls.server.trustCertPath");
    }
  }
  return config;
}

std::optional<TlsClientConfig> client_config(const Config& settings, bool otherwise) {
  check_pair(settings, "tls.client.certPath", "tls.client.keyPath");
  const std::string& wanted = settings.text("tls.enable");
  if (wanted.empty() ? !otherwise : wanted != "true") return std::nullopt;
  TlsClientConfig config;
  config.rules = rules_of(settings);
  config.auth_server = settings.boolean("tls.client.authServer");
  config.trust_cert_path = settings.text("tls.client.trustCertPath");
  config.cert_path = settings.text("tls.client.certPath");
  config.key_path = settings.text("tls.client.keyPath");
  config.key_password = settings.text("tls.client.keyPassword");
  return config;
}

}  // namespace

void apply_files(Config& settings, const std::string& config_file) {
  const Properties own = config_file.empty() ? Properties() : Properties::load(config_file);
  std::string wrong;
  const auto apply = [&](const Properties& properties, const std::string& source) {
    try {
      settings.apply(properties, source);
    } catch (const Error& problem) {
      wrong += (wrong.empty() ? "" : "\n") + problem.context();
    }
  };
  if (const std::string file = file_of_tls_keys(own); !file.empty()) {
    apply(Properties::load(file), file);
  }
  apply(own, config_file);
  if (!wrong.empty()) throw Error(BaseErrc::bad_value, wrong);
}

TlsConfig to_tls_config(const Config& settings) {
  TlsConfig config;
  config.server = server_config(settings);
  const bool enforcing = config.server && config.server->mode == TlsMode::enforcing;
  config.client = client_config(settings, enforcing);
  return config;
}

DaemonNetwork::DaemonNetwork(const Config& settings) {
  const TlsConfig config = to_tls_config(settings);
  if (settings.boolean("tls.test.mode.enable")) {
    log::warn(
        "tls.test.mode.enable has no effect here: no certificate is made up, and servers are "
        "checked unless tls.client.authServer=false");
  }
  if (!config.server && !config.client) return;
  tls_ = std::make_unique<TlsNetwork>(tcp_, config);
  if (config.server) {
    log::info("TLS {}, {}",
              settings.text("tls.server.mode") == "enforcing" ? "enforced" : "permitted",
              tls_->describe_certificate());
  }
  if (config.client && !config.client->auth_server) {
    log::warn("tls.client.authServer=false: servers are not checked, anybody can pose as one");
  }
}

Network& DaemonNetwork::network() noexcept {
  if (tls_ != nullptr) return *tls_;
  return tcp_;
}

void DaemonNetwork::reload() {
  if (tls_ == nullptr) return;
  try {
    tls_->reload();
    reload_failed_ = false;
    log::info("TLS files read again, {}", tls_->describe_certificate());
  } catch (const Error& problem) {
    reload_failed_ = true;
    log::error("TLS files not read again, the old ones stay in use: {}", problem.what());
  }
}

asio::awaitable<void> DaemonNetwork::watch_files(TimeSource& time) {
  if (tls_ == nullptr) co_return;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Timer timer(executor, time);
  FileWatch watch(tls_->files());
  for (;;) {
    co_await timer.wait_for(kWatchPeriod);
    if (watch.look()) reload();
  }
}

TlsExpiry DaemonNetwork::expiry() const { return tls_ == nullptr ? TlsExpiry() : tls_->expiry(); }

void DaemonNetwork::report(monitor::Scrape& scrape) const {
  if (tls_ == nullptr) return;
  const auto gauge = [&scrape](const char* role, std::optional<std::int64_t> end) {
    if (!end) return;
    scrape.gauge("comet_tls_certificate_not_after_seconds",
                 "When the first certificate of the chain in use expires, seconds since 1970",
                 static_cast<double>(*end), {{"role", role}});
  };
  const TlsExpiry ends = expiry();
  gauge("server", ends.server);
  gauge("client", ends.client);
  scrape.gauge("comet_tls_reload_failed",
               "1: the TLS files on disk cannot be used, those read before stay in use",
               reload_failed() ? 1.0 : 0.0);
}

}  // namespace comet::inline v0_1::daemon
