#include "namesrv_settings.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "common_settings.hpp"
#include "event_loops.hpp"

namespace comet::inline v0_1::daemon {
namespace {

using Key = ConfigKey;

constexpr ConfigKey kKeys[] = {
    Key::integer("listenPort", "9876", 0, 65535, "port to listen on; 0: a free one"),
    Key::text("bindAddress", "127.0.0.1", "IP address to listen on; 0.0.0.0: all"),
    Key::text("kvConfigPath", "", "file of the KV configuration"),
    Key::text("savedRoutesPath", "",
              "file that keeps the routes over a restart; empty: they are not kept"),
    Key::integer("savedRoutesInterval", "30000", 1000, 3'600'000, "ms between savings of routes"),
    Key::integer("savedRoutesExpiryMillis", "0", 0, 86'400'000,
                 "ms after a start for which kept routes of brokers that do not register are "
                 "answered; 0: brokerNotActiveTimeoutMillis"),
    Key::text("configStorePath", "", "file that keeps what UPDATE_NAMESRV_CONFIG has changed"),
    Key::text("configBlackList", "configBlackList;configStorePath;kvConfigPath",
              "keys that UPDATE_NAMESRV_CONFIG must not change, besides those that it never may"),
    Key::integer("scanNotActiveBrokerInterval", "5000", 100, 600'000,
                 "ms between searches for silent brokers"),
    Key::integer("serverChannelMaxIdleTimeSeconds", "120", 1, 86'400,
                 "s without traffic after which a connection is closed"),
    Key::integer("maxConnections", "60000", 1, 1'000'000, "further ones are closed at once"),
    Key::integer("maxUnfinishedFrameBytes", "67108864", 33'554'432, 17'179'869'184,
                 "bytes that frames which have not come whole take together, over all connections"),
    Key::integer(
        "maxUnsentBytes", "100663296", 33'554'432, 17'179'869'184,
        "bytes of answers that peers have not taken, over all connections; beyond it those "
        "are closed whose answers have waited for longest"),

    Key::refused("enableControllerInNamesrv", "false",
                 "there is no controller yet, and brokers would wait for one in vain; remove the "
                 "line, and run Apache's controller where brokers need one"),
    Key::refused("clusterTest", "false",
                 "other environments are not asked for routes, and clients would not find their "
                 "topics; remove the line"),
    Key::refused("useTLS", "false",
                 "connections would be plain; set tls.server.certPath and tls.server.keyPath"),

    Key::no_effect("rocketmqHome"),
    Key::no_effect("productEnvName"),
    Key::no_effect("namesrvAddr"),
    Key::no_effect("defaultThreadPoolNums"),
    Key::no_effect("defaultThreadPoolQueueCapacity"),
    Key::no_effect("clientRequestThreadPoolNums"),
    Key::no_effect("clientRequestThreadPoolQueueCapacity"),
    Key::no_effect("unRegisterBrokerQueueCapacity"),
    Key::no_effect("serverWorkerThreads"),
    Key::no_effect("serverCallbackExecutorThreads"),
    Key::no_effect("serverOnewaySemaphoreValue"),
    Key::no_effect("serverAsyncSemaphoreValue"),
    Key::no_effect("serverSocketSndBufSize"),
    Key::no_effect("serverSocketRcvBufSize"),
    Key::no_effect("serverSocketBacklog"),
    Key::no_effect("writeBufferHighWaterMark"),
    Key::no_effect("writeBufferLowWaterMark"),
    Key::no_effect("serverNettyWorkerGroupEnable"),
    Key::no_effect("serverPooledByteBufAllocatorEnable"),
    Key::no_effect("enableShutdownGracefully"),
    Key::no_effect("shutdownWaitTimeSeconds"),
    Key::no_effect("useEpollNativeSelector"),

    // Of the controller that Apache's can run inside.
    Key::no_effect("controllerDLegerGroup"),
    Key::no_effect("controllerDLegerPeers"),
    Key::no_effect("controllerDLegerSelfId"),
    Key::no_effect("controllerRequestThreadPoolQueueCapacity"),
    Key::no_effect("controllerStorePath"),
    Key::no_effect("controllerThreadPoolNums"),
    Key::no_effect("controllerType"),
    Key::no_effect("electMasterMaxRetryCount"),
    Key::no_effect("enableElectUncleanMaster"),
    Key::no_effect("mappedFileSize"),
    Key::no_effect("metricGrpcExporterIntervalInMills"),
    Key::no_effect("metricGrpcExporterTimeOutInMills"),
    Key::no_effect("metricLoggingExporterIntervalInMills"),
    Key::no_effect("metricsExporterType"),
    Key::no_effect("metricsGrpcExporterHeader"),
    Key::no_effect("metricsGrpcExporterTarget"),
    Key::no_effect("metricsInDelta"),
    Key::no_effect("metricsLabel"),
    Key::no_effect("metricsPromExporterHost"),
    Key::no_effect("metricsPromExporterPort"),
    Key::no_effect("notifyBrokerRoleChanged"),
    Key::no_effect("processReadEvent"),
    Key::no_effect("scanInactiveMasterInterval"),
    Key::no_effect("jRaftControllerRPCAddr"),
    Key::no_effect("jRaftElectionTimeoutMs"),
    Key::no_effect("jRaftGroupId"),
    Key::no_effect("jRaftInitConf"),
    Key::no_effect("jRaftScanWaitTimeoutMs"),
    Key::no_effect("jRaftServerId"),
    Key::no_effect("jRaftSnapshotIntervalSecs"),

    // Of a client: the name server asks nobody.
    Key::no_effect("channelNotActiveInterval"),
    Key::no_effect("clientAsyncSemaphoreValue"),
    Key::no_effect("clientCallbackExecutorThreads"),
    Key::no_effect("clientChannelMaxIdleTimeSeconds"),
    Key::no_effect("clientCloseSocketIfTimeout"),
    Key::no_effect("clientOnewaySemaphoreValue"),
    Key::no_effect("clientPooledByteBufAllocatorEnable"),
    Key::no_effect("clientSocketRcvBufSize"),
    Key::no_effect("clientSocketSndBufSize"),
    Key::no_effect("clientWorkerThreads"),
    Key::no_effect("connectTimeoutMillis"),
    Key::no_effect("disableCallbackExecutor"),
    Key::no_effect("disableNettyWorkerGroup"),
    Key::no_effect("enableReconnectForGoAway"),
    Key::no_effect("maxReconnectIntervalTimeSeconds"),
    Key::no_effect("scanAvailableNameSrv"),
    Key::no_effect("socksProxyConfig"),
};

constexpr auto kAllKeys = with_common_keys(kKeys);

std::string home_directory() {
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "." : home;
}

}  // namespace

std::span<const ConfigKey> namesrv_keys() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all(std::begin(kAllKeys), std::end(kAllKeys));
    all.insert(all.end(), std::begin(namesrv::kLiveKeys), std::end(namesrv::kLiveKeys));
    return all;
  }();
  return keys;
}

Config make_namesrv_settings() {
  Config settings(namesrv_keys());
  settings.set_default("kvConfigPath", home_directory() + "/namesrv/kvConfig.json");
  settings.set_default("serverSelectorThreads", std::to_string(default_event_loops()));
  settings.set_default("configStorePath", home_directory() + "/namesrv/namesrv.properties");
  return settings;
}

namesrv::NameServerConfig to_name_server_config(const Config& settings) {
  namesrv::NameServerConfig config;
  const std::string& bind_address = settings.text("bindAddress");
  if (bind_address.empty()) throw settings.error("bindAddress", "must be an IP address");
  config.listen_at =
      Address(bind_address, static_cast<std::uint16_t>(settings.integer("listenPort")));
  config.kv_config_path = settings.text("kvConfigPath");
  static_cast<namesrv::LiveSettings&>(config) = namesrv::read_live_settings(settings);
  config.saved_routes_path = settings.text("savedRoutesPath");
  config.saved_routes_interval = std::chrono::milliseconds(settings.integer("savedRoutesInterval"));
  config.saved_routes_expiry =
      std::chrono::milliseconds(settings.integer("savedRoutesExpiryMillis"));
  config.config_store_path = settings.text("configStorePath");
  config.config_black_list = settings.text("configBlackList");
  config.scan_interval = std::chrono::milliseconds(settings.integer("scanNotActiveBrokerInterval"));
  config.connection.idle =
      std::chrono::seconds(settings.integer("serverChannelMaxIdleTimeSeconds"));
  config.max_connections = static_cast<std::size_t>(settings.integer("maxConnections"));
  config.max_unfinished_frame_bytes =
      static_cast<std::size_t>(settings.integer("maxUnfinishedFrameBytes"));
  config.max_unsent_bytes = static_cast<std::size_t>(settings.integer("maxUnsentBytes"));
  config.settings = settings;
  return config;
}

std::string explain_namesrv_address(const IpEndpoint& local) {
  return local.is_loopback() ? "loopback only; set bindAddress for brokers and clients elsewhere"
                             : "as bindAddress says";
}

}  // namespace comet::inline v0_1::daemon
