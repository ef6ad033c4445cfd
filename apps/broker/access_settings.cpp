#include "access_settings.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "comet/access/access_control.hpp"
#include "comet/base/json.hpp"
#include "comet/base/log.hpp"
#include "comet/remoting/acl.hpp"

namespace comet::inline v0_1::daemon {
namespace {

constexpr std::string_view kCredentials = "innerClientAuthenticationCredentials";

bool is_loopback(const std::string& ip) {
  const auto endpoint = IpEndpoint::parse_ip(ip, 0);
  return endpoint && endpoint->is_loopback();
}

// {"accessKey":"...","secretKey":"..."}. Its text is in no message.
std::optional<remoting::Credentials> credentials_of(const Config& settings) {
  const std::string& text = settings.text(kCredentials);
  if (text.empty()) return std::nullopt;
  const auto parsed = parse_json(text);
  const boost::json::object* object = parsed ? parsed->if_object() : nullptr;
  std::string access_key = object == nullptr ? "" : get_string(*object, "accessKey");
  std::string secret_key = object == nullptr ? "" : get_string(*object, "secretKey");
  if (access_key.empty() || secret_key.empty()) {
    throw settings.error(kCredentials, R"(must be {"accessKey":"...","secretKey":"..."})");
  }
  return remoting::Credentials(std::move(access_key), std::move(secret_key));
}

void take_accounts(const Config& settings, broker::BrokerConfig& config) {
  const std::string& home = settings.text("rocketmqHome");
  if (home.empty()) {
    throw settings.error(
        "aclEnable",
        "cannot be served without rocketmqHome: the files of accounts are conf/plain_acl.yml and "
        "conf/acl/*.yml below it");
  }
  access::AccessOptions options;
  options.observe = settings.text("aclMode") == "observe";
  options.check.white_account_needs_no_signature =
      settings.boolean("aclWhiteAddressNeedsNoSignature");
  try {
    config.access =
        std::make_shared<access::AccessControl>(access::PlainFiles(home), std::move(options));
  } catch (const Error& problem) {
    throw settings.error("aclEnable", "cannot be served: " + problem.context());
  }
}

// A replica gets every message: who may be one is asked as strictly as clients are.
void close_ha_port(const Config& settings, const std::optional<remoting::Credentials>& credentials,
                   broker::BrokerConfig& config) {
  std::string& secret = config.replication.service.secret;
  if (secret.empty() && credentials) {
    secret = credentials->secret_key;
    config.replication.client.secret = secret;
  }
  if (!secret.empty() && config.replication.client.wire == replication::WirePolicy::apache) {
    throw settings.error("haHandshake",
                         "cannot prove a secret, and aclEnable is true: a slave's master would "
                         "have to let everybody copy its log");
  }
  const auto& at = config.replication.listen_at;
  if (!secret.empty() || !at || is_loopback(at->host())) return;
  if (settings.text("aclMode") == "observe") return;
  if (config.replication.role == broker::BrokerRole::async_master) {  // nobody waits for a slave
    config.replication.listen_at.reset();
    log::warn(
        "the HA port stays closed, and no slave can follow: who reaches it could copy all messages "
        "although aclEnable is true; set {} (which brokers sign with, too) or haSecret",
        kCredentials);
    return;
  }
  throw settings.error(
      "aclEnable",
      fmt::format("cannot be served: who reaches the HA port could copy all messages unasked; set "
                  "{} (which brokers sign with, too) or haSecret",
                  kCredentials));
}

}  // namespace

void default_home(Config& settings, const std::string& config_file) {
  if (const char* home = std::getenv("ROCKETMQ_HOME"); home != nullptr && *home != '\0') {
    settings.set_default("rocketmqHome", home);
    return;
  }
  if (config_file.empty()) return;
  std::error_code error;
  const std::filesystem::path file = std::filesystem::absolute(config_file, error);
  if (error || file.parent_path().filename() != "conf") return;
  settings.set_default("rocketmqHome", file.parent_path().parent_path().string());
}

void take_access(const Config& settings, broker::BrokerConfig& config) {
  const auto credentials = credentials_of(settings);
  if (credentials) {
    config.signer = std::make_shared<remoting::AclSigner>(*credentials);
    config.replication.signer = config.signer;
  }
  if (!settings.boolean("aclEnable")) return;
  take_accounts(settings, config);
  close_ha_port(settings, credentials, config);
}

std::string open_port_warning(const Config& settings, const std::string& listen_ip) {
  if (settings.boolean("aclEnable") && settings.text("aclMode") == "enforce") return {};
  if (is_loopback(listen_ip)) return {};
  if (settings.text("tls.server.need.client.auth") == "require") return {};
  return fmt::format(
      "the broker listens on {} and lets everybody who reaches it read, write and administer: set "
      "aclEnable = true (docs/access.md), demand client certificates, or keep the port behind a "
      "firewall",
      listen_ip);
}

}  // namespace comet::inline v0_1::daemon
