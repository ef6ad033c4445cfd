#include "broker_settings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "access_settings.hpp"
#include "comet/broker/live_settings.hpp"
#include "comet/message/validate.hpp"
#include "common_settings.hpp"
#include "event_loops.hpp"
#include "own_address.hpp"
#include "replication_settings.hpp"

namespace comet::inline v0_1::daemon {
namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

IpEndpoint announced(const Config& settings) {
  const std::string& ip = settings.text("brokerIP1");
  const auto endpoint = IpEndpoint::parse_ip(ip.empty() ? "127.0.0.1" : ip, 0);
  if (!endpoint) throw settings.error("brokerIP1", "must be a numeric IP address");
  return *endpoint;
}

// No brackets around one of IPv6.
std::string announced_ip(const Config& settings) { return announced(settings).ip_text(); }

// Listening is safe by default: a broker that announces loopback does not listen elsewhere.
std::string listen_ip(const Config& settings) {
  if (const std::string& bind = settings.text("bindAddress"); !bind.empty()) return bind;
  const IpEndpoint ip = announced(settings);
  if (ip.is_v6()) return ip.is_loopback() ? "::1" : "::";  // there IPv4 clients are served, too
  return ip.is_loopback() ? "127.0.0.1" : "0.0.0.0";
}

std::chrono::milliseconds millis(const Config& settings, std::string_view key) {
  return std::chrono::milliseconds(settings.integer(key));
}

}  // namespace

Config make_broker_settings() {
  Config settings(broker_keys());
  settings.set_default("brokerName", host_name());
  settings.set_default("serverSelectorThreads", std::to_string(default_event_loops()));
  settings.set_default("namesrvAddr", environment("NAMESRV_ADDR"));
  const std::string home = environment("HOME");
  settings.set_default("storePathRootDir", (home.empty() ? "." : home) + "/store");
  return settings;
}

void take_limits(const Config& settings, broker::BrokerConfig& config) {
  const auto size = [&settings](std::string_view key) {
    return static_cast<std::size_t>(settings.integer(key));
  };
  config.max_sends = size("sendThreadPoolQueueCapacity");
  config.max_send_bytes = size("maxSendBytesInFlight");
  config.max_connections = size("maxConnections");
  config.max_unfinished_frame_bytes = size("maxUnfinishedFrameBytes");
  config.max_unsent_bytes = size("maxUnsentBytes");
  config.max_batch_messages = size("maxBatchMessages");
  config.max_topic_name_bytes = size("maxTopicNameBytes");
  config.clients.max_heartbeat_bytes = size("maxHeartbeatBytes");
  config.clients.max_groups_per_connection = size("maxGroupsPerConnection");
  config.clients.max_subscriptions_per_group = size("maxSubscriptionsPerGroup");
  config.clients.max_subscription_bytes_per_group = size("maxSubscriptionBytesPerGroup");
  config.clients.max_bytes = size("maxClientTableBytes");
  config.connection.max_handlers = size("connectionMaxRequests");
  config.connection.max_handler_bytes = size("connectionMaxRequestBytes");
  config.connection.max_unsent = size("connectionMaxUnsentBytes");
  config.connection.idle =
      std::chrono::seconds(settings.integer("serverChannelMaxIdleTimeSeconds"));
}

void take_registration(const Config& settings, broker::BrokerConfig& config) {
  config.force_register = settings.boolean("forceRegister");
  config.compressed_register = settings.boolean("compressedRegister");
  if (!settings.boolean("fetchNamesrvAddrByAddressServer")) return;
  const std::string& domain = settings.text("rmqAddressServerDomain");
  if (domain.empty()) {
    throw settings.error("fetchNamesrvAddrByAddressServer", "needs rmqAddressServerDomain");
  }
  try {
    config.address_server =
        remoting::AddressServer(domain, settings.text("rmqAddressServerSubGroup"));
  } catch (const Error& problem) {
    throw settings.error("rmqAddressServerDomain", problem.what());
  }
}

void take_topics(const Config& settings, broker::BrokerConfig& config) {
  config.cluster_topic = settings.boolean("clusterTopicEnable");
  config.broker_topic = settings.boolean("brokerTopicEnable");
  if (!settings.boolean("traceTopicEnable")) return;
  config.trace_topic = settings.text("msgTraceTopicName");
  if (std::string complaint = check_topic(config.trace_topic); !complaint.empty()) {
    throw settings.error("msgTraceTopicName", complaint);
  }
}

void take_timers(const Config& settings, broker::BrokerConfig& config) {
  const auto seconds = [&settings](std::string_view key) {
    return std::chrono::seconds(settings.integer(key));
  };
  config.timers = settings.boolean("timerWheelEnable");
  config.timer_precision_millis = settings.integer("timerPrecisionMs");
  config.timer_max_delay = seconds("timerMaxDelaySec");
  config.timer_roll_window = seconds("timerRollWindowSlot");
  config.timer_flush_interval = millis(settings, "timerFlushIntervalMs");
  config.max_timers = static_cast<std::size_t>(settings.integer("timerMaxPending"));
  config.recall_messages = settings.boolean("recallMessageEnable");
  config.recall_when_not_writable = settings.boolean("allowRecallWhenBrokerNotWriteable");
}

void take_store_paths(const Config& settings, store::StoreConfig& store) {
  store.commit_log_path = settings.text("storePathCommitLog");
  store.consume_queue_path = settings.text("storePathConsumeQueue");
  store.index_path = settings.text("storePathIndex");
  if (store.commit_log_path.find(',') != std::string::npos) {
    throw settings.error("storePathCommitLog", "names several directories; there can be one");
  }
}

broker::BrokerConfig to_broker_config(const Config& settings) {
  broker::BrokerConfig config;
  take_limits(settings, config);
  broker::take_live_settings(settings, config);
  config.settings = settings;
  config.broker_name = settings.text("brokerName");
  config.cluster_name = settings.text("brokerClusterName");
  config.broker_id = settings.integer("brokerId");
  config.broker_ip = announced_ip(settings);
  config.listen_at =
      Address(listen_ip(settings), static_cast<std::uint16_t>(settings.integer("listenPort")));
  take_replication(settings, listen_ip(settings), config);
  take_access(settings, config);
  try {
    config.name_servers = Address::parse_list(settings.text("namesrvAddr"));
  } catch (const Error& problem) {
    throw settings.error("namesrvAddr", problem.what());
  }
  config.store.root = settings.text("storePathRootDir");
  take_store_paths(settings, config.store);
  config.store.max_records_lost_at_start = settings.integer("maxRecordsLostAtStart");
  config.store.damaged_keep_time = std::chrono::hours(settings.integer("damagedKeepHours"));
  config.store.commit_log_file_size = settings.integer("mappedFileSizeCommitLog");
  config.store.consume_queue_file_size =
      (settings.integer("mappedFileSizeConsumeQueue") + 19) / 20 * 20;
  config.store.max_message_size = static_cast<std::int32_t>(settings.integer("maxMessageSize"));
  config.store.flush = settings.text("flushDiskType") == "SYNC_FLUSH"
                           ? store::FlushMode::sync_flush
                           : store::FlushMode::async_flush;
  config.store.flush_interval = millis(settings, "flushIntervalCommitLog");
  config.store.sync_flush_timeout = millis(settings, "syncFlushTimeout");
  config.store.file_reserved_time = std::chrono::hours(settings.integer("fileReservedTime"));
  config.store.delete_when = settings.text("deleteWhen");
  config.store.disk_max_used_percent = static_cast<int>(settings.integer("diskMaxUsedSpaceRatio"));
  config.store.disk_clean_forcibly_percent =
      static_cast<int>(settings.integer("diskSpaceCleanForciblyRatio"));
  config.store.disk_warning_percent =
      static_cast<int>(settings.integer("diskSpaceWarningLevelRatio"));
  config.store.clean_file_forcibly = settings.boolean("cleanFileForciblyEnable");
  config.store.clean_interval = millis(settings, "cleanResourceInterval");
  config.store.index_messages = settings.boolean("messageIndexEnable");
  config.store.index_slots = static_cast<std::int32_t>(settings.integer("maxHashSlotNum"));
  config.store.index_entries = static_cast<std::int32_t>(settings.integer("maxIndexNum"));
  config.default_topic_queue_nums =
      static_cast<std::int32_t>(settings.integer("defaultTopicQueueNums"));
  config.register_period = millis(settings, "registerNameServerPeriod");
  config.flush_consumer_offset_interval = millis(settings, "flushConsumerOffsetInterval");
  config.store.delay_levels = settings.text("messageDelayLevel");
  config.flush_delay_offset_interval = millis(settings, "flushDelayOffsetInterval");
  config.region_id = settings.text("regionId");
  take_timers(settings, config);
  config.transaction_check_interval = millis(settings, "transactionCheckInterval");
  config.transaction_timeout = millis(settings, "transactionTimeOut");
  config.transaction_check_max = static_cast<std::int32_t>(settings.integer("transactionCheckMax"));
  config.reject_transactions = settings.boolean("rejectTransactionMessage");
  config.store_replies = settings.boolean("storeReplyMessageEnable");
  take_registration(settings, config);
  take_topics(settings, config);
  return config;
}

std::string open_port_warning(const Config& settings) {
  return open_port_warning(settings, listen_ip(settings));
}

std::string explain_listen_address(const Config& settings) {
  if (is_found_by_name_server(settings)) {
    return fmt::format(
        "the address towards name server {}; brokerIP1 and bindAddress name another one",
        settings.text("namesrvAddr"));
  }
  if (!settings.text("bindAddress").empty()) return "as bindAddress says";
  return !announced(settings).is_loopback()
             ? fmt::format("all addresses, since brokerIP1 is {}; bindAddress changes that",
                           announced_ip(settings))
             : "loopback only; set brokerIP1 to an address of this machine for clients elsewhere";
}

}  // namespace comet::inline v0_1::daemon
