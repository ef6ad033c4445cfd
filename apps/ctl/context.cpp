#include "context.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::int64_t kDefaultTimeout = 5000;  // ms
constexpr std::int64_t kLongestTimeout = 3'600'000;

class Keys {
 public:
  std::string access, secret, token;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// The lines of mqadmin's tools.yml are such that they read as properties, too.
Keys keys_of_file(const std::string& path) {
  const Properties file = Properties::load(path);
  Keys keys;
  for (auto [name, value] :
       {std::pair("accessKey", &keys.access), std::pair("secretKey", &keys.secret),
        std::pair("securityToken", &keys.token)}) {
    if (const std::string* found = file.find(name)) *value = *found;
  }
  return keys;
}

std::optional<Keys> find_keys(const Arguments& arguments) {
  Keys keys;
  keys.access = arguments.text_or("accessKey", environment("ROCKETMQ_ACCESS_KEY"));
  keys.secret = arguments.text_or("secretKey", environment("ROCKETMQ_SECRET_KEY"));
  if (arguments.has("aclFile")) keys = keys_of_file(arguments.text("aclFile"));
  if (keys.access.empty() != keys.secret.empty())
    throw UsageError("an access key needs its secret key, and the other way round");
  if (keys.access.empty()) return std::nullopt;
  return keys;
}

std::optional<TlsClientConfig> find_tls(const Arguments& arguments) {
  if (!arguments.has("tls") && !arguments.has("tlsTrustCert") && !arguments.has("tlsAnyServer"))
    return std::nullopt;
  TlsClientConfig config;
  config.trust_cert_path = arguments.text_or("tlsTrustCert", "");
  config.auth_server = !arguments.has("tlsAnyServer");
  return config;
}

Duration timeout_of(const Arguments& arguments) {
  return std::chrono::milliseconds(
      arguments.number("timeout", kDefaultTimeout, 1, kLongestTimeout));
}

// The settings that admin and producer have alike.
template <class Config>
void configure(Config& config, const Arguments& arguments) {
  try {
    if (arguments.has("namesrvAddr")) config.name_servers(arguments.text("namesrvAddr"));
  } catch (const Error& error) {
    throw UsageError(std::string("--namesrvAddr: ") + error.what());
  }
  if (std::optional<Keys> keys = find_keys(arguments))
    config.access_key(keys->access, keys->secret, keys->token);
  if (std::optional<TlsClientConfig> tls = find_tls(arguments)) config.tls(std::move(*tls));
}

}  // namespace

admin::Scope Context::scope() const {
  if (!arguments.has("brokerAddr") && !arguments.has("clusterName"))
    throw UsageError("-b (--brokerAddr) or -c (--clusterName) is missing");
  return scope_or_everywhere();
}

admin::Scope Context::scope_or_everywhere() const {
  if (arguments.has("brokerAddr")) return admin::Scope::broker(arguments.address("brokerAddr"));
  if (arguments.has("clusterName")) return admin::Scope::cluster(arguments.text("clusterName"));
  return admin::Scope::everywhere();
}

admin::AdminConfig admin_config(const Arguments& arguments) {
  admin::AdminConfig config;
  configure(config, arguments);
  config.timeout(timeout_of(arguments));
  return config;
}

ProducerConfig producer_config(const Arguments& arguments, std::string group) {
  ProducerConfig config(std::move(group));
  configure(config, arguments);
  config.send_timeout(timeout_of(arguments));
  return config;
}

int print_outcomes(Context& context, const std::vector<admin::Outcome>& outcomes, Report report) {
  Table table(
      "servers",
      {{"SERVER", "address"}, {"BROKER", "brokerName"}, {"DONE", "ok"}, {"PROBLEM", "problem"}});
  int worst = kOk;
  for (const admin::Outcome& outcome : outcomes) {
    table.row({outcome.server.address.to_string(),
               outcome.server.name.empty() ? Cell::none() : Cell(outcome.server.name), outcome.ok(),
               outcome.ok() ? Cell::none("") : Cell(outcome.problem)});
    if (!outcome.ok()) worst = std::max(worst, exit_code(outcome.error));
  }
  report.table(std::move(table));
  context.out.print(report);
  return worst;
}

bool means_nothing(const admin::Refused& refused) noexcept {
  switch (refused.response()) {
    case remoting::ResponseCode::system_error:  // Apache: "... not exist"
    case remoting::ResponseCode::topic_not_exist:
    case remoting::ResponseCode::query_not_found:
    case remoting::ResponseCode::subscription_group_not_exist:
    case remoting::ResponseCode::consumer_not_online:
      return true;
    default:
      return false;
  }
}

int exit_code(const error_code& error) noexcept {
  if (error.category() == remoting::response_category()) return kRefused;
  if (error.category() == base_category()) return kWrongUsage;
  if (error.category() == client_category()) {
    switch (static_cast<ClientErrc>(error.value())) {
      case ClientErrc::illegal_config:
      case ClientErrc::illegal_message:
        return kWrongUsage;
      case ClientErrc::no_name_server:  // none has answered
      case ClientErrc::connect_broker:
      case ClientErrc::broker_timeout:
      case ClientErrc::request_timeout:
        return kUnreachable;
      default:
        return kRefused;
    }
  }
  return kUnreachable;  // remoting, the system, TLS
}

}  // namespace comet::inline v0_1::ctl
