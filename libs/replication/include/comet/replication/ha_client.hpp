#pragma once
// A replica: follows the master that it is told, in our own handshake or on Apache's wire.

#include <functional>
#include <memory>
#include <optional>

#include "comet/base/stream.hpp"
#include "comet/replication/config.hpp"
#include "comet/replication/history.hpp"
#include "comet/replication/metadata.hpp"
#include "comet/replication/replica_log.hpp"
#include "comet/replication/status.hpp"

namespace comet::inline v0_1::replication {

// Asks a Java master for the end of its log (code 28, commitLogMaxOffset) before the first report:
// a report above it would count there. Throws Error; has a deadline of its own.
using MasterEndQuery = std::function<asio::awaitable<std::int64_t>()>;

class HaClientParts {
 public:
  HaClientParts(ReplicaLog& log_in, History& history_in, MetadataSink* metadata_in = nullptr,
                MasterEndQuery master_end_in = {})
      : log(log_in),
        history(history_in),
        metadata(metadata_in),
        master_end(std::move(master_end_in)) {}
  ReplicaLog& log;
  History& history;
  MetadataSink* metadata;     // null: metadata of the master is dropped
  MasterEndQuery master_end;  // empty: Apache's wire is not spoken
};

// Belongs to its executor. Reports what is durable (ReplicaLog::durable_end), at once and when it
// moves. Touches no data where the logs do not fit: the state and one log line say what an operator
// has to do, and later attempts come at the longest pause.
class HaClient {
 public:
  // The network and the time source must outlive the executor's context.
  HaClient(asio::any_io_executor executor, Network& network, TimeSource& time,
           HaClientConfig config, HaClientParts parts);
  ~HaClient();  // stop() must have completed, or the executor's context must have ended

  void start();
  [[nodiscard]] asio::awaitable<void> stop();
  // From the nameserver or haMasterAddress. Another address than before ends the connection; the
  // same one does nothing. Nullopt: there is none; a connection that works is kept.
  void set_master(std::optional<Address> ha_address);

  [[nodiscard]] FollowerStatus status() const;
  [[nodiscard]] const ReplicationCounters& counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::replication
