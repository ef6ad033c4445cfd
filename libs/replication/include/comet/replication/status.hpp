#pragma once
// What replication says of itself: for 907 (haStatus), metrics and health. Values at one moment.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/time.hpp"

namespace comet::inline v0_1::replication {

enum class Wire { undecided, apache, comet };
[[nodiscard]] std::string_view to_string(Wire wire) noexcept;

// How a pair stands, or why it does not. The numbers are on the wire: new ones go to the end.
enum class PeerState {
  connecting,       // no connection; the next attempt follows
  no_master,        // nobody has said where the master is
  handshake,        // connected; nothing is copied yet
  transfer,         // copies
  cutting,          // a deposed master's log goes back to the common point
  other_file_size,  // mappedFileSizeCommitLog differs
  diverged,         // the logs are not one history
  ahead,            // the replica's log ends behind the master's
  below_begin,      // the master has deleted what the replica needs: a full copy is needed
  wrong_name,       // another cluster or broker name, or an id that is taken by the master
  wrong_log,        // another log's uuid
  wrong_secret,     // haSecret differs
  deposed,          // the master is in an epoch below the one that was promised
  bad_bytes,        // no peer of ours: foreign bytes, or a version that we do not know
  failed,           // disk or log refused
};
[[nodiscard]] std::string_view to_string(PeerState state) noexcept;
// It will not get better by trying again: an operator has to do something.
[[nodiscard]] bool needs_operator(PeerState state) noexcept;

// A replica as its master sees it (Apache: haConnectionInfo).
class ReplicaStatus {
 public:
  std::string address;      // of the connection
  std::string name;         // name#id; empty on Apache's wire
  std::int64_t member = 0;  // its id in the set
  Wire wire = Wire::undecided;
  PeerState state = PeerState::handshake;
  bool in_sync = false;        // a member of the set
  bool flushed = false;        // it confirms what is durable; Java replicas report what is copied
  std::int64_t confirmed = 0;  // slaveAckOffset; -1: nothing yet
  std::int64_t sent = 0;       // transferFromWhere: the next byte for it
  std::int64_t lag_bytes = 0;  // diff
  Duration lag_time{};         // since it last had everything
  std::int64_t bytes_per_second = 0;
  std::int64_t metadata_version = 0;
};

class MasterStatus {
 public:
  std::int64_t epoch = 0;
  bool is_master = true;     // false: deposed
  std::int64_t log_end = 0;  // masterCommitLogMaxOffset
  std::int64_t confirmed = 0;
  int in_sync = 1;         // members, the master included
  int in_sync_wanted = 2;  // inSyncReplicas
  std::vector<ReplicaStatus> replicas;
};

// The replica itself (Apache: haClientRuntimeInfo).
class FollowerStatus {
 public:
  PeerState state = PeerState::no_master;
  std::string problem;         // a sentence; empty when there is none
  std::string master_address;  // masterAddr
  Wire wire = Wire::undecided;
  std::int64_t epoch = 0;             // the master's; 0 on Apache's wire
  std::int64_t log_end = 0;           // maxOffset
  std::int64_t confirmed = 0;         // reported as durable
  std::int64_t master_end = 0;        // masterFlushOffset; 0 when unknown
  std::int64_t master_confirmed = 0;  // what it had acknowledged then; 0 on Apache's wire
  std::int64_t last_read_ms = 0;      // lastReadTimestamp, wall clock
  std::int64_t last_write_ms = 0;     // lastWriteTimestamp
  std::int64_t bytes_per_second = 0;  // transferredByteInSecond
  std::int64_t metadata_version = 0;
  Duration metadata_age{};  // since the master last said that there is nothing newer
};

// The body of the answer to 907 (Apache: HARuntimeInfo), with name, state and flushed besides.
[[nodiscard]] std::string ha_status_json(const MasterStatus& status);
[[nodiscard]] std::string ha_status_json(const FollowerStatus& status);

// They grow.
class ReplicationCounters {
 public:
  std::uint64_t put_ok = 0;               // send_results
  std::uint64_t slave_not_available = 0;  // 11
  std::uint64_t flush_slave_timeout = 0;  // 12
  std::uint64_t set_joins = 0;
  std::uint64_t set_leaves = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t truncated_bytes = 0;
  std::uint64_t truncated_messages = 0;
  std::uint64_t connections_refused = 0;            // above max_connections
  std::map<std::string, std::uint64_t> reconnects;  // by reason, to_string(PeerState) or a word
  std::map<std::string, std::uint64_t> refusals;    // of replicas, by to_string(PeerState)
};

}  // namespace comet::inline v0_1::replication
