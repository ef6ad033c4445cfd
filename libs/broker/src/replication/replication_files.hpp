#pragma once
// Where a broker keeps what it must not forget of replication. Apache's brokers ignore these files.

#include <string>

namespace comet::inline v0_1::broker {

// replication::History's file. There is one when the log has, or had, a replica, or is one.
[[nodiscard]] inline std::string replication_history_path(const std::string& store_root) {
  return store_root + "/config/replication";
}
// History::confirmed_note().
[[nodiscard]] inline std::string replication_confirmed_path(const std::string& store_root) {
  return store_root + "/config/replicationConfirmed";
}

}  // namespace comet::inline v0_1::broker
