#include "broker_settings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "common_settings.hpp"

namespace comet::daemon {
namespace {

using Key = ConfigKey;

constexpr ConfigKey kKeys[] = {
    Key::text("brokerName", "", "name under which clients know this broker; master and slaves share it (default: host name)"),
    Key::text("brokerClusterName", "DefaultCluster", "cluster to which it belongs"),
    Key::integer("brokerId", "0", 0, 0, "0: master (slaves are not served yet)"),
    Key::text("brokerIP1", "", "IP address that clients are told to connect to (default: 127.0.0.1)"),
    Key::integer("listenPort", "10911", 0, 65535, "port to listen on; 0: a free one"),
    Key::text("bindAddress", "", "IP address to listen on (default: loopback if brokerIP1 is, else all addresses)"),
    Key::text("namesrvAddr", "", "name servers, host:port;host:port (default: environment variable NAMESRV_ADDR)"),
    Key::text("storePathRootDir", "", "directory of all data (default: $HOME/store)"),
    Key::integer("mappedFileSizeCommitLog", "1073741824", 4096, 1073741824, "bytes of a commit log file; constant for a directory"),
    Key::integer("mappedFileSizeConsumeQueue", "6000000", 20, 1073741820, "bytes of a consume queue file, rounded up to whole units of 20"),
    Key::integer("maxMessageSize", "4194304", 1, 15728640, "bytes of a message body"),
    Key::choice("flushDiskType", "ASYNC_FLUSH", "ASYNC_FLUSH|SYNC_FLUSH", "acknowledge when written, or when on disk"),
    Key::integer("flushIntervalCommitLog", "500", 1, 60000, "ms between flushes under ASYNC_FLUSH"),
    Key::integer("syncFlushTimeout", "5000", 1, 600000, "ms after which a send is answered FLUSH_DISK_TIMEOUT"),
    Key::integer("fileReservedTime", "72", 1, 876000, "hours that commit log files are kept"),
    Key::text("deleteWhen", "04", "hours of local time at which older ones are deleted, 04;16"),
    Key::integer("diskMaxUsedSpaceRatio", "75", 10, 95, "% of disk use above which they are deleted at any hour"),
    Key::boolean("cleanFileForciblyEnable", true, "delete younger files when the disk is more than 85 % full"),
    Key::integer("cleanResourceInterval", "10000", 1000, 3600000, "ms between looks at disk and files"),
    Key::boolean("messageIndexEnable", true, "index messages by KEYS and unique key"),
    Key::integer("maxHashSlotNum", "5000000", 1, 100000000, "slots of an index file; constant for a directory"),
    Key::integer("maxIndexNum", "20000000", 2, 100000000, "entries of an index file; constant for a directory"),
    Key::boolean("autoCreateTopicEnable", true, "create unknown topics on first send"),
    Key::boolean("autoCreateSubscriptionGroup", true, "create unknown consumer groups on first use"),
    Key::integer("defaultTopicQueueNums", "8", 1, 65536, "queues of topics created on first send, at most"),
    Key::integer("brokerPermission", "6", 0, 6, "2: write, 4: read, 6: both"),
    Key::boolean("longPollingEnable", true, "hold pulls until a message arrives"),
    Key::integer("shortPollingTimeMills", "1000", 1, 60000, "ms a pull is held when longPollingEnable=false"),
    Key::integer("registerNameServerPeriod", "30000", 10000, 60000, "ms between registrations"),
    Key::integer("flushConsumerOffsetInterval", "5000", 100, 600000, "ms between savings of consumer offsets"),
    Key::text("messageDelayLevel", "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h", "delays of levels 1, 2, ...; units s m h d"),
    Key::integer("flushDelayOffsetInterval", "1000", 100, 600000, "ms between savings of how far delayed messages are delivered"),
    Key::text("regionId", "DefaultRegion", "MSG_REGION in answers to sends"),
    Key::integer("serverChannelMaxIdleTimeSeconds", "120", 1, 86400, "s without traffic after which a connection is closed"),

    Key::unsupported("brokerRole", "only a single master (ASYNC_MASTER) is served"),
    Key::unsupported("storePathCommitLog", "the commit log lies below storePathRootDir"),
    Key::unsupported("aclEnable", "access control is not there yet: every client is let in"),
    Key::unsupported("enablePropertyFilter", "SQL92 filters are not there yet"),
    Key::unsupported("traceTopicEnable", "the trace topic is created like any other, on first send"),
    Key::unsupported("enableConsumeQueueExt", "consume queue extension files are not written"),
    Key::unsupported("enableControllerMode", "there is no automatic master election yet"),
    Key::unsupported("enableDLegerCommitLog", "DLedger is not supported"),
    Key::unsupported("slaveReadEnable", "slaves are not served"),
    Key::unsupported("haListenPort", "there is no replication yet"),
    Key::unsupported("fetchNamesrvAddrByAddressServer", "give namesrvAddr"),
    Key::no_effect("brokerIP2"), Key::no_effect("haMasterAddress"), Key::no_effect("haSendHeartbeatInterval"),
    Key::no_effect("rocketmqHome"), Key::no_effect("sendMessageThreadPoolNums"), Key::no_effect("pullMessageThreadPoolNums"),
    Key::no_effect("processReplyMessageThreadPoolNums"), Key::no_effect("queryMessageThreadPoolNums"),
    Key::no_effect("adminBrokerThreadPoolNums"), Key::no_effect("clientManageThreadPoolNums"),
    Key::no_effect("consumerManageThreadPoolNums"), Key::no_effect("heartbeatThreadPoolNums"),
    Key::no_effect("endTransactionThreadPoolNums"), Key::no_effect("putMessageFutureThreadPoolNums"),
    Key::no_effect("sendThreadPoolQueueCapacity"), Key::no_effect("pullThreadPoolQueueCapacity"),
    Key::no_effect("queryThreadPoolQueueCapacity"), Key::no_effect("clientManagerThreadPoolQueueCapacity"),
    Key::no_effect("consumerManagerThreadPoolQueueCapacity"), Key::no_effect("heartbeatThreadPoolQueueCapacity"),
    Key::no_effect("waitTimeMillsInSendQueue"), Key::no_effect("waitTimeMillsInPullQueue"),
    Key::no_effect("waitTimeMillsInHeartbeatQueue"), Key::no_effect("waitTimeMillsInTransactionQueue"),
    Key::no_effect("brokerFastFailureEnable"), Key::no_effect("osPageCacheBusyTimeOutMills"),
    Key::no_effect("useReentrantLockWhenPutMessage"), Key::no_effect("warmMapedFileEnable"),
    Key::no_effect("transientStorePoolEnable"), Key::no_effect("transientStorePoolSize"),
    Key::no_effect("fastFailIfNoBufferInStorePool"), Key::no_effect("flushCommitLogTimed"),
    Key::no_effect("flushCommitLogLeastPages"), Key::no_effect("flushCommitLogThoroughInterval"),
    Key::no_effect("flushLeastPagesWhenWarmMapedFile"), Key::no_effect("commitIntervalCommitLog"),
    Key::no_effect("commitCommitLogLeastPages"), Key::no_effect("commitCommitLogThoroughInterval"),
    Key::no_effect("flushIntervalConsumeQueue"), Key::no_effect("flushConsumeQueueLeastPages"),
    Key::no_effect("flushConsumeQueueThoroughInterval"), Key::no_effect("checkCRCOnRecover"),
    Key::no_effect("transferMsgByHeap"), Key::no_effect("maxDelayTime"), Key::no_effect("accessMessageInMemoryMaxRatio"),
    Key::no_effect("maxTransferBytesOnMessageInMemory"), Key::no_effect("maxTransferCountOnMessageInMemory"),
    Key::no_effect("maxTransferBytesOnMessageInDisk"), Key::no_effect("maxTransferCountOnMessageInDisk"),
    Key::no_effect("debugLockEnable"),
    Key::no_effect("deleteCommitLogFilesInterval"), Key::no_effect("deleteConsumeQueueFilesInterval"),
    Key::no_effect("destroyMapedFileIntervalForcibly"), Key::no_effect("redeleteHangedFileInterval"),
    Key::no_effect("serverWorkerThreads"), Key::no_effect("serverCallbackExecutorThreads"),
    Key::no_effect("serverSelectorThreads"), Key::no_effect("serverOnewaySemaphoreValue"),
    Key::no_effect("serverAsyncSemaphoreValue"), Key::no_effect("serverSocketSndBufSize"),
    Key::no_effect("serverSocketRcvBufSize"), Key::no_effect("serverPooledByteBufAllocatorEnable"),
    Key::no_effect("useEpollNativeSelector"), Key::no_effect("storePathConsumeQueue"), Key::no_effect("storePathIndex"),
    Key::no_effect("storeCheckpoint"), Key::no_effect("abortFile"),
    Key::no_effect("messageIndexSafe"),
    Key::no_effect("compressedRegister"), Key::no_effect("forceRegister"), Key::no_effect("registerBrokerTimeoutMills"),
    Key::no_effect("clusterTopicEnable"), Key::no_effect("brokerTopicEnable"), Key::no_effect("traceOn"),
    Key::no_effect("msgTraceTopicName"), Key::no_effect("longPolling"), Key::no_effect("notifyConsumerIdsChangedEnable"),
    Key::no_effect("highSpeedMode"), Key::no_effect("commercialEnable"), Key::no_effect("commercialTimerCount"),
    Key::no_effect("commercialTransCount"), Key::no_effect("commercialBigCount"), Key::no_effect("commercialBaseCount"),
    Key::no_effect("transactionTimeOut"), Key::no_effect("transactionCheckMax"), Key::no_effect("transactionCheckInterval"),
    Key::no_effect("rejectTransactionMessage"), Key::no_effect("storeReplyMessageEnable"),
    Key::no_effect("startAcceptSendRequestTimeStamp"), Key::no_effect("defaultQueryMaxNum"),
    Key::no_effect("offsetCheckInSlave"), Key::no_effect("haSlaveFallbehindMax"), Key::no_effect("slaveTimeout"),
    Key::no_effect("consumerFallbehindThreshold"), Key::no_effect("disableConsumeIfConsumerReadSlowly"),
    Key::no_effect("enableCalcFilterBitMap"), Key::no_effect("filterServerNums"), Key::no_effect("filterSupportRetry"),
    Key::no_effect("flushConsumerOffsetHistoryInterval"), Key::no_effect("fetchNameServerInterval"),
};

constexpr auto kAllKeys = with_common_keys(kKeys);

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string announced_ip(const Config& settings) {
  const std::string& ip = settings.text("brokerIP1");
  return ip.empty() ? "127.0.0.1" : ip;
}

// Listening is safe by default: a broker that announces loopback does not listen elsewhere.
std::string listen_ip(const Config& settings) {
  if (const std::string& bind = settings.text("bindAddress"); !bind.empty()) return bind;
  auto announced = IpEndpoint::parse(announced_ip(settings) + ":0");
  if (!announced) throw settings.error("brokerIP1", "must be a numeric IP address");
  return announced->is_loopback() ? "127.0.0.1" : "0.0.0.0";
}

std::chrono::milliseconds millis(const Config& settings, std::string_view key) {
  return std::chrono::milliseconds(settings.integer(key));
}

}  // namespace

std::span<const ConfigKey> broker_keys() { return kAllKeys; }

Config make_broker_settings() {
  Config settings(broker_keys());
  settings.set_default("brokerName", host_name());
  settings.set_default("namesrvAddr", environment("NAMESRV_ADDR"));
  const std::string home = environment("HOME");
  settings.set_default("storePathRootDir", (home.empty() ? "." : home) + "/store");
  return settings;
}

broker::BrokerConfig to_broker_config(const Config& settings) {
  broker::BrokerConfig config;
  config.broker_name = settings.text("brokerName");
  config.cluster_name = settings.text("brokerClusterName");
  config.broker_id = settings.integer("brokerId");
  config.broker_ip = announced_ip(settings);
  config.listen_at = Address(listen_ip(settings), static_cast<std::uint16_t>(settings.integer("listenPort")));
  try {
    config.name_servers = Address::parse_list(settings.text("namesrvAddr"));
  } catch (const Error& problem) {
    throw settings.error("namesrvAddr", problem.what());
  }
  config.store.root = settings.text("storePathRootDir");
  config.store.commit_log_file_size = settings.integer("mappedFileSizeCommitLog");
  config.store.consume_queue_file_size = (settings.integer("mappedFileSizeConsumeQueue") + 19) / 20 * 20;
  config.store.max_message_size = static_cast<std::int32_t>(settings.integer("maxMessageSize"));
  config.store.flush = settings.text("flushDiskType") == "SYNC_FLUSH" ? store::FlushMode::sync_flush
                                                                      : store::FlushMode::async_flush;
  config.store.flush_interval = millis(settings, "flushIntervalCommitLog");
  config.store.sync_flush_timeout = millis(settings, "syncFlushTimeout");
  config.store.file_reserved_time = std::chrono::hours(settings.integer("fileReservedTime"));
  config.store.delete_when = settings.text("deleteWhen");
  config.store.disk_max_used_percent = static_cast<int>(settings.integer("diskMaxUsedSpaceRatio"));
  config.store.clean_file_forcibly = settings.boolean("cleanFileForciblyEnable");
  config.store.clean_interval = millis(settings, "cleanResourceInterval");
  config.store.index_messages = settings.boolean("messageIndexEnable");
  config.store.index_slots = static_cast<std::int32_t>(settings.integer("maxHashSlotNum"));
  config.store.index_entries = static_cast<std::int32_t>(settings.integer("maxIndexNum"));
  config.auto_create_topic = settings.boolean("autoCreateTopicEnable");
  config.auto_create_subscription_group = settings.boolean("autoCreateSubscriptionGroup");
  config.default_topic_queue_nums = static_cast<std::int32_t>(settings.integer("defaultTopicQueueNums"));
  config.broker_permission = static_cast<std::int32_t>(settings.integer("brokerPermission"));
  config.long_polling = settings.boolean("longPollingEnable");
  config.short_polling_time = millis(settings, "shortPollingTimeMills");
  config.register_period = millis(settings, "registerNameServerPeriod");
  config.flush_consumer_offset_interval = millis(settings, "flushConsumerOffsetInterval");
  config.store.delay_levels = settings.text("messageDelayLevel");
  config.flush_delay_offset_interval = millis(settings, "flushDelayOffsetInterval");
  config.region_id = settings.text("regionId");
  config.connection.idle = std::chrono::seconds(settings.integer("serverChannelMaxIdleTimeSeconds"));
  return config;
}

std::string explain_listen_address(const Config& settings) {
  if (!settings.text("bindAddress").empty()) return "as bindAddress says";
  return listen_ip(settings) == "0.0.0.0"
             ? fmt::format("all addresses, since brokerIP1 is {}; bindAddress changes that", announced_ip(settings))
             : "loopback only; set brokerIP1 to an address of this machine for clients elsewhere";
}

}  // namespace comet::daemon
