#pragma once
// Which mastership wrote which part of a log, and where two logs part ways. Plain values.

#include <cstdint>
#include <string>
#include <vector>

namespace comet::inline v0_1::replication {

// A mastership: it wrote from `start` on, until the next entry's start or the log's end.
class EpochEntry {
 public:
  EpochEntry() = default;
  EpochEntry(std::int64_t epoch_in, std::int64_t start_in, std::uint64_t id_in)
      : epoch(epoch_in), start(start_in), id(id_in) {}
  std::int64_t epoch = 0;
  std::int64_t start = 0;  // physical offset
  // Drawn at random when the mastership began: equal epochs with other ids are two masterships.
  std::uint64_t id = 0;
  friend bool operator==(const EpochEntry&, const EpochEntry&) = default;
};

// Entries by rising epoch and start. What lies in front of the first was written in no epoch: by an
// Apache broker, or before replication was set up.
class EpochTable {
 public:
  static constexpr std::size_t kMaxEntries = 4096;

  EpochTable() = default;
  // Empty when the entries are not in order or too many.
  [[nodiscard]] static EpochTable of(std::vector<EpochEntry> entries);
  [[nodiscard]] static bool is_ordered(const std::vector<EpochEntry>& entries) noexcept;

  [[nodiscard]] const std::vector<EpochEntry>& entries() const noexcept { return entries_; }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::int64_t last_epoch() const noexcept;  // 0: none

  // Precondition: higher than last_epoch(), start not below the last one's. Entries that wrote
  // nothing stay: they may be all that two logs have in common. Beyond kMaxEntries they go first,
  // then the oldest.
  void begin(const EpochEntry& entry);
  // The log ends there now: entries that begin behind it go.
  void cut(std::int64_t end);
  // The log begins there now: entries that end at or in front of it go.
  void forget_before(std::int64_t begin);

 private:
  std::vector<EpochEntry> entries_;
};

// What a replica has to do with its log to follow a master.
class Splice {
 public:
  enum class Kind {
    follow,    // the replica's whole log is the master's: go on from its end
    cut,       // equal up to `offset`, which is inside the replica's log: drop what lies behind
    unproven,  // no common mastership: equal up to `offset` only if the records there say so
    diverged,  // no common mastership, and the replica's log goes on behind `offset`
    below,     // the replica's log ends in front of the master's first byte
  };
  Kind kind = Kind::follow;
  std::int64_t offset = 0;  // the common point
  std::int64_t epoch = 0;   // of the last mastership that both have; 0: none
};

// An end of a log with its table.
class LogEnds {
 public:
  LogEnds(const EpochTable& table_in, std::int64_t begin_in, std::int64_t end_in)
      : table(table_in), begin(begin_in), end(end_in) {}
  const EpochTable& table;
  std::int64_t begin;
  std::int64_t end;
};

// The smaller end of the last epoch that both have with the same start and id (failover.md 4). Both
// sides compute the same.
[[nodiscard]] Splice find_splice(const LogEnds& replica, const LogEnds& master);

}  // namespace comet::inline v0_1::replication
