#pragma once
// A RocketMQ name server: brokers register here, clients ask where a topic lives.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comet/base/stream.hpp"
#include "comet/namesrv/live_settings.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/routing/route_table.hpp"

namespace comet::inline v0_1::namesrv {

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
  routing::RouteTableLimits limits;
  std::size_t max_inflated = 64u << 20;  // bytes of a compressed registration, inflated
  std::size_t max_waiting = 256u << 20;  // bytes of requests that wait for the worker, over all
  RouteWatchLimits watches;
  std::size_t max_connections = 60'000;  // maxConnections; further ones are closed at once
  std::size_t max_unfinished_frame_bytes = 64u << 20;  // over all connections
  std::size_t max_unsent_bytes = 96u << 20;            // of answers, likewise
  remoting::ConnectionLimits connection;
  std::shared_ptr<remoting::RequestObserver> observer;  // null: none
};

// What an operator wants to see.
class NameServerStats {
 public:
  std::size_t connections = 0;
  std::size_t brokers = 0;  // addresses
  std::size_t topics = 0;
  std::size_t route_watches = 0;
  // Since the start:
  std::uint64_t registrations = 0;
  std::uint64_t registrations_refused = 0;
  std::uint64_t expired = 0;           // brokers removed since they were silent,
  std::uint64_t connections_lost = 0;  // since their connection closed,
  std::uint64_t unregistered = 0;      // since they said goodbye
  std::uint64_t route_not_found = 0;
  std::uint64_t route_notifications = 0;
  std::uint64_t frames_given_up = 0;       // connections closed for maxUnfinishedFrameBytes
  std::size_t unfinished_frame_bytes = 0;  // now
  std::uint64_t answers_given_up = 0;      // connections closed for maxUnsentBytes
  std::size_t unsent_bytes = 0;            // now
};

// Connections are dealt out to `executors` (each run by one thread); start and stop belong to the
// first. Route queries are answered there. All else is done by `worker`, if there is one: it is run
// by one thread, so that a registration of many topics does not hold up the queries of the
// connections' threads. It must run until stop() has completed. The network and the time source
// must outlive the name server.
class NameServer {
 public:
  NameServer(std::vector<asio::any_io_executor> executors, Network& network, TimeSource& time,
             NameServerConfig config, asio::any_io_executor worker = {});
  ~NameServer();  // stop() must have completed, or the executors' contexts must have ended

  // Loads the KV configuration and listens. Blocking. Throws Error that says what is wrong and what
  // to do.
  void start();
  // Stops accepting and answers what has been asked, until the deadline.
  [[nodiscard]] asio::awaitable<void> stop(Instant deadline);

  // Where it listens (the port that was chosen for port 0).
  [[nodiscard]] IpEndpoint local() const;
  // After start(). Thread-safe.
  [[nodiscard]] NameServerStats stats() const;
  // Why this name server cannot do all that it should, for its operator. After start().
  // Thread-safe.
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::namesrv
