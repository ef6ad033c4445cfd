#pragma once
// Walks over the commit log, record by record, and steps over what is damaged (docs/store.md).

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comet/message/record.hpp"
#include "read_memory.hpp"

namespace comet::inline v0_1::store {

class CommitLog;

// What is known of a damaged stretch.
enum class DamageKind {
  unknown,    // not whose record it was
  known,      // lengths add up: it is known whose record it was
  misnamed,   // a whole record with another topic or queue id than it had
  misplaced,  // a whole record with another queue offset than it had
};

// A stretch of the log that is no record, in front of one that is.
class Damage {
 public:
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t records = 1;        // that are lost; estimated when no lengths are left
  std::int64_t queue_offset = -1;  // what lies where a header has it; misplaced: the one it had
  bool is_whole_file = false;      // all that a file had, and more than one record
  DamageKind kind = DamageKind::unknown;
  bool must_be_wiped = false;  // it looks like a record, and another start may take it for one
  std::string reason;

  [[nodiscard]] bool covers(std::int64_t offset) const noexcept {
    return offset >= begin && offset < end;
  }
};

enum class RecordState { whole, damaged };

class WalkRules {
 public:
  static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

  CheckCrc crc = CheckCrc::no;
  std::int64_t limit = kNoLimit;  // the walk ends here
  // The log was on disk up to here: what is no record before that is damage. Behind it, only what a
  // whole record follows that was not stored earlier; all else is the end.
  std::int64_t known_end = -1;
  // Behind it, what is no record is the end whatever follows.
  bool ends_at_damage = false;
  // From here on zero bytes in properties tell that they were not written as a whole: the store
  // takes no such properties.
  std::int64_t zeros_from = kNoLimit;
  std::int64_t last_timestamp = 0;  // store time of the record in front of the first
  // Whether something else says that the record cannot be where it is. Empty: never.
  std::function<bool(const RecordView&)> contradicts;
};

// How a walk ended.
class LogWalk {
 public:
  std::int64_t end = 0;  // behind the last record, or where the limit was
  std::int64_t records = 0;
  // No record behind it was stored earlier: the earlier store time of the last two, as one may be
  // damaged; 0 without a record.
  std::int64_t last_timestamp = 0;
  std::int64_t newest_timestamp = 0;  // the later of the two
  std::string reason;                 // why it ended; empty at the limit or at untouched zeros
  std::vector<Damage> damage;
};

// Damaged records are visited as far as it is known whose they were.
using RecordVisitor = std::function<void(const RecordView&, RecordState)>;

[[nodiscard]] LogWalk walk_log(const CommitLog& log, std::int64_t from, const WalkRules& rules,
                               const RecordVisitor& visit);

// Bytes of the log, read in large pieces, of which nothing lies behind `wanted_until` that is not
// asked for. What cannot be read is zeros.
class LogReader {
 public:
  explicit LogReader(const CommitLog& log,
                     std::int64_t wanted_until = std::numeric_limits<std::int64_t>::max())
      : log_(log), wanted_until_(wanted_until) {}
  // `size` bytes, fewer at the end of the file; valid until the next call.
  [[nodiscard]] std::string_view view(std::int64_t offset, std::int64_t size);

 private:
  void fill(std::int64_t offset, std::int64_t size);

  const CommitLog& log_;
  std::int64_t wanted_until_;
  std::int64_t begin_ = 0;
  std::shared_ptr<ReadMemory::Block> block_;
  std::string_view bytes_;  // of the block
};

}  // namespace comet::inline v0_1::store
