#include "replication/ha_status.hpp"

#include <algorithm>

#include "comet/base/json_writer.hpp"

namespace comet::inline v0_1::broker {
namespace {

void write_client(JsonWriter& json, const replication::FollowerStatus& follower) {
  json.key("haClientRuntimeInfo");
  json.begin_object();
  json.member("lastReadTimestamp", follower.last_read_ms);
  json.member("lastWriteTimestamp", follower.last_write_ms);
  if (!follower.master_address.empty()) json.member("masterAddr", follower.master_address);
  json.member("masterFlushOffset", follower.master_end);
  json.member("maxOffset", follower.log_end);
  json.member("transferredByteInSecond", follower.bytes_per_second);
  json.end_object();
}

void write_replica(JsonWriter& json, const replication::ReplicaStatus& replica) {
  json.begin_object();
  json.member("addr", replica.address);
  json.member("diff", replica.lag_bytes);
  json.member("inSync", replica.in_sync);
  json.member("slaveAckOffset", replica.confirmed);
  json.member("transferFromWhere", replica.sent);
  json.member("transferredByteInSecond", replica.bytes_per_second);
  json.member("flushed", replica.flushed);
  json.member("name", replica.name);
  json.member("state", replication::to_string(replica.state));
  json.member("wire", replication::to_string(replica.wire));
  json.end_object();
}

}  // namespace

std::string ha_status_json(const ReplicationStats& stats) {
  const bool is_master = stats.role != BrokerRole::slave;
  const auto& replicas = stats.master.replicas;
  const std::int64_t in_sync =
      std::ranges::count_if(replicas, [](const auto& replica) { return replica.in_sync; });
  JsonWriter json;
  json.begin_object();
  write_client(json, stats.follower);
  json.key("haConnectionInfo");
  json.begin_array();
  for (const replication::ReplicaStatus& replica : replicas) write_replica(json, replica);
  json.end_array();
  json.member("inSyncSlaveNums", in_sync);
  json.member("master", is_master);
  json.member("masterCommitLogMaxOffset", is_master ? stats.log_end : std::int64_t{0});
  json.member("confirmed", is_master ? stats.master.confirmed : stats.follower.confirmed);
  json.member("epoch", is_master ? stats.master.epoch : stats.follower.epoch);
  if (is_master) {
    json.member("inSyncReplicas", std::int64_t{stats.master.in_sync_wanted});
  } else {
    json.member("problem", stats.follower.problem);
    json.member("state", replication::to_string(stats.follower.state));
    json.member("wire", replication::to_string(stats.follower.wire));
  }
  json.end_object();
  return json.take();
}

}  // namespace comet::inline v0_1::broker
