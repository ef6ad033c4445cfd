#include "namesrv_settings.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common_settings.hpp"

namespace comet::daemon {
namespace {

using Key = ConfigKey;

constexpr ConfigKey kKeys[] = {
    Key::integer("listenPort", "9876", 0, 65535, "port to listen on; 0: a free one"),
    Key::text("bindAddress", "127.0.0.1", "IP address to listen on; 0.0.0.0: all"),
    Key::text("kvConfigPath", "", "file of the KV configuration"),
    Key::boolean("orderMessageEnable", false, "put ORDER_TOPIC_CONFIG into routes"),
    Key::boolean("returnOrderTopicConfigToBroker", true,
                 "put ORDER_TOPIC_CONFIG into answers to registrations"),
    Key::integer("brokerNotActiveTimeoutMillis", "120000", 5000, 86'400'000,
                 "ms without a sign of life after which a broker is removed, unless it names "
                 "another time"),
    Key::integer("scanNotActiveBrokerInterval", "5000", 100, 600'000,
                 "ms between searches for silent brokers"),
    Key::integer("serverChannelMaxIdleTimeSeconds", "120", 1, 86'400,
                 "s without traffic after which a connection is closed"),

    Key::unsupported("enableControllerInNamesrv", "there is no embedded controller"),
    Key::unsupported("supportActingMaster", "slaves do not act as masters yet"),
    Key::unsupported("notifyMinBrokerIdChanged", "slaves are not notified yet"),
    Key::unsupported("deleteTopicWithBrokerRegistration",
                     "topics missing in a registration stay until they are deleted here"),
    Key::unsupported("enableAllTopicList", "topic lists are always answered"),
    Key::unsupported("enableTopicList", "topic lists are always answered"),
    Key::unsupported("clusterTest", "other environments are not asked for routes"),
    Key::unsupported("needWaitForService", "queries are answered from the start on"),
    Key::unsupported("tlsEnable", "set tls.server.certPath and tls.server.keyPath"),

    Key::no_effect("rocketmqHome"),
    Key::no_effect("configStorePath"),
    Key::no_effect("configBlackList"),
    Key::no_effect("productEnvName"),
    Key::no_effect("waitSecondsForService"),
    Key::no_effect("namesrvAddr"),
    Key::no_effect("defaultThreadPoolNums"),
    Key::no_effect("defaultThreadPoolQueueCapacity"),
    Key::no_effect("clientRequestThreadPoolNums"),
    Key::no_effect("clientRequestThreadPoolQueueCapacity"),
    Key::no_effect("unRegisterBrokerQueueCapacity"),
    Key::no_effect("serverWorkerThreads"),
    Key::no_effect("serverCallbackExecutorThreads"),
    Key::no_effect("serverSelectorThreads"),
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
};

constexpr auto kAllKeys = with_common_keys(kKeys);

std::string home_directory() {
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "." : home;
}

// "key=value" lines without comments, as administrators' tools expect them.
std::string properties_text(const Config& settings) {
  const std::string printed = settings.print();
  std::string text;
  for (std::string_view rest = printed; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    rest.remove_prefix(line.size());
    if (!line.starts_with('#')) text += line;
  }
  return text;
}

}  // namespace

Config make_namesrv_settings() {
  Config settings(kAllKeys);
  settings.set_default("kvConfigPath", home_directory() + "/namesrv/kvConfig.json");
  return settings;
}

namesrv::NameServerConfig to_name_server_config(const Config& settings) {
  namesrv::NameServerConfig config;
  const std::string& bind_address = settings.text("bindAddress");
  if (bind_address.empty()) throw settings.error("bindAddress", "must be an IP address");
  config.listen_at =
      Address(bind_address, static_cast<std::uint16_t>(settings.integer("listenPort")));
  config.kv_config_path = settings.text("kvConfigPath");
  config.order_message_enable = settings.boolean("orderMessageEnable");
  config.return_order_topic_config = settings.boolean("returnOrderTopicConfigToBroker");
  config.broker_expiry =
      std::chrono::milliseconds(settings.integer("brokerNotActiveTimeoutMillis"));
  config.scan_interval = std::chrono::milliseconds(settings.integer("scanNotActiveBrokerInterval"));
  config.connection.idle =
      std::chrono::seconds(settings.integer("serverChannelMaxIdleTimeSeconds"));
  config.properties = properties_text(settings);
  return config;
}

std::string explain_namesrv_address(const IpEndpoint& local) {
  return local.is_loopback() ? "loopback only; set bindAddress for brokers and clients elsewhere"
                             : "as bindAddress says";
}

}  // namespace comet::daemon
