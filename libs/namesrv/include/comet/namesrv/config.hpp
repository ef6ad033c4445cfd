#pragma once
// What a name server is told at its start: data only.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "comet/base/address.hpp"
#include "comet/base/config.hpp"
#include "comet/base/time.hpp"
#include "comet/namesrv/live_settings.hpp"
#include "comet/remoting/connection_limits.hpp"

namespace comet::inline v0_1::remoting {
class RequestObserver;
}

namespace comet::inline v0_1::namesrv {

// What brokers can make the table of routes hold. Topics beyond a limit are left out, brokers
// refused.
class RouteTableLimits {
 public:
  std::size_t max_name = 255;  // bytes of a topic, broker, cluster or zone name or an address
  std::size_t max_brokers = 10'000;
  std::size_t max_topics_per_broker = 200'000;
  std::size_t max_entries = 4'000'000;        // topics times brokers, some 20 bytes each
  std::size_t max_name_bytes = 256u << 20;    // of the names of all topics together
  std::size_t max_mapped_queues = 4'000'000;  // of static topics, some 48 bytes each
  std::size_t max_filter_servers = 64;        // of a broker
  std::size_t max_cached = 8u << 20;          // bytes of encoded answers
};

// Clients' watches of routes; further ones are not taken, and their clients poll.
class RouteWatchLimits {
 public:
  std::size_t max_watches = 500'000;  // some 150 bytes each
  std::size_t max_per_connection = 10'000;
  std::size_t max_topic_size = 255;  // bytes of a name
};

// Comments name Apache's key where it differs from the member.
class NameServerConfig : public LiveSettings {
 public:
  Address listen_at{"127.0.0.1", 9876};              // bindAddress, listenPort; port 0: a free one
  Duration scan_interval = std::chrono::seconds(5);  // scanNotActiveBrokerInterval
  std::string kv_config_path;                        // kvConfigPath; empty: kept in memory only
  // Where routes are saved, every interval and at the stop, to be answered at once after the next
  // start: until their brokers register again, or, if they do not, for the expiry (0: that of
  // brokers that register). Empty: not at all.
  std::string saved_routes_path;
  Duration saved_routes_interval = std::chrono::seconds(30);
  Duration saved_routes_expiry{};
  // What GET_NAMESRV_CONFIG answers and UPDATE_NAMESRV_CONFIG changes; its table has kLiveKeys.
  // nullopt: nothing and not at all. The LiveSettings above are what holds at the start.
  std::optional<Config> settings;
  std::string config_store_path;  // configStorePath: keeps those changes; empty: not kept
  std::string config_black_list;  // configBlackList: further keys that it may not change, "a;b"
  RouteTableLimits limits;
  std::size_t max_inflated = 64u << 20;  // bytes of a compressed registration, inflated
  std::size_t max_waiting = 256u << 20;  // bytes of requests that wait for the worker, over all
  RouteWatchLimits watches;
  std::size_t max_connections = 60'000;  // maxConnections; further ones are closed at once
  std::size_t max_unfinished_frame_bytes = 64u << 20;  // over all connections
  std::size_t max_unsent_bytes = 96u << 20;            // of answers, likewise
  remoting::ConnectionLimits connection;
  std::shared_ptr<remoting::RequestObserver> observer;  // null: none
};

}  // namespace comet::inline v0_1::namesrv
