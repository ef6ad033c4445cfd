#include "store_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "comet/base/log.hpp"
#include "known_damage.hpp"
#include "retention.hpp"

namespace comet::inline v0_1::store {

namespace {

// A queue with this much written since its last sync is synced every second; the others wait for
// the checkpoint (Apache: flushConsumeQueueLeastPages = 2).
constexpr std::size_t kBusyQueueBytes = 2 * 4096;

IndexShape index_shape(const StoreConfig& config) {
  IndexShape shape;
  shape.slots = config.index_slots;
  shape.entries = config.index_entries;
  return shape;
}

StoreConfig checked(StoreConfig config) {
  auto refuse = [](const std::string& what) {
    throw Error(make_error_code(BaseErrc::bad_value), what);
  };
  if (config.root.empty()) refuse("storePathRootDir is empty");
  // A file holds at least one record with its blank.
  if (config.commit_log_file_size < 1024) refuse("mappedFileSizeCommitLog is below 1024");
  // The blank record's size is a 32-bit number.
  if (config.commit_log_file_size > std::numeric_limits<std::int32_t>::max()) {
    refuse("mappedFileSizeCommitLog is above 2147483647");
  }
  if (config.consume_queue_file_size < QueueUnit::kSize ||
      config.consume_queue_file_size % QueueUnit::kSize != 0) {
    refuse("the size of consume queue files is no multiple of 20 bytes");
  }
  if (config.index_slots < 1 || config.index_entries < 2 ||
      index_shape(config).file_size() > std::numeric_limits<std::int32_t>::max()) {
    refuse("maxHashSlotNum and maxIndexNum make no index file of at most 2 GiB");
  }
  return config;
}

}  // namespace

StoreCore::StoreCore(StoreConfig config, TimeSource& time, FileSystem& files)
    : config_(checked(std::move(config))),
      time_(time),
      clock_(time),
      files_(files),
      levels_(config_.delay_levels),
      directory_(files, config_),
      synced_note_(files, directory_.synced_note()),
      copies_(files, directory_.damaged_copies()),
      log_(files, directory_.commit_log(), config_.commit_log_file_size, copies_),
      queues_(files, directory_.consume_queues(), config_.consume_queue_file_size),
      index_(files, directory_.index(), index_shape(config_), log_),
      removed_queues_(files, directory_.removed_queues()),
      delete_hours_(parse_delete_hours(config_.delete_when)) {
  open();
}

void StoreCore::open() {
  auto begin = time_.now();
  Result<Checkpoint> checkpoint = read_checkpoint(files_, directory_.checkpoint());
  if (!checkpoint) throw Error(checkpoint.error(), "read " + directory_.checkpoint());
  checkpoint_ = *checkpoint;
  bool unclean = directory_.found_abort_file();
  const std::optional<CutNote> cut = find_unfinished_cut(unclean);
  directory_.create_abort_file();
  removed_queues_.load();
  if (cut && cut->kind == CutNote::Kind::begin) log_.undo_begin(cut->offset);
  recover_files(unclean, cut);
  if (removed_queues_.clamp(recovery_.end)) {
    if (error_code error = removed_queues_.save()) {
      throw Error(error, "write " + directory_.removed_queues());
    }
  }
  timestamp_ = recovery_.last_timestamp;
  newest_time_ = recovery_.newest_timestamp;
  synced_end_ = recovery_.end;
  clock_.start_at(timestamp_);
  readable_end_ = recovery_.end;
  progress_.log_end = recovery_.end;
  progress_.timestamp = recovery_.last_timestamp;
  if (config_.index_messages) index_.open(checkpoint_, unclean, recovery_.end);
  if (log_.room() == 0) {
    if (error_code error = log_.add_segment()) {
      throw Error(error, "create a commit log file in " + directory_.commit_log());
    }
  }
  settle_damage();
  if (cut) finish_cut();
  log::info(
      "store {} opened after {}: {} log files, {} to {}, {} records checked from {}, {} bytes cut, "
      "{} queues, {} queue units written, {} ms",
      directory_.root(), unclean ? "a crash" : "an orderly stop", log_.segment_count(),
      log_.min_offset(), recovery_.end, recovery_.records, recovery_.checked_from,
      recovery_.truncated, recovery_.queues, recovery_.rebuilt_units,
      to_millis(time_.now() - begin));
}

// What the start found is judged once: from now on the checkpoint vouches for it.
void StoreCore::settle_damage() {
  if (config_.replicated && recovery_.unclean) return settle_queues();
  if (recovery_.damage.empty() && recovery_.skipped_offsets == 0) return;
  auto nothing = [] {};
  if (error_code error = write_checkpoint(nothing)) {
    log::warn("store {}: no checkpoint behind the damage: {}", directory_.root(), error.message());
  }
}

// A unit of a message that was lost, and that a power cut brings back once the log has gone on over
// its place, would pass for an offset that was given.
void StoreCore::settle_queues() {
  auto nothing = [] {};
  if (error_code error = write_checkpoint(nothing)) {
    throw Error(error, "bring the queues in " + directory_.consume_queues() + " to the disk");
  }
}

void StoreCore::visit_lost(
    const std::function<void(const Damage&, const RecordView* record)>& visit) const {
  for (const Damage& damage : recovery_.damage) {
    bool is_known = false;
    WalkRules rules;
    rules.limit = rules.known_end = damage.end;
    const auto visitor = [&](const RecordView& record, RecordState) {
      is_known = true;
      visit(damage, &record);
    };
    (void)walk_log(log_, damage.begin, rules, visitor);
    if (!is_known) visit(damage, nullptr);
  }
}

DamageStats StoreCore::damage_stats() const {
  DamageStats stats;
  stats.skipped_ranges = std::ssize(recovery_.damage);
  stats.lost_records = recovery_.lost_records;
  stats.read_faults = faults_.count() + log_.page_faults();
  return stats;
}

void StoreCore::recover_files(bool unclean, const std::optional<CutNote>& cut) {
  LastLife last_life;
  last_life.unclean = unclean;
  last_life.failed_sync = directory_.found_failed_sync();
  last_life.is_replicated = config_.replicated;
  // Apache's broker makes a checkpoint before anything else.
  last_life.ours = unclean && checkpoint_ == Checkpoint();
  last_life.synced_end = synced_note_.read();
  last_life.known_damage = read_known_damage(files_, directory_.known_damage());
  Checkpoint checkpoint = checkpoint_;
  if (cut && cut->kind == CutNote::Kind::cut) {
    // All before it was on disk; of what lay behind it nothing is to be missed.
    last_life.cut_at = last_life.synced_end = cut->offset;
    checkpoint.log_end = -1;
    checkpoint.queue_count = 0;
  }
  try {
    recovery_ = recover(log_, queues_, levels_, removed_queues_, checkpoint, last_life,
                        config_.max_records_lost_at_start, [this] { distrust_queues(); });
  } catch (const Error& error) {
    if (error.code() != StoreErrc::too_much_lost) {
      directory_.note_failed_sync();  // it may have been one
    } else if (!unclean) {
      (void)directory_.remove_abort_file();  // nothing was changed
    }
    throw;
  }
  // Before anything says that the log was on disk up to its end: what a power cut may have taken
  // must not pass for what was lost later.
  // Nor must the list tell of what was cut off: other records will lie there.
  const bool has_changed =
      !recovery_.damage.empty() || log_.damage().size() != last_life.known_damage.size();
  if (has_changed) {
    if (error_code error = write_known_damage(files_, directory_.known_damage(), log_.damage())) {
      throw Error(error, "write " + directory_.known_damage());
    }
  }
  synced_note_.write(recovery_.end);
  if (last_life.failed_sync) directory_.forget_failed_sync();
  if (checkpoint_.log_end <= recovery_.end) return;
  // What it vouches for is gone. Other records will lie there, and it must not be asked about them.
  checkpoint_.log_end = -1;
  if (error_code error = store::write_checkpoint(files_, directory_.checkpoint(), checkpoint_)) {
    throw Error(error, "write " + directory_.checkpoint());
  }
}

// The log has what the checkpoint vouches for, but the queues are to be compared with all of it.
void StoreCore::distrust_queues() {
  if (checkpoint_.queues_timestamp == 0) return;
  checkpoint_.queues_timestamp = 0;
  if (error_code error = store::write_checkpoint(files_, directory_.checkpoint(), checkpoint_)) {
    throw Error(error, "write " + directory_.checkpoint());
  }
}

error_code StoreCore::sync() {
  std::lock_guard lock(log_sync_mutex_);
  if (is_poisoned()) return make_error_code(StoreErrc::read_only);
  std::int64_t end = log_.written();
  if (error_code error = log_.sync(end)) {
    // The kernel may have dropped the pages: another attempt would succeed without them.
    directory_.note_failed_sync();
    poison("fdatasync of the commit log failed: " + error.message());
    return make_error_code(StoreErrc::read_only);
  }
  synced_note_.write(end);
  make_synced_visible(end);
  return {};
}

error_code StoreCore::sync_busy_queues(const std::function<void()>& between) {
  if (is_poisoned()) return make_error_code(StoreErrc::read_only);
  if (error_code error = write_queue_units()) return error;
  return sync_queues(kBusyQueueBytes, between);
}

error_code StoreCore::sync_queues(std::size_t least_bytes, const std::function<void()>& between) {
  QueueFiles& files = queues_.files();
  error_code error = closed_ ? files.sync_all_at_once() : files.sync_dirty(least_bytes, between);
  if (!error) return {};
  if (is_shortage(error)) return judge(error, "sync the consume queues for now");
  // Even for want of space: a sync that failed may have lost what the next checkpoint vouches for.
  poison("fdatasync of a consume queue failed: " + error.message());
  return make_error_code(StoreErrc::read_only);
}

error_code StoreCore::write_checkpoint(const std::function<void()>& between) {
  std::lock_guard lock(checkpoint_mutex_);
  if (error_code error = write_queue_units()) return error;
  Progress progress;
  {
    std::lock_guard progress_lock(progress_mutex_);
    progress = progress_;
  }
  // Before the log is synced: the index must not know more than the log on disk.
  if (config_.index_messages) index_.write();
  // What a start has wiped in a queue must not come back behind an orderly stop.
  if (progress == checkpointed_ && !index_.has_news()) return sync_queues(0, between);
  Checkpoint next = checkpoint_;
  // No record was looked at: what the last checkpoint said still holds.
  if (progress.timestamp > 0) next.log_timestamp = next.queues_timestamp = progress.timestamp;
  next.queue_count = queues_.count_used();
  next.log_end = progress.log_end;
  if (error_code error = sync()) return error;
  if (error_code error = sync_queues(0, between)) return error;
  if (config_.index_messages) {
    index_.sync();
    next.index = index_.progress();
    if (next.index.count > 1) next.index_timestamp = next.index.end_timestamp;
  }
  if (error_code error = store::write_checkpoint(files_, directory_.checkpoint(), next)) {
    return judge(error, "write the checkpoint");
  }
  checkpoint_ = next;
  checkpointed_ = progress;
  vouched_end_ = next.log_end;
  return {};
}

void StoreCore::refuse_appends() {
  queues_.files().hurry();
  std::lock_guard lock(write_mutex_);
  refusing_ = true;
}

void StoreCore::close() {
  refuse_appends();
  if (closed_) return;
  closed_ = true;
  log_.drop_prepared();
  finish_index();
  auto nothing = [] {};
  error_code error = log_.wipe_for_good();
  if (!error) error = write_checkpoint(nothing);
  // Units that never reached their files are rebuilt by the next start, if it takes this end for a
  // crash.
  if (!error) error = directory_.remove_abort_file();
  if (error) log::warn("store {} closed without order: {}", directory_.root(), error.message());
  directory_.unlock();
}

error_code StoreCore::judge(const error_code& error, std::string_view what) {
  if (!error) return {};
  if (is_disk_full(error)) {
    if (!disk_full_logged_) {
      log::error("store {}: no space to {}; writing goes on when there is", directory_.root(),
                 what);
    }
    disk_full_logged_ = true;
    return make_error_code(StoreErrc::disk_full);
  }
  if (is_shortage(error)) {
    log::error("store {}: cannot {}: {}", directory_.root(), what, error.message());
    return error;
  }
  poison(fmt::format("failed to {}: {}", what, error.message()));
  return make_error_code(StoreErrc::read_only);
}

void StoreCore::poison(std::string reason) {
  std::lock_guard lock(reason_mutex_);
  if (is_poisoned()) return;
  log::error("store {} is read-only from now on: {}", directory_.root(), reason);
  reason_ = std::move(reason);
  poisoned_.store(true, std::memory_order_release);
}

std::string StoreCore::read_only_reason() const {
  std::lock_guard lock(reason_mutex_);
  return reason_;
}

}  // namespace comet::inline v0_1::store
