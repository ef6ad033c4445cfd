#pragma once
// The checkpoint file: up to which store time everything is known to be on disk.

#include <cstdint>
#include <memory>
#include <string>

#include "comet/base/error.hpp"
#include "file.hpp"

namespace comet::inline v0_1::store {

// How far the index is on disk.
class IndexProgress {
 public:
  std::int64_t log_end = -1;  // every record before it is indexed; -1: nobody knows
  // The last index file: its name as a number (0: there is none), how many entries it has, and what
  // the last of them says.
  std::int64_t file = 0;
  std::int64_t count = 1;
  std::int64_t end_offset = 0;
  std::int64_t end_timestamp = 0;

  friend bool operator==(const IndexProgress&, const IndexProgress&) = default;
};

class Checkpoint {
 public:
  // Apache's fields, ms.
  std::int64_t log_timestamp = 0;     // physicMsgTimestamp
  std::int64_t queues_timestamp = 0;  // logicsMsgTimestamp
  std::int64_t index_timestamp = 0;   // indexMsgTimestamp
  // Ours, in the part of the file that Apache leaves unused. They count only as long as Apache's
  // fields are those that were written with them.
  std::int64_t queue_count = 0;  // queues that held messages, so that a lost one is missed
  std::int64_t log_end = -1;     // log and queues are on disk up to here; -1: nobody knows
  IndexProgress index;
  bool is_ours = false;  // the last to write it was this store, not Apache's; not a field

  // Messages stored up to this time are on disk, in the log and in the queues. Apache takes off
  // three seconds for records that were stamped and not yet written.
  [[nodiscard]] std::int64_t vouched_timestamp() const noexcept;

  // Of the fields.
  friend bool operator==(const Checkpoint& one, const Checkpoint& other) noexcept {
    return one.log_timestamp == other.log_timestamp &&
           one.queues_timestamp == other.queues_timestamp &&
           one.index_timestamp == other.index_timestamp && one.queue_count == other.queue_count &&
           one.log_end == other.log_end && one.index == other.index;
  }
};

// Zeros when there is no file or it is shorter than Apache's 4096 bytes: nothing is vouched for.
[[nodiscard]] Result<Checkpoint> read_checkpoint(FileSystem& files, const std::string& path);

// All fields lie in one sector, so that a crash leaves the old ones or the new ones.
[[nodiscard]] error_code write_checkpoint(FileSystem& files, const std::string& path,
                                          const Checkpoint& checkpoint);

}  // namespace comet::inline v0_1::store
