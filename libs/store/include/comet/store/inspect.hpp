#pragma once
// Looks at a store directory that no broker has open, ours or Apache's: prints what is in it, and
// checks it against the rules of the formats (docs/store.md). Reads only, and shares no code with
// the engine, so that it can judge what the engine wrote.

#include <cstdint>
#include <iosfwd>
#include <string>

namespace comet::inline v0_1::store {

class InspectOptions {
 public:
  std::string root;                         // storePathRootDir
  std::int32_t index_slots = 5'000'000;     // maxHashSlotNum
  std::int32_t index_entries = 20'000'000;  // maxIndexNum
  std::int64_t from = -1;                   // first log or queue offset; -1: the first there is
  std::int64_t count = 20;                  // lines at most
};

// All throw Error when the directory cannot be read.
void print_segments(const InspectOptions& options, std::ostream& out);
void print_records(const InspectOptions& options, std::ostream& out);
void print_queues(const InspectOptions& options, std::ostream& out);
void print_queue(const InspectOptions& options, const std::string& topic, std::int32_t queue_id,
                 std::ostream& out);
void print_index(const InspectOptions& options, std::ostream& out);
void print_checkpoint(const InspectOptions& options, std::ostream& out);

class VerifyReport {
 public:
  std::int64_t records = 0;
  std::int64_t units = 0;  // of consume queues
  std::int64_t index_entries = 0;
  std::int64_t damaged = 0;   // stretches of the log that a record follows; each a problem, too
  std::int64_t problems = 0;  // what Apache's broker would refuse or answer wrongly
  bool unclean = false;       // the last broker did not stop in order
};

// Writes each problem (the first 100) on a line.
[[nodiscard]] VerifyReport verify_store(const InspectOptions& options, std::ostream& out);

}  // namespace comet::inline v0_1::store
