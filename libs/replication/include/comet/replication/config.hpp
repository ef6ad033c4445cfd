#pragma once
// What replication is set to. Data alone; the names in comments are broker.conf's keys.

#include <cstdint>
#include <string>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1::replication {

// Who a broker is to its peers.
class PeerName {
 public:
  std::string cluster = "DefaultCluster";  // brokerClusterName
  std::string broker_name;                 // brokerName
  std::int64_t id = 0;                     // brokerId; a replica's is >= 1
  std::string address;                     // brokerIP1:listenPort, for log lines and status
};

// The acknowledgement rule (docs/replication.md). A set has its master as a member.
class InSyncConfig {
 public:
  // inSyncReplicas: so many copies, the master's included, must a set have for an answer 0. 1 is
  // honoured: with nobody in the set the master's own copy is enough.
  int in_sync_replicas = 2;
  // minInSyncReplicas: with fewer in the set may_store() is false. 1: always true.
  int min_in_sync_replicas = 1;
  // countUnflushedReports: a Java replica reports what it has copied, not what it has flushed.
  bool count_unflushed_reports = true;
  // A member that has not got further for so long while there was something to confirm leaves.
  Duration member_silence = std::chrono::seconds(3);
  // A member whose connection is gone leaves after this.
  Duration member_gone = std::chrono::milliseconds(1500);
  // A replica joins when it is that close to the master's durable end, bytes.
  std::int64_t join_lag = 4 << 20;
  // readConfirmedOnly=strict: readers never see what is not confirmed, however small the set is.
  bool read_confirmed_only = false;
  // False, an ASYNC_MASTER's: readers are not limited, and what no replica has is not known to be
  // confirmed.
  bool limits_readers = true;
};

class HaServiceConfig {
 public:
  PeerName self;
  Address listen_at{"127.0.0.1", 10912};  // haListenPort; the host as for the main port
  std::size_t max_connections = 64;       // further ones are closed at once
  std::int64_t transfer_batch = 32768;    // haTransferBatchSize: largest body on Apache's wire
  Duration heartbeat = std::chrono::seconds(5);      // haSendHeartbeatInterval, Apache's wire
  Duration housekeeping = std::chrono::seconds(20);  // haHousekeepingInterval: silence that ends it
  // syncFromLastFile: an empty replica gets the newest file only. False: from the first byte.
  bool sync_from_last_file = false;
  // haKeepForReplicaBytes: log files that a connected replica still needs are kept, this far back.
  std::int64_t keep_for_replica_bytes = std::int64_t{64} << 30;
  // haSecret: peers of our own handshake prove that they know it. Apache's wire is refused then.
  std::string secret;
};

// How a replica talks to its master (haHandshake).
enum class WirePolicy {
  automatic,  // ours; Apache's when the master says nothing to it
  comet,      // ours, or not at all
  apache,     // Apache's, at once
};

class HaClientConfig {
 public:
  PeerName self;
  std::string secret;  // haSecret
  WirePolicy wire = WirePolicy::automatic;
  Duration probe_silence = std::chrono::seconds(5);  // automatic: what is taken for "says nothing"
  Duration connect_timeout = std::chrono::seconds(3);
  Duration heartbeat = std::chrono::seconds(5);      // longest time between reports, Apache's wire
  Duration housekeeping = std::chrono::seconds(20);  // a master silent for so long is given up
  Duration first_pause = std::chrono::milliseconds(200);  // before a reconnect; doubles
  Duration longest_pause = std::chrono::seconds(5);
  std::uint64_t random_seed = 0;  // of the jitter; 0: from the system
};

}  // namespace comet::inline v0_1::replication
