#pragma once
// Which replicas an acknowledgement waits for, and how far they all have the log.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"
#include "comet/replication/config.hpp"
#include "comet/replication/coordinator.hpp"
#include "comet/replication/replica_log.hpp"
#include "comet/replication/status.hpp"

namespace comet::inline v0_1::replication {

// What a send that waits for its copies gets.
enum class Confirmation {
  put_ok,               // every member of the set, of at least inSyncReplicas, has it durably
  slave_not_available,  // 11: the set is too small. Stored, not copied enough
  flush_slave_timeout,  // 12: not confirmed until the deadline, or no longer master. Stored
};

// A master's in-sync set. The rule, in one sentence: put_ok means that every member of the set,
// which has at least inSyncReplicas members with the master, has said in this epoch that it has the
// message durably. Members are live connections; what a vanished one has once said does not count
// for it when it is back.
//
// Belongs to its executor, except where it says thread-safe.
class InSyncSet {
 public:
  // Everything passed by reference outlives it. `history` gets the confirmed end.
  InSyncSet(asio::any_io_executor executor, TimeSource& time, InSyncConfig config, ReplicaLog& log,
            Coordinator& coordinator, History& history);
  ~InSyncSet();  // stop() must have completed, or the executor's context must have ended

  void start();
  // All who wait get flush_slave_timeout.
  [[nodiscard]] asio::awaitable<void> stop();

  // Waits until the log up to `end` is confirmed. From any executor: hops to its own and back.
  // Cancelling it leaves the set usable. Never throws but operation_aborted.
  [[nodiscard]] asio::awaitable<Confirmation> wait_confirmed(std::int64_t end, Instant deadline);
  // Likewise for metadata up to `version`; replicas on Apache's wire are not waited for.
  [[nodiscard]] asio::awaitable<Confirmation> wait_metadata_confirmed(std::int64_t version,
                                                                      Instant deadline);
  // False: minInSyncReplicas is above 1 and the set is smaller. The message is refused, not stored.
  // Thread-safe.
  [[nodiscard]] bool may_store() const noexcept;
  // All in front of it is confirmed. Never falls in a mastership. Thread-safe.
  [[nodiscard]] std::int64_t confirmed() const noexcept;
  // How far readers see (ReplicaLog::set_read_limit).
  [[nodiscard]] std::int64_t readable() const noexcept;
  // Members, the master included. Thread-safe.
  [[nodiscard]] int size() const noexcept;
  [[nodiscard]] std::vector<MemberId> members() const;  // without the master, sorted
  // The coordinator knows a higher epoch: nothing is confirmed any more.
  void deposed();

  // What sessions of HaService tell. A replica of the same id that is connected already is
  // replaced.
  class Replica {
   public:
    std::string address;
    std::string name;
    Wire wire = Wire::undecided;
    bool flushed = false;  // confirms what is durable
  };
  // Returns the token of this connection; 0 for `id` has one drawn (Apache's wire).
  [[nodiscard]] std::uint64_t connected(MemberId id, Replica replica);
  // Durable up to `end`, said in this epoch. Ends above the log's own have no effect (false).
  bool confirmed_by(std::uint64_t connection, std::int64_t end, std::int64_t metadata_version);
  // Takes no part (ahead, below the begin): shown, never counted.
  void set_state(std::uint64_t connection, PeerState state);
  void set_sent(std::uint64_t connection, std::int64_t next);
  void disconnected(std::uint64_t connection);

  [[nodiscard]] MasterStatus status() const;
  [[nodiscard]] const ReplicationCounters& counters() const;
  [[nodiscard]] ReplicationCounters& counters();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::replication
