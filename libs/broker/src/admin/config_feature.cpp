#include "admin/config_feature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "comet/base/ascii.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/base/properties.hpp"
#include "comet/base/utf8.hpp"
#include "comet/broker/live_settings.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;

constexpr std::string_view kSource = "UPDATE_BROKER_CONFIG";

// Keys of Apache's without effect here that tools of 4.9.8 do not start without (exportConfigs).
constexpr std::pair<const char*, const char*> kOnlyTold[] = {{"filterServerNums", "0"},
                                                             {"slaveReadEnable", "false"},
                                                             {"traceOn", "true"},
                                                             {"useTLS", "false"}};

}  // namespace

Config& ConfigFeature::present() {
  if (!settings_) {
    settings_ = config_.settings ? *config_.settings : live_settings_of(config_);
  }
  return *settings_;
}

RemotingCommand ConfigFeature::show(const Request& request) {
  const std::lock_guard lock(mutex_);
  RemotingCommand answer = success(request);
  const std::string version = routing::to_json(version_);
  remoting::BrokerConfigResponseHeader header;
  header.version = version;
  remoting::write_header(header, answer.fields);
  Properties shown;
  if (const auto parsed = Properties::parse(present().print_values())) shown = *parsed;
  // What is only known since the start.
  shown.set("brokerName", config_.broker_name);
  shown.set("brokerClusterName", config_.cluster_name);
  shown.set("brokerId", std::to_string(config_.broker_id));
  shown.set("brokerIP1", config_.broker_ip);
  shown.set("listenPort", std::to_string(store_host_.port()));
  shown.set("storePathRootDir", config_.store.root);
  for (const auto& [key, value] : kOnlyTold) {
    if (shown.find(key) == nullptr) shown.set(key, value);
  }
  // mqadmin exportMetrics takes it for the number of processors.
  shown.set("clientCallbackExecutorThreads",
            std::to_string(std::max(1U, std::thread::hardware_concurrency())));
  std::string text;
  for (const auto& [key, value] : shown.values()) append_property(text, key, value);
  answer.body = Body(std::move(text));
  return answer;
}

RemotingCommand ConfigFeature::change(const Request& request) {
  const std::string_view body = request.command.body.view();
  if (body.empty()) return refusal(request, "the body has no key=value lines");
  const Result<Properties> asked =
      is_utf8(body) ? Properties::parse(body) : Result<Properties>(BaseErrc::bad_property_file);
  if (!asked) return refusal(request, "string2Properties error");
  const std::lock_guard lock(mutex_);
  return use(request, *asked);
}

// All of them, or none.
RemotingCommand ConfigFeature::use(const Request& request, const Properties& asked) {
  const std::string peer = request.connection->remote().to_string();
  Config changed = present();
  const std::string black_list =
      changed.has("configBlackList") ? changed.text("configBlackList") : std::string();
  for (const auto& [key, value] : asked.values()) {
    if (list_has(black_list, ';', key)) {
      log::warn("configuration: {} refused to {}", printable(key), peer);
      return refusal(request, ResponseCode::no_permission,
                     fmt::format("{} is in configBlackList and cannot be changed so", key));
    }
    if (!is_live_key(key)) {
      log::warn("configuration: {} refused to {}", printable(key), peer);
      return changed.has(key)
                 ? refusal(request, ResponseCode::no_permission,
                           fmt::format("{} cannot be changed while the broker runs", key))
                 : refusal(request, fmt::format("{} is no key of the configuration that can be "
                                                "changed",
                                                printable(key)));
    }
    try {
      changed.set(key, value, kSource);
    } catch (const Error& problem) {
      return refusal(request, problem.what());
    }
  }
  // From there the next start takes them.
  const std::string path = stored_settings_path(config_.store.root);
  if (std::string problem = change_properties_file(path, asked, kSource); !problem.empty()) {
    return refusal(request, std::move(problem));
  }
  const std::int32_t permission = config_.broker_permission;
  settings_ = std::move(changed);
  take_live_settings(*settings_, config_);
  version_.next(time_.wall_millis());
  for (const auto& [key, value] : asked.values()) {
    log::info("configuration: {}={} set by {}", key, printable(value), peer);
  }
  // Name servers learn it from the topics.
  if (config_.broker_permission != permission) topics_.announce_all();
  return success(request);
}

void ConfigFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  on_request_later(dispatcher, helper_, RequestCode::get_broker_config, this, &ConfigFeature::show);
  on_request_later(dispatcher, helper_, RequestCode::update_broker_config, this,
                   &ConfigFeature::change);
}

}  // namespace comet::inline v0_1::broker
