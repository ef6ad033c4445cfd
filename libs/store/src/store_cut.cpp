// StoreCore and ends of the log that go back: what readers see no more, and what is dropped.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "comet/base/bytes.hpp"
#include "comet/base/log.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

void must(const error_code& error, const std::string& what) {
  if (error) throw Error(error, what);
}

// 0 when it cannot be read.
std::int64_t stored_at(const CommitLog& log, std::int64_t record) {
  constexpr std::int64_t kStoreTimeInHeader = 56;
  std::array<char, 8> bytes{};
  return log.read_into(record + kStoreTimeInHeader, bytes) ? 0
                                                           : load_be<std::int64_t>(bytes.data());
}

}  // namespace

// Nobody appends, syncs, removes queues or writes a checkpoint meanwhile.
class StoreCore::AllLocks {
 public:
  explicit AllLocks(StoreCore& core)
      : removal_(core.removal_mutex_),
        checkpoint_(core.checkpoint_mutex_),
        units_(core.units_mutex_),
        write_(core.write_mutex_),
        sync_(core.log_sync_mutex_) {}

 private:
  // In this order everywhere.
  std::lock_guard<std::mutex> removal_;
  std::lock_guard<std::mutex> checkpoint_;
  std::lock_guard<std::mutex> units_;
  std::lock_guard<std::mutex> write_;
  std::lock_guard<std::mutex> sync_;
};

void StoreCore::set_read_limit(std::int64_t offset) {
  std::lock_guard lock(visible_mutex_);
  read_limit_ = offset;
  if (offset < readable_end()) {
    hide_from(offset);
  } else {
    show_what_may_be_seen();
  }
}

// Under visible_mutex_. What readers have begun they begin once more (read()).
void StoreCore::hide_from(std::int64_t offset) {
  Waiting hidden;
  hidden.log_end = readable_end();
  std::int64_t end = log_.min_offset();  // of the last record that stays in sight
  queues_.for_each([&](ConsumeQueue& queue) {
    const std::int64_t max = queue.max_offset();
    // Units that cannot be read are put out of sight, too; later ones bring them back.
    const Result<std::int64_t> behind = queue.first_behind(offset, max);
    const std::int64_t first = behind ? *behind : queue.first_offset();
    std::array<QueueUnit, 64> units;
    const Result<std::size_t> last =
        first > queue.first_offset() ? queue.read_units(first - 1, first, std::span(units).first(1))
                                     : Result<std::size_t>(std::size_t{0});
    if (last && *last == 1 && !units.front().is_filler()) end = std::max(end, units.front().end());
    for (std::int64_t at = first; at < max;) {
      const Result<std::size_t> n = queue.read_units(at, max, units);
      if (!n || *n == 0) break;
      for (const QueueUnit& unit : std::span(units).first(*n)) {
        hidden.units.push_back({&queue, at++, unit.tags_code,
                                unit.is_filler() ? 0 : stored_at(log_, unit.physical_offset),
                                unit.is_filler() ? unit.physical_offset : unit.end()});
      }
    }
    if (first < max) queue.publish(first);
  });
  std::ranges::stable_sort(hidden.units, {}, &VisibleUnit::log_end);
  waiting_.push_front(std::move(hidden));
  readable_end_ = std::min(end, offset);
  ++hidden_;
  recent_windows_.forget(hidden_);
}

bool StoreCore::is_boundary(std::int64_t offset) const {
  if (offset < log_.min_offset() || offset > log_.position()) return false;
  if (offset == log_.min_offset() || offset % log_.segment_size() == 0) return true;
  const Result<SharedBytes> bytes = log_.read_record(offset, log_.position());
  const Result<RecordView> record =
      bytes ? parse_record(bytes->view(), CheckCrc::yes) : bytes.error();
  if (record && record->physical_offset == offset) return true;
  const std::optional<RawRecord> before = record_before(offset);  // that one may be damaged
  return before && before->offset + before->size == offset;
}

std::int64_t StoreCore::count_records(std::int64_t from) const {
  WalkRules rules;
  rules.limit = rules.known_end = log_.position();
  return walk_log(log_, from, rules, {}).records;
}

// Under all locks but removal_mutex_.
error_code StoreCore::bring_all_to_disk() {
  while (!touched_.empty()) {
    if (error_code error = write_units_of(*touched_.back())) return error;
    touched_.pop_back();
  }
  if (error_code error = log_.sync(log_.written())) {
    directory_.note_failed_sync();
    poison("fdatasync of the commit log failed: " + error.message());
    return make_error_code(StoreErrc::read_only);
  }
  synced_note_.write(log_.written());
  return sync_queues(0, [] {});
}

Result<std::int64_t> StoreCore::cut(std::int64_t offset) {
  auto nothing = [] {};
  if (error_code error = write_checkpoint(nothing)) return error;
  const AllLocks locks(*this);
  if (refusing_) return StoreErrc::closed;
  if (is_poisoned()) return StoreErrc::read_only;
  partial_.clear();
  if (offset == log_.position()) return 0;
  if (!is_boundary(offset)) return BaseErrc::bad_value;
  if (error_code error = bring_all_to_disk()) return error;
  const std::int64_t count = count_records(offset);
  CutNote note;
  note.offset = offset;
  note.timestamp = std::max({timestamp_, newest_time_, checkpoint_.log_timestamp});
  if (error_code error = write_cut_note(files_, directory_.cut_note(), note)) {
    return judge(error, "write " + directory_.cut_note());
  }
  log::warn("store {}: the log is cut at {}, {} messages behind it are dropped", directory_.root(),
            offset, count);
  forget_visible_behind(offset);
  try {
    drop_behind(offset);
  } catch (const Error& error) {
    poison(fmt::format("the log could not be cut at {}, the next start does it: {}", offset,
                       error.what()));
    return StoreErrc::read_only;
  }
  return count;
}

void StoreCore::forget_visible_behind(std::int64_t offset) {
  std::lock_guard lock(visible_mutex_);
  if (offset < readable_end()) hide_from(offset);
  for (Waiting& waiting : waiting_) {
    std::erase_if(waiting.units,
                  [offset](const VisibleUnit& unit) { return unit.log_end > offset; });
    waiting.log_end = std::min(waiting.log_end, offset);
  }
  synced_end_ = offset;  // all before it was brought to the disk
  show_what_may_be_seen();
}

// Under all locks, behind the note. Throws Error.
void StoreCore::drop_behind(std::int64_t offset) {
  const bool is_damaged = std::ranges::any_of(
      log_.damage(), [offset](const Damage& one) { return one.begin >= offset; });
  // Readers look at what is known to be damaged without a lock.
  if (is_damaged) must(StoreErrc::too_much_lost, "something behind it is damaged");
  queues_.for_each([&](ConsumeQueue& queue) {
    const Result<std::int64_t> end = queue.first_behind(offset, queue.next());
    must(end.error(), "read the consume queue " + queue.topic());
    if (*end == queue.next()) return;
    queue.cut(*end, true);
    queue.settle();
  });
  (void)log_.cut(offset, offset);
  const std::optional<RawRecord> last = record_before(offset);
  timestamp_ = newest_time_ = last ? last->store_timestamp : 0;
  must(queues_.files().sync_dirty(0, [] {}), "sync the consume queues");
  if (removed_queues_.clamp(offset)) {
    must(removed_queues_.save(), "write " + directory_.removed_queues());
  }
  settle_end(offset);
}

// Under all locks. The log ends at `offset` now, on disk, and the queues know no more: all that
// tells of the end says so, and the note goes. Throws Error.
void StoreCore::settle_end(std::int64_t offset) {
  Checkpoint next = checkpoint_;
  next.log_timestamp = next.queues_timestamp = timestamp_;
  next.queue_count = queues_.count_used();
  next.log_end = offset;
  if (config_.index_messages) {
    index_.cut(offset);
    index_.write();
    index_.sync();
    next.index = index_.progress();
    next.index.log_end = std::min(next.index.log_end, offset);
    next.index_timestamp = next.index.count > 1 ? next.index.end_timestamp : 0;
  }
  must(store::write_checkpoint(files_, directory_.checkpoint(), next), "write the checkpoint");
  must(synced_note_.take_back(offset), "write " + directory_.synced_note());
  must(remove_cut_note(files_, directory_.cut_note()), "remove " + directory_.cut_note());
  checkpoint_ = next;
  vouched_end_ = offset;
  std::lock_guard lock(progress_mutex_);
  progress_.log_end = offset;
  progress_.timestamp = timestamp_;
  checkpointed_ = progress_;
}

bool StoreCore::begins_elsewhere(std::int64_t offset) {
  std::lock_guard lock(write_mutex_);
  const bool is_empty = log_.position() == log_.min_offset() && partial_.empty();
  return is_empty && offset != log_.position() && offset >= 0 && offset % log_.segment_size() == 0;
}

// Of a log without a byte. Queues may have offsets of messages that have expired; they begin anew.
error_code StoreCore::begin_log_at(std::int64_t offset) {
  const AllLocks locks(*this);
  if (error_code error = before_append()) return error;
  if (error_code error = bring_all_to_disk()) return error;
  CutNote note;
  note.kind = CutNote::Kind::begin;
  note.offset = offset;
  if (error_code error = write_cut_note(files_, directory_.cut_note(), note)) {
    return judge(error, "write " + directory_.cut_note());
  }
  log::info("store {}: the log begins at {}", directory_.root(), offset);
  try {
    std::vector<ConsumeQueue*> queues;
    queues_.for_each([&](ConsumeQueue& queue) {
      if (queue.has_units()) queues.push_back(&queue);
    });
    for (ConsumeQueue* queue : queues) remove_queue(*queue);
    log_.begin_at(offset);
    {
      std::lock_guard lock(visible_mutex_);
      waiting_.clear();
      readable_end_ = synced_end_ = offset;
    }
    timestamp_ = newest_time_ = 0;
    settle_end(offset);
  } catch (const Error& error) {
    if (is_disk_full(error.code()) || is_shortage(error.code())) {
      if (log_.position() != offset && !remove_cut_note(files_, directory_.cut_note())) {
        return judge(error.code(), "begin the commit log");
      }
    }
    poison(fmt::format("the log could not be begun at {}: {}", offset, error.what()));
    return StoreErrc::read_only;
  }
  return {};
}

// A note that somebody else's broker has come behind says nothing any more: other messages may lie
// there.
// Than any that was to be cut off. The log has not been opened yet.
bool StoreCore::has_later_records(const CutNote& note) {
  if (note.kind != CutNote::Kind::cut) return false;
  CommitLog log(files_, directory_.commit_log(), config_.commit_log_file_size, copies_);
  log.open(config_.max_records_lost_at_start < 0);
  if (!log.reaches(note.offset, note.offset)) return false;
  bool found = false;
  WalkRules rules;
  rules.crc = CheckCrc::yes;
  (void)walk_log(log, note.offset, rules, [&](const RecordView& record, RecordState state) {
    found |= state == RecordState::whole && record.store_timestamp > note.timestamp;
  });
  return found;
}

std::optional<CutNote> StoreCore::find_unfinished_cut(bool unclean) {
  std::optional<CutNote> note = read_cut_note(files_, directory_.cut_note());
  if (!note) return note;
  // One that a crash has torn is nobody's; another broker that was killed may have written none.
  const bool is_others = (!checkpoint_.is_ours && checkpoint_.log_timestamp > note->timestamp) ||
                         has_later_records(*note);
  if (unclean && (!is_others || note->kind == CutNote::Kind::begin)) {
    log::warn("store {}: {} at {} is finished", directory_.root(),
              note->kind == CutNote::Kind::cut ? "the cut of the log" : "the begin of the log",
              note->offset);
    return note;
  }
  log::error("store {}: the log was to be cut at {}; another broker has had it since: left alone",
             directory_.root(), note->offset);
  must(remove_cut_note(files_, directory_.cut_note()), "remove " + directory_.cut_note());
  return std::nullopt;
}

// The start has done what the note says; nothing may tell of the old end any more.
void StoreCore::finish_cut() {
  auto nothing = [] {};
  must(write_checkpoint(nothing), "bring what was cut to the disk");
  Checkpoint next = checkpoint_;
  next.log_timestamp = next.queues_timestamp = timestamp_;
  next.log_end = log_.written();
  must(store::write_checkpoint(files_, directory_.checkpoint(), next), "write the checkpoint");
  checkpoint_ = next;
  must(synced_note_.take_back(log_.written()), "write " + directory_.synced_note());
  must(remove_cut_note(files_, directory_.cut_note()), "remove " + directory_.cut_note());
}

}  // namespace comet::inline v0_1::store
