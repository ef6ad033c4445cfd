// The body of 907's answer (Apache: HARuntimeInfo), with what Apache's has not: name, state,
// flushed.

#include "comet/base/json_writer.hpp"
#include "comet/replication/status.hpp"

namespace comet::inline v0_1::replication {
namespace {

void write_client(JsonWriter& json, const FollowerStatus& status) {
  json.key("haClientRuntimeInfo");
  json.begin_object();
  json.member("lastReadTimestamp", status.last_read_ms);
  json.member("lastWriteTimestamp", status.last_write_ms);
  if (!status.master_address.empty()) json.member("masterAddr", status.master_address);
  json.member("masterFlushOffset", status.master_end);
  json.member("maxOffset", status.log_end);
  if (!status.master_address.empty()) {
    json.member("problem", status.problem);
    json.member("state", to_string(status.state));
  }
  json.member("transferredByteInSecond", status.bytes_per_second);
  json.end_object();
}

void write_replica(JsonWriter& json, const ReplicaStatus& replica) {
  json.begin_object();
  json.member("addr", replica.address);
  json.member("diff", replica.lag_bytes);
  json.member("flushed", replica.flushed);
  json.member("inSync", replica.in_sync);
  json.member("name", replica.name);
  json.member("slaveAckOffset", replica.confirmed);
  json.member("state", to_string(replica.state));
  json.member("transferFromWhere", replica.sent);
  json.member("transferredByteInSecond", replica.bytes_per_second);
  json.end_object();
}

}  // namespace

std::string ha_status_json(const MasterStatus& status) {
  JsonWriter json;
  json.begin_object();
  write_client(json, FollowerStatus());
  json.key("haConnectionInfo");
  json.begin_array();
  for (const ReplicaStatus& replica : status.replicas) write_replica(json, replica);
  json.end_array();
  json.member("inSyncSlaveNums", status.in_sync - 1);
  json.member("master", true);
  json.member("masterCommitLogMaxOffset", status.log_end);
  json.end_object();
  return json.take();
}

std::string ha_status_json(const FollowerStatus& status) {
  JsonWriter json;
  json.begin_object();
  write_client(json, status);
  json.key("haConnectionInfo");
  json.begin_array();
  json.end_array();
  json.member("inSyncSlaveNums", 0);
  json.member("master", false);
  json.member("masterCommitLogMaxOffset", 0);
  json.end_object();
  return json.take();
}

}  // namespace comet::inline v0_1::replication
