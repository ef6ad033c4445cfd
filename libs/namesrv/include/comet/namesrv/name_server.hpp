#pragma once
// A RocketMQ name server: brokers register here, clients ask where a topic lives.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/stream.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/routing/route_table.hpp"

namespace comet::namesrv {

// Comments name Apache's key where it differs from the member.
class NameServerConfig {
 public:
  Address listen_at{"127.0.0.1", 9876};  // bindAddress, listenPort; port 0: a free one
  // Without a sign of life from a broker that names no timeout of its own.
  Duration broker_expiry = std::chrono::seconds(120);
  Duration scan_interval = std::chrono::seconds(5);  // scanNotActiveBrokerInterval
  std::string kv_config_path;                        // kvConfigPath; empty: kept in memory only
  bool order_message_enable = false;                 // put ORDER_TOPIC_CONFIG into routes
  std::string properties;                            // what GET_NAMESRV_CONFIG answers
  routing::RouteTableLimits limits;
  std::size_t max_inflated = 64u << 20;  // bytes of a compressed registration, inflated
  remoting::ConnectionLimits connection;
};

// Connections are dealt out to `executors` (each run by one thread); start and stop belong to the
// first. The network and the time source must outlive the name server.
class NameServer {
 public:
  NameServer(std::vector<asio::any_io_executor> executors, Network& network, TimeSource& time,
             NameServerConfig config);
  ~NameServer();  // stop() must have completed, or the executors' contexts must have ended

  // Loads the KV configuration and listens. Blocking. Throws Error that says what is wrong and what
  // to do.
  void start();
  // Stops accepting and answers what has been asked, until the deadline.
  [[nodiscard]] asio::awaitable<void> stop(Instant deadline);

  // Where it listens (the port that was chosen for port 0).
  [[nodiscard]] IpEndpoint local() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::namesrv
