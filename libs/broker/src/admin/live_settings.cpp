#include "comet/broker/live_settings.hpp"

#include <algorithm>
#include <chrono>

#include "comet/base/files.hpp"
#include "comet/base/properties.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::string_view kFromConfig = "the program";

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(std::int64_t value) { return std::to_string(value); }

}  // namespace

bool is_live_key(std::string_view name) noexcept {
  return std::ranges::any_of(kLiveKeys, [&](const ConfigKey& key) { return key.name() == name; });
}

void take_live_settings(const Config& settings, BrokerConfig& config) {
  const auto count = [&settings](std::string_view key) {
    return static_cast<std::int32_t>(settings.integer(key));
  };
  const auto millis = [&settings](std::string_view key) {
    return std::chrono::milliseconds(settings.integer(key));
  };
  config.broker_permission = count("brokerPermission");
  config.auto_create_topic = settings.boolean("autoCreateTopicEnable");
  config.auto_create_subscription_group = settings.boolean("autoCreateSubscriptionGroup");
  config.long_polling = settings.boolean("longPollingEnable");
  config.short_polling_time = millis("shortPollingTimeMills");
  config.start_accept_send_millis = settings.integer("startAcceptSendRequestTimeStamp");
  config.property_filter = settings.boolean("enablePropertyFilter");
  config.filter_retry_topics = settings.boolean("filterSupportRetry");
  config.notify_consumer_ids_changed = settings.boolean("notifyConsumerIdsChangedEnable");
  config.client_expiry = millis("channelExpiredTimeout");
  config.pull_from_memory.max_count = count("maxTransferCountOnMessageInMemory");
  config.pull_from_memory.max_bytes = settings.integer("maxTransferBytesOnMessageInMemory");
  config.pull_from_disk.max_count = count("maxTransferCountOnMessageInDisk");
  config.pull_from_disk.max_bytes = settings.integer("maxTransferBytesOnMessageInDisk");
  config.server_side_reset = settings.boolean("useServerSideResetOffset");
}

Config live_settings_of(const BrokerConfig& config) {
  Config settings(kLiveKeys);
  const auto flag = [&settings](std::string_view key, bool value) {
    settings.set(key, text_of(value), kFromConfig);
  };
  const auto number = [&settings](std::string_view key, std::int64_t value) {
    settings.set(key, text_of(value), kFromConfig);
  };
  number("brokerPermission", config.broker_permission);
  flag("autoCreateTopicEnable", config.auto_create_topic);
  flag("autoCreateSubscriptionGroup", config.auto_create_subscription_group);
  flag("longPollingEnable", config.long_polling);
  number("shortPollingTimeMills", to_millis(config.short_polling_time));
  number("startAcceptSendRequestTimeStamp", config.start_accept_send_millis);
  flag("enablePropertyFilter", config.property_filter);
  flag("filterSupportRetry", config.filter_retry_topics);
  flag("notifyConsumerIdsChangedEnable", config.notify_consumer_ids_changed);
  number("channelExpiredTimeout", to_millis(config.client_expiry));
  number("maxTransferCountOnMessageInMemory", config.pull_from_memory.max_count);
  number("maxTransferBytesOnMessageInMemory", config.pull_from_memory.max_bytes);
  number("maxTransferCountOnMessageInDisk", config.pull_from_disk.max_count);
  number("maxTransferBytesOnMessageInDisk", config.pull_from_disk.max_bytes);
  flag("useServerSideResetOffset", config.server_side_reset);
  return settings;
}

std::string stored_settings_path(const std::string& store_root) {
  return store_root + "/config/broker.properties";
}

void apply_stored_settings(Config& settings, const std::string& path) {
  const Result<std::string> text = read_file(path);
  // Where the path leads nowhere the store says so.
  if (!text && (text.error() == boost::system::errc::no_such_file_or_directory ||
                text.error() == boost::system::errc::not_a_directory)) {
    return;
  }
  if (!text) throw Error(text.error(), "read " + path);
  const Result<Properties> stored = Properties::parse(*text);
  if (!stored) throw Error(stored.error(), "read " + path);
  for (const auto& [key, value] : stored->values()) {
    if (is_live_key(key)) settings.set(key, value, path);
  }
}

}  // namespace comet::inline v0_1::broker
