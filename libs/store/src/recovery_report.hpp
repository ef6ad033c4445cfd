#pragma once
// What a start has found and done.

#include <cstdint>
#include <vector>

#include "commit_log.hpp"
#include "log_walk.hpp"

namespace comet::inline v0_1::store {

class RecoveryReport {
 public:
  bool unclean = false;
  bool is_replicated = false;      // StoreConfig::replicated
  std::int64_t checked_from = 0;   // log offset where checking of bodies began
  std::int64_t queues_from = 0;    // where comparing the queues with the log began
  std::int64_t trusted_units = 0;  // queue units of records in front of it are on disk
  std::int64_t end = 0;            // of the log
  std::int64_t records = 0;        // checked
  std::int64_t truncated = 0;      // bytes given up behind the end
  std::int64_t queues = 0;
  std::int64_t rebuilt_units = 0;    // queue units written
  std::int64_t skipped_offsets = 0;  // queue offsets whose messages are lost, not given again
  std::int64_t last_timestamp = 0;   // of the records checked: LogWalk::last_timestamp
  std::int64_t newest_timestamp = 0;
  std::int64_t lost_records = 0;  // taken by damage, as far as it can be told
  bool whole_file_lost = false;
  std::vector<Damage> damage;  // stretches of the log that are skipped
};

// Tells the log and the report of stretches that are skipped, with one ERROR line for each.
void note_damage(CommitLog& log, const std::vector<Damage>& damage, RecoveryReport& report);

}  // namespace comet::inline v0_1::store
