#pragma once
// A RocketMQ broker: takes messages from producers, hands them to consumers, keeps topics, groups
// and offsets, and registers with its name servers; as a slave it has all of that from its master,
// and takes no messages. Wire facts: docs/compatibility.md, docs/replication.md.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/stream.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::broker {

// Connections are dealt out to `executors` (each run by one thread); start and stop belong to the
// first. The network and the time source must outlive the broker.
class Broker {
 public:
  Broker(std::vector<asio::any_io_executor> executors, Network& network, TimeSource& time,
         BrokerConfig config);
  ~Broker();  // stop() must have completed, or the executors' contexts must have ended

  // Opens and recovers the store, loads topics, groups and offsets, listens (a master for replicas,
  // too), begins to register or to follow.
  // Blocking. Throws Error that says what is wrong and what to do.
  void start();
  // Unregisters, stops accepting, answers what is under way until the deadline, saves everything.
  [[nodiscard]] asio::awaitable<void> stop(Instant deadline);

  // Where it listens (the port that was chosen for port 0).
  [[nodiscard]] IpEndpoint local() const;
  // "ip:port" as registered with the name servers.
  [[nodiscard]] std::string announced_address() const;
  [[nodiscard]] const store::MessageStore& store() const;
  // After start(). Thread-safe.
  [[nodiscard]] BrokerStats stats() const;
  // Why this broker cannot do all that it should, for its operator: a store that is read-only,
  // files that cannot be written, copies that are missing. Empty: all is well. After start().
  // Thread-safe.
  [[nodiscard]] std::vector<std::string> problems() const;
  // Reads the files of accounts anew, in the background; the log says what became of it. Nothing
  // where there is no access control. After start(), on the first executor.
  void reload_access();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::broker
