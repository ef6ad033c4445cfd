#include "comet/admin/ha_status.hpp"

#include "body.hpp"

namespace comet::inline v0_1::admin {
namespace {

using namespace body;

HaReplica read_replica(const json::object& object) {
  HaReplica replica;
  replica.address = get_string(object, "addr");
  replica.name = get_string(object, "name");
  replica.state = get_string(object, "state");
  replica.in_sync = get_bool(object, "inSync", false);
  replica.flushed = get_bool(object, "flushed", false);
  replica.confirmed = get_int(object, "slaveAckOffset", 0);
  replica.lag = get_int(object, "diff", 0);
  replica.sent = get_int(object, "transferFromWhere", 0);
  replica.bytes_per_second = get_int(object, "transferredByteInSecond", 0);
  return replica;
}

}  // namespace

Result<HaStatus> parse_ha_status(std::string_view text) {
  Result<json::object> root = read_object(text);
  if (!root) return root.error();
  bool ok = true;
  HaStatus status;
  status.is_master = get_bool(*root, "master", false);
  status.log_end = get_int(*root, "masterCommitLogMaxOffset", 0);
  status.in_sync = get_int(*root, "inSyncSlaveNums", 0);
  for (const json::value& item : get_array(*root, "haConnectionInfo", ok)) {
    const json::object* object = item.if_object();
    if (object == nullptr) return BodyErrc::malformed;
    status.replicas.push_back(read_replica(*object));
  }
  const json::object& follower = get_object(*root, "haClientRuntimeInfo", ok);
  if (!ok) return BodyErrc::malformed;
  status.master_address = get_string(follower, "masterAddr");
  status.master_end = get_int(follower, "masterFlushOffset", 0);
  status.own_end = get_int(follower, "maxOffset", 0);
  status.last_read = get_int(follower, "lastReadTimestamp", 0);
  status.last_write = get_int(follower, "lastWriteTimestamp", 0);
  status.bytes_per_second = get_int(follower, "transferredByteInSecond", 0);
  return status;
}

}  // namespace comet::inline v0_1::admin
