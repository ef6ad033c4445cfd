#pragma once
// The master's HA port: Apache's wire (ha.md 3) and our own handshake, told apart by the first
// eight bytes that a replica sends. The port says nothing before them.

#include <memory>

#include "comet/base/stream.hpp"
#include "comet/replication/config.hpp"
#include "comet/replication/coordinator.hpp"
#include "comet/replication/history.hpp"
#include "comet/replication/in_sync_set.hpp"
#include "comet/replication/metadata.hpp"
#include "comet/replication/replica_log.hpp"

namespace comet::inline v0_1::replication {

// What a service works with; all of it outlives it and belongs to its executor.
class HaServiceParts {
 public:
  HaServiceParts(ReplicaLog& log_in, History& history_in, Coordinator& coordinator_in,
                 InSyncSet& set_in, MetadataSource* metadata_in = nullptr)
      : log(log_in),
        history(history_in),
        coordinator(coordinator_in),
        set(set_in),
        metadata(metadata_in) {}
  ReplicaLog& log;
  History& history;
  Coordinator& coordinator;
  InSyncSet& set;
  MetadataSource* metadata;  // null: no metadata travels
};

// Belongs to its executor. A peer's bytes are never trusted: what does not fit ends its connection
// with one log line, changes nothing for other replicas and no answer.
class HaService {
 public:
  // The network and the time source must outlive the executor's context.
  HaService(asio::any_io_executor executor, Network& network, TimeSource& time,
            HaServiceConfig config, HaServiceParts parts);
  ~HaService();  // stop() must have completed, or the executor's context must have ended

  // Throws Error naming the address.
  void start();
  // Closes the port and all connections.
  [[nodiscard]] asio::awaitable<void> stop();
  [[nodiscard]] IpEndpoint local() const;
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::replication
