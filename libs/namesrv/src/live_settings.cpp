#include "comet/namesrv/live_settings.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "comet/base/files.hpp"
#include "comet/base/properties.hpp"

namespace comet::inline v0_1::namesrv {

bool is_live_key(std::string_view name) noexcept {
  return std::ranges::any_of(kLiveKeys, [&](const ConfigKey& key) { return key.name() == name; });
}

LiveSettings read_live_settings(const Config& config) {
  LiveSettings live;
  live.order_message_enable = config.boolean("orderMessageEnable");
  live.return_order_topic_config = config.boolean("returnOrderTopicConfigToBroker");
  live.support_acting_master = config.boolean("supportActingMaster");
  live.notify_min_broker_id_changed = config.boolean("notifyMinBrokerIdChanged");
  live.delete_topic_with_broker_registration = config.boolean("deleteTopicWithBrokerRegistration");
  live.enable_topic_list = config.boolean("enableTopicList");
  live.enable_all_topic_list = config.boolean("enableAllTopicList");
  live.need_wait_for_service = config.boolean("needWaitForService");
  live.wait_for_service = std::chrono::seconds(config.integer("waitSecondsForService"));
  live.broker_expiry = std::chrono::milliseconds(config.integer("brokerNotActiveTimeoutMillis"));
  return live;
}

void apply_stored_settings(Config& config, const std::string& path) {
  if (path.empty()) return;
  const Result<std::string> text = read_file(path);
  if (!text && text.error() == boost::system::errc::no_such_file_or_directory) return;
  if (!text) throw Error(text.error(), "read " + path + " (configStorePath)");
  const Result<Properties> stored = Properties::parse(*text);
  if (!stored) throw Error(stored.error(), "read " + path + " (configStorePath)");
  for (const auto& [key, value] : stored->values()) {
    if (is_live_key(key)) config.set(key, value, path);
  }
}

}  // namespace comet::inline v0_1::namesrv
