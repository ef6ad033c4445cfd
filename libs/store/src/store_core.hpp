#pragma once
// The store without an event loop: synchronous and thread-safe. MessageStore adds waiting to it.

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "append.hpp"
#include "checkpoint.hpp"
#include "comet/store/message_store.hpp"
#include "comet/store/raw_log.hpp"
#include "comet/store/store_clock.hpp"
#include "commit_log.hpp"
#include "cut_note.hpp"
#include "damaged_copies.hpp"
#include "dispatch.hpp"
#include "file.hpp"
#include "message_index.hpp"
#include "queue_table.hpp"
#include "read_faults.hpp"
#include "recent_windows.hpp"
#include "recovery.hpp"
#include "removed_queues.hpp"
#include "store_directory.hpp"
#include "synced_note.hpp"

namespace comet::inline v0_1::store {

class StoreCore {
 public:
  // Opens, locks and recovers. Throws Error.
  StoreCore(StoreConfig config, TimeSource& time, FileSystem& files);

  // Called with units in the order of the log when readers may see them. Set before the first
  // append; must be quick and must not call back.
  using VisibleSink = std::function<void(std::span<const VisibleUnit>)>;
  void on_visible(VisibleSink sink) { sink_ = std::move(sink); }

  // Checks and encodes; fails without a trace.
  [[nodiscard]] error_code encode(RecordSource& records, Append& append);
  // Writes all, with as few calls as possible, and sets each one's result. One caller at a time
  // gets in, the others wait.
  void append(std::span<Append* const> appends);

  // Brings what has been written to the disk, and under sync_flush before the readers' eyes.
  [[nodiscard]] error_code sync();
  // Brings busy queues to the disk; `between` is called after each file.
  [[nodiscard]] error_code sync_busy_queues(const std::function<void()>& between);
  // Brings all to the disk and says so in the checkpoint.
  [[nodiscard]] error_code write_checkpoint(const std::function<void()>& between);
  // Brings the queues' newest units to their files, which is not done by every append.
  [[nodiscard]] error_code write_queue_units();
  // Deletes what has expired; `wall_millis` is now. One thread at a time.
  void clean(std::int64_t wall_millis);
  void request_deletion();
  [[nodiscard]] DiskState disk_state() const;
  [[nodiscard]] DamageStats damage_stats() const;
  // Of the log, to be sent from.
  [[nodiscard]] std::size_t mapped_files() const { return log_.mapped_count(); }
  [[nodiscard]] std::int64_t lent_bytes() const {
    return log_.memory().lent_bytes() - recent_windows_.own_bytes();
  }
  // Removing queues; see MessageStore. Throw Error.
  std::int64_t remove_topic(std::string_view topic);
  std::int64_t remove_unused_topics(const TopicTest& is_used);
  std::int64_t remove_expired_queues();
  // From now on append() writes nothing.
  void refuse_appends();

  // The raw log; see RawLog.
  [[nodiscard]] std::int64_t durable_end() const noexcept;
  [[nodiscard]] Result<Body> read_raw(std::int64_t offset, std::int64_t max) const;
  [[nodiscard]] error_code append_raw(std::int64_t offset, std::string_view bytes);
  [[nodiscard]] Result<std::int64_t> cut(std::int64_t offset);
  [[nodiscard]] std::optional<RawRecord> record_before(std::int64_t offset) const;
  [[nodiscard]] std::vector<QueueEnd> silent_queues() const;
  [[nodiscard]] error_code raise_silent_queues(std::span<const QueueEnd> ends);
  void set_read_limit(std::int64_t offset);
  void keep_from(std::int64_t offset) noexcept { keep_from_ = offset; }

  // Leaves the directory as after an orderly stop, unless the store is read-only. Not thread-safe.
  void close();

  [[nodiscard]] ReadResult read(std::string_view topic, std::int32_t queue_id, std::int64_t offset,
                                const ReadLimits& limits, const TagFilter& filter,
                                const RecordFilter& exact_filter = {}) const;
  [[nodiscard]] SharedBytes read_record(std::int64_t physical_offset) const;
  [[nodiscard]] std::int64_t min_offset(std::string_view topic, std::int32_t queue_id) const;
  [[nodiscard]] std::int64_t max_offset(std::string_view topic, std::int32_t queue_id) const;
  [[nodiscard]] bool probably_in_memory(std::string_view topic, std::int32_t queue_id,
                                        std::int64_t offset) const;
  [[nodiscard]] std::int64_t offset_by_time(std::string_view topic, std::int32_t queue_id,
                                            std::int64_t timestamp, TimeBoundary boundary) const;
  [[nodiscard]] std::int64_t store_time(std::string_view topic, std::int32_t queue_id,
                                        std::int64_t offset) const;
  [[nodiscard]] std::int64_t earliest_store_time(std::string_view topic,
                                                 std::int32_t queue_id) const;
  [[nodiscard]] std::int64_t earliest_store_time() const;
  [[nodiscard]] std::vector<QueueEntry> queue_entries(std::string_view topic, std::int32_t queue_id,
                                                      std::int64_t offset,
                                                      std::int32_t max_count) const;
  [[nodiscard]] KeyQueryResult query(const KeyQuery& query) const;
  // Makes the log's next file ahead; false when there is nothing to do. One thread at a time.
  bool prepare_segment() { return !is_poisoned() && log_.prepare_segment(); }
  [[nodiscard]] bool is_next_segment_due() const noexcept { return log_.is_next_segment_due(); }
  // Indexes a piece of what can be read; false when nothing is left.
  bool build_index() const;
  [[nodiscard]] std::int64_t indexed_end() const { return index_.log_end(); }
  [[nodiscard]] std::int64_t min_physical_offset() const { return log_.min_offset(); }
  [[nodiscard]] std::int64_t synced_end() const noexcept { return log_.synced(); }
  [[nodiscard]] std::int64_t appended_end() const noexcept { return log_.written(); }
  [[nodiscard]] std::int64_t readable_end() const noexcept {
    return readable_end_.load(std::memory_order_acquire);
  }
  // So many bytes before it count as being in memory.
  [[nodiscard]] std::int64_t memory_reach() const noexcept;

  [[nodiscard]] std::map<std::string, std::int32_t, std::less<>> queue_counts() const;
  // What an append would be stamped with.
  [[nodiscard]] std::int64_t now_millis() const { return clock_.now_millis(); }

  [[nodiscard]] const StoreConfig& config() const noexcept { return config_; }
  [[nodiscard]] std::string read_only_reason() const;
  [[nodiscard]] const RecoveryReport& recovery_report() const noexcept { return recovery_; }
  // What the start has found damaged: each record as far as it can be read, else null.
  void visit_lost(const std::function<void(const Damage&, const RecordView* record)>& visit) const;

 private:
  class QueueRead;
  class PagesRead;
  class RawAppend;
  class AllLocks;
  // What is in the log and in the queues' files.
  class Progress {
   public:
    std::int64_t log_end = 0;
    std::int64_t timestamp = 0;
    friend bool operator==(const Progress&, const Progress&) = default;
  };

  void open();
  void recover_files(bool unclean, const std::optional<CutNote>& cut);
  [[nodiscard]] std::optional<CutNote> find_unfinished_cut(bool unclean);
  [[nodiscard]] bool has_later_records(const CutNote& note);
  void finish_cut();
  void settle_damage();
  void settle_queues();
  void distrust_queues();
  void finish_index() const;
  // In ReadLimits::in_pages' way. False: read them in another.
  [[nodiscard]] bool read_pages(const ConsumeQueue& queue, const ReadLimits& limits,
                                const TagFilter& filter, ReadResult& result) const;
  [[nodiscard]] IndexMatches look_up(const KeyQuery& query, std::size_t most) const;
  // -1: no readable record lies there.
  [[nodiscard]] std::int64_t store_time_of(const ConsumeQueue& queue, std::int64_t offset) const;
  [[nodiscard]] std::int64_t store_time_at(std::int64_t physical_offset) const;
  [[nodiscard]] error_code check_record(const RecordView& record) const;
  [[nodiscard]] error_code before_append();
  [[nodiscard]] error_code write_stuck_units();
  [[nodiscard]] error_code write_units_of(ConsumeQueue& queue);
  [[nodiscard]] error_code sync_queues(std::size_t least_bytes,
                                       const std::function<void()>& between);
  [[nodiscard]] std::size_t place_run(std::span<Append* const> appends, bool& finish_segment);
  void place(Append& append, std::int64_t at);
  void take_back(std::span<Append* const> run);
  void commit_run(std::span<Append* const> run);
  void index(const Append& append);
  void add_unit(ConsumeQueue& queue, std::int64_t queue_offset, const QueueUnit& unit,
                std::int64_t store_timestamp);
  void finish_run(std::int64_t log_end);
  void write_due_units();
  void show(std::span<const VisibleUnit> units, std::int64_t log_end);
  [[nodiscard]] std::int64_t visible_limit() const noexcept;
  void show_what_may_be_seen();
  void make_synced_visible(std::int64_t log_end);
  void hide_from(std::int64_t offset);
  [[nodiscard]] ReadResult read_once(std::string_view topic, std::int32_t queue_id,
                                     std::int64_t offset, const ReadLimits& limits,
                                     const TagFilter& filter,
                                     const RecordFilter& exact_filter) const;
  // Of a replica's log, and cutting it back.
  void raise(const QueueEnd& end);
  [[nodiscard]] bool begins_elsewhere(std::int64_t offset);
  [[nodiscard]] error_code begin_log_at(std::int64_t offset);
  [[nodiscard]] error_code begin_queue_anew(ConsumeQueue& queue, std::int64_t log_end);
  [[nodiscard]] std::int64_t record_near(std::int64_t offset) const;
  [[nodiscard]] std::optional<RawRecord> last_record(std::int64_t from, std::int64_t end) const;
  [[nodiscard]] bool is_boundary(std::int64_t offset) const;
  [[nodiscard]] std::int64_t count_records(std::int64_t from) const;
  [[nodiscard]] error_code bring_all_to_disk();
  void forget_visible_behind(std::int64_t offset);
  void drop_behind(std::int64_t offset);
  void settle_end(std::int64_t offset);
  // Sorts an error of the disk: disk_full or a shortage, which pass, or else the store becomes
  // read-only.
  int measure_disks();
  void delete_log_files(bool ignore_age, std::int64_t wall_millis);
  [[nodiscard]] bool is_vouched_for(std::int64_t log_end);
  void follow_the_log(std::int64_t log_min);
  std::int64_t remove_queues(const std::function<bool(const ConsumeQueue&)>& unwanted);
  void remove_queue(ConsumeQueue& queue);
  [[nodiscard]] error_code judge(const error_code& error, std::string_view what);
  void poison(std::string reason);
  [[nodiscard]] bool is_poisoned() const noexcept {
    return poisoned_.load(std::memory_order_acquire);
  }
  StoreConfig config_;
  TimeSource& time_;
  mutable StoreClock clock_;
  FileSystem& files_;
  DelayLevels levels_;
  StoreDirectory directory_;
  SyncedNote synced_note_;
  DamagedCopies copies_;
  CommitLog log_;
  QueueTable queues_;
  mutable MessageIndex index_;  // catches up when it is asked
  VisibleSink sink_;
  RecoveryReport recovery_;
  mutable ReadFaults faults_;
  mutable RecentWindows recent_windows_;

  std::mutex write_mutex_;
  bool refusing_ = false;
  std::atomic<bool> closed_{false};  // nobody waits for a sync any more
  std::int64_t timestamp_ = 0;       // of the last append, ms; goes back with a cut only
  std::int64_t newest_time_ = 0;     // of the last record, a replica's as it is
  std::string partial_;              // of a replica: the front of the next record or blank
  int raw_complaints_ = 0;
  std::vector<iovec> pieces_;
  std::vector<ConsumeQueue*> touched_;  // those with pending units are among them
  std::vector<VisibleUnit> units_;      // of the run that is being committed
  std::vector<ConsumeQueue*> due_;      // have many
  bool stuck_ = false;                  // units could not be written
  std::array<char, kBlankSize> blank_{};
  bool disk_full_logged_ = false;

  std::mutex units_mutex_;

  std::mutex log_sync_mutex_;

  // Readers see what lies before visible_limit().
  std::mutex visible_mutex_;
  struct Waiting {
    std::vector<VisibleUnit> units;
    std::int64_t log_end;
  };
  std::deque<Waiting> waiting_;                 // to be seen
  std::int64_t read_limit_ = RawLog::kNoLimit;  // under visible_mutex_
  std::atomic<std::int64_t> synced_end_{0};     // as its note has it
  std::atomic<std::int64_t> readable_end_{0};
  std::atomic<std::uint64_t> hidden_{0};  // so many times less was to be seen
  std::atomic<std::int64_t> keep_from_{RawLog::kNoLimit};

  mutable std::mutex progress_mutex_;
  Progress progress_;
  std::mutex checkpoint_mutex_;
  Checkpoint checkpoint_;
  Progress checkpointed_;
  std::atomic<std::int64_t> vouched_end_{-1};  // log and queues are on disk up to here

  std::mutex removal_mutex_;
  RemovedQueues removed_queues_;
  std::set<int> delete_hours_;
  std::atomic<int> deletion_rounds_{0};
  std::int64_t cleaned_below_ = -1;
  std::atomic<bool> disk_too_full_{false};
  DiskState disk_state_;  // under reason_mutex_

  std::atomic<bool> poisoned_{false};
  mutable std::mutex reason_mutex_;
  std::string reason_;
};

}  // namespace comet::inline v0_1::store
