#pragma once
// A RocketMQ name server: brokers register here, clients ask where a topic lives.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/stream.hpp"
#include "comet/namesrv/config.hpp"

namespace comet::inline v0_1::namesrv {

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
