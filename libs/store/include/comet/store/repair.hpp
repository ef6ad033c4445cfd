#pragma once
// What the start of a broker would do to a store directory, ours or Apache's, and doing it without
// a broker. The start's own code is run, on the files or on a copy of what changes in memory.

#include <cstdint>
#include <iosfwd>
#include <string>

namespace comet::inline v0_1::store {

class RepairOptions {
 public:
  std::string root;  // storePathRootDir
  // storePathCommitLog, storePathConsumeQueue, storePathIndex; empty: below root.
  std::string commit_log_path;
  std::string consume_queue_path;
  std::string index_path;
  std::int64_t commit_log_file_size = 0;     // mappedFileSizeCommitLog; 0: that of the files
  std::int64_t consume_queue_file_size = 0;  // mappedFileSizeConsumeQueue, whole units; 0: as above
  std::int32_t index_slots = 5'000'000;      // maxHashSlotNum
  std::int32_t index_entries = 20'000'000;   // maxIndexNum
  std::int64_t max_records_lost = 100;       // maxRecordsLostAtStart; -1: any number
  std::string delay_levels;                  // messageDelayLevel; empty: the default
  bool apply = false;                        // false: nothing in the directory is touched
};

class RepairReport {
 public:
  bool is_needed = false;  // a start would change, or lose, something
  bool is_refused =
      false;  // a start would be refused, for too much would be lost; nothing was done
  std::int64_t lost_records = 0;
};

// Writes what would be done (or was) to `out`, one line each: records that are lost, with their
// places and ids as far as they can be read, what the broker would log, and files that change.
// Meanwhile the log's sink is its own. Throws Error: the directory is in use (StoreErrc::locked),
// is none, or cannot be read or written; its queue or index files have other sizes than those given
// (BaseErrc::bad_value), so that a start would take good ones for damaged.
RepairReport repair_store(const RepairOptions& options, std::ostream& out);

}  // namespace comet::inline v0_1::store
