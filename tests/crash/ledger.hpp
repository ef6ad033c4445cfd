#pragma once
// What a store was given and what it promised, kept outside of it, to be compared with what it has
// after a crash.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "power_cut_files.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store::test {

// The store broke a promise.
class Broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
void require(bool promise, const std::string& what);

class Entry {
 public:
  std::string topic;
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;
  std::int64_t log_begin = 0;
  std::int64_t log_end = 0;
  std::string body;
  std::string key;
  // The power was cut before it was promised: no checksum tells whether its properties are right.
  bool perhaps_torn = false;
  // A byte of it has changed on the disk: it may be gone, or be shown as what it says now.
  std::int64_t damaged_at = -1;  // from its beginning; -1: it is as it was written
  bool has_unit = false;         // in the files of its queue, in front of the last start
  bool is_unknown = false;       // damaged so that nothing tells of its queue offset any more
};

class Ledger {
 public:
  // Records that were acknowledged.
  void add(std::vector<Entry> entries);
  // One that was not, and was perhaps written all the same.
  void add_refused(Entry entry) { refused_.push_back(std::move(entry)); }
  // Everything before `log_end` has been acknowledged under sync flush.
  void promise(std::int64_t log_end);
  // Readers may see a unit.
  void show(const std::string& topic, std::int32_t queue_id, std::int64_t max_offset);
  // A byte of the log has changed.
  void damage(std::int64_t log_offset);
  // In front of a start: `has_unit` says whether the files of an entry's queue have its unit.
  void note_units(const std::function<bool(const Entry&)>& has_unit);
  // Offsets that were given once more, since all that told of them was damaged.
  [[nodiscard]] std::int64_t unknown_offsets() const noexcept { return unknown_offsets_; }
  // What the store shows: equal after each start that nothing was done in front of.
  [[nodiscard]] std::string picture(const StoreCore& core) const;
  // Log files were given up: what lies before may be gone.
  void forget_before(std::int64_t log_min) noexcept;

  enum class Loss {
    nothing,   // all that was acknowledged is there
    unsynced,  // all that was promised is there
  };
  // A store that was opened again: everything it has is right, and it has what it must have. What
  // it has is safe from then on. Throws Broken.
  void check_after_start(const StoreCore& core, Loss loss, bool visible_is_safe, Random& random);
  // A store that runs shows nothing that is not there or not safe. Throws Broken.
  void check_reads(const StoreCore& core, Random& random) const;
  // Every queue from its first to its last message; returns how many there are. For stores that
  // were damaged: nothing is wrong, but things may be missing. Throws Broken.
  std::int64_t count_right(const StoreCore& core) const;

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  using QueueName = std::pair<std::string, std::int32_t>;
  void find_out_what_is_left(const StoreCore& core);
  void rebuild_queues(const StoreCore& core, bool exact);
  void check_queue(const StoreCore& core, const QueueName& name) const;
  void check_key(const StoreCore& core, const Entry& entry) const;
  void add_to_queue(const Entry& entry, std::size_t index);
  const Entry* find(const QueueName& name, std::int64_t queue_offset) const;
  bool is_damaged(std::int64_t log_begin) const;
  static bool is_shown(const StoreCore& core, const Entry& entry);
  bool is_displaced(const StoreCore& core, const Entry& entry) const;
  std::int64_t end_of_undamaged(std::int64_t due) const;

  std::vector<Entry> entries_;  // in the order of the log
  class Queue {
   public:
    std::int64_t end = 0;                         // the next offset to be given
    std::map<std::int64_t, std::size_t> entries;  // by offset
  };
  std::map<QueueName, Queue> queues_;
  std::vector<Entry> refused_;  // behind safe_end_
  std::map<QueueName, std::int64_t> shown_;
  std::int64_t safe_end_ = 0;
  std::int64_t forgotten_before_ = 0;
  std::int64_t unknown_offsets_ = 0;
  bool has_damage_ = false;
  std::set<std::int64_t> damage_elsewhere_;  // in what is no record
};

}  // namespace comet::inline v0_1::store::test
