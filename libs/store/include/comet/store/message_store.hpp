#pragma once
// The broker's storage: one commit log for all topics, and the consume queues derived from it, in
// Apache RocketMQ's file formats (docs/store.md). Knows no network and no broker.

#include <boost/asio/any_completion_handler.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "comet/base/awaitable.hpp"
#include "comet/base/body.hpp"
#include "comet/base/error.hpp"
#include "comet/base/time.hpp"
#include "comet/message/record.hpp"

namespace comet::inline v0_1::store {

class FileSystem;  // for tests that make file operations fail
class RawLog;

enum class FlushMode {
  async_flush,  // acknowledged when written to the file; on disk within flush_interval
  sync_flush,   // acknowledged when on disk; one fdatasync serves all that wait
};

class StoreConfig {
 public:
  std::string root;  // storePathRootDir
  // storePathCommitLog, storePathConsumeQueue, storePathIndex; empty: below root.
  std::string commit_log_path;
  std::string consume_queue_path;
  std::string index_path;
  std::int64_t commit_log_file_size = 1 << 30;          // mappedFileSizeCommitLog, bytes
  std::int64_t consume_queue_file_size = 300'000 * 20;  // mappedFileSizeConsumeQueue x 20, bytes
  std::int32_t max_message_size = 4 << 20;              // maxMessageSize, bytes of a body
  FlushMode flush = FlushMode::async_flush;             // flushDiskType
  Duration flush_interval = std::chrono::milliseconds(500);  // flushIntervalCommitLog
  Duration sync_flush_timeout = std::chrono::seconds(5);     // syncFlushTimeout
  // messageDelayLevel: how long messages of the schedule topic wait, by their level.
  std::string delay_levels = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h";
  std::chrono::hours file_reserved_time{72};  // fileReservedTime: log files are kept this long
  std::string delete_when = "04";             // deleteWhen: hours, local time, "04;16"
  // maxRecordsLostAtStart: when damage has taken more messages, or a whole log file, the store does
  // not open. -1: it always does.
  std::int64_t max_records_lost_at_start = 100;
  std::chrono::hours damaged_keep_time{168};  // damagedKeepHours: copies of what a start cut off
  // The log is replicated, or a replica: both must have the same bytes. Behind what is known to
  // have been on disk a start then ends the log at the first thing that is no record, where it
  // would else keep whole records behind it.
  bool replicated = false;
  int disk_max_used_percent = 75;        // diskMaxUsedSpaceRatio: above it old files go at any hour
  int disk_clean_forcibly_percent = 85;  // diskSpaceCleanForciblyRatio: above it young ones too
  int disk_warning_percent = 90;         // diskSpaceWarningLevelRatio: above it nothing is stored
  bool clean_file_forcibly = true;       // cleanFileForciblyEnable
  Duration clean_interval = std::chrono::seconds(10);  // cleanResourceInterval
  bool index_messages = true;            // messageIndexEnable: query() finds nothing without it
  std::int32_t index_slots = 5'000'000;  // maxHashSlotNum, of an index file
  std::int32_t index_entries =
      20'000'000;  // maxIndexNum; slots and entries are constant for a directory
  // Bytes behind the log's end that count as being in memory; 0: 40 % of the memory.
  std::int64_t page_cache_reach = 0;
};

enum class StoreErrc {
  locked = 1,         // another process has this directory open
  not_writable,       // the directory cannot be created or written
  wrong_file_size,    // files of another mappedFileSize lie there
  message_too_large,  // body, properties, topic or the record beyond its limit, or properties with
                      // a zero byte
  flush_timeout,      // stored, not yet on disk after sync_flush_timeout
  read_only,          // an earlier I/O error forbids writing; read_only_reason() says which
  disk_full,          // no space, or too little; nothing stored; resumes by itself
  closed,             // the store is shutting down
  illegal_queue,      // the topic cannot be a directory's name, or the queue id is negative
  foreign_format,     // the directory holds what another kind of store has written
  short_file,         // a file was cut under the store
  too_much_lost,      // a start would lose more than max_records_lost_at_start, or a whole file
  log_missing,        // there was a log, and there is none
  not_contiguous,     // bytes of another log do not continue this one
  not_kept,           // the log does not have these bytes, or not any more
};
const boost::system::error_category& store_category() noexcept;
inline error_code make_error_code(StoreErrc code) noexcept {
  return {static_cast<int>(code), store_category()};
}

class AppendResult {
 public:
  error_code error;                         // flush_timeout: stored all the same
  std::int64_t physical_offset = 0;         // of the (first) record
  std::int64_t queue_offset = 0;            // of the (first) record
  std::int64_t store_timestamp = 0;         // ms
  std::vector<std::int64_t> batch_offsets;  // physical offsets of a batch's records; else empty
};

using AppendHandler = asio::any_completion_handler<void(AppendResult)>;

enum class ReadStatus {  // Apache: GetMessageStatus
  found,
  no_matched_message,      // examined, none passed the filter
  message_was_removing,    // the queue points at records that are gone
  offset_found_null,       // Apache: the queue's file is missing; here that is read_failed
  offset_overflow_badly,   // beyond the end
  offset_overflow_one,     // exactly the end: nothing new
  offset_too_small,        // below the first
  no_matched_logic_queue,  // no such queue
  no_message_in_queue,     // the queue is empty
  read_failed,             // a file cannot be read: an error of the disk, or somebody cut it
};

class ReadResult {
 public:
  ReadStatus status = ReadStatus::no_matched_logic_queue;
  std::int64_t next_offset = 0;
  std::int64_t min_offset = 0;
  std::int64_t max_offset = 0;
  std::int32_t count = 0;
  Body records;  // as stored, one after the other; the memory or pages are kept while it lives
};

class ReadLimits {
 public:
  std::int32_t max_count = 32;
  std::int64_t max_bytes = 256 * 1024;  // at least one record is returned whatever its size
  // The records go to the kernel, which is to send them, and are not looked at: where that saves a
  // copy, ReadResult::records are pages of the log (Body::pages). Not with a RecordFilter.
  bool in_pages = false;
};

// Sees an entry's tags code before the record is read; false skips the message.
using TagFilter = std::function<bool(std::int64_t tags_code)>;
using TopicTest = std::function<bool(std::string_view topic)>;
// Sees the record itself, after the tag filter; false skips the message.
using RecordFilter = std::function<bool(const RecordView&)>;

// Which message a time stands for. Messages stored at the same millisecond share a time.
enum class TimeBoundary {
  lower,  // the first stored at it or later; the queue's end when there is none (Apache 5)
  upper,  // the last stored at it or earlier; 0 when there is none (Apache 5)
};

// An entry of a consume queue.
class QueueEntry {
 public:
  std::int64_t physical_offset = 0;
  std::int32_t size = 0;
  std::int64_t tags_code = 0;
};

// One of KEYS or the unique key; or the tag.
enum class KeyKind { key, tag };

// Messages of a topic by a key.
class KeyQuery {
 public:
  std::string_view topic;
  std::string_view key;
  KeyKind kind = KeyKind::key;
  std::int32_t max_count = 32;  // the newest are returned
  // Store times, ms, both included; told apart to the second only.
  std::int64_t begin = 0;
  std::int64_t end = std::numeric_limits<std::int64_t>::max();
};

class KeyQueryResult {
 public:
  std::int32_t count = 0;
  Body records;  // in the order of the log; pins the log's pages while it lives
  // Of the last message with a key that was indexed (Apache: indexLastUpdate...); 0 without one.
  std::int64_t last_update_timestamp = 0;
  std::int64_t last_update_offset = 0;
  // There may be older ones: more entries than a query looks at (2,000,000, or 10,000 reads of the
  // index) lie in front of them.
  bool is_cut = false;
};

// How full the disks were when they were last looked at.
class DiskState {
 public:
  double commit_log_ratio = 0;  // used part, 0 to 1
  double consume_queue_ratio = 0;
  double index_ratio = 0;
  std::int64_t available_bytes = -1;  // of the fuller disk; -1: not known yet
  bool full = false;                  // above disk_warning_percent: appends answer disk_full
};

// What has been lost to damage, and found while reading.
class DamageStats {
 public:
  std::int64_t skipped_ranges = 0;  // of the log, found by the start
  std::int64_t lost_records = 0;    // in them
  std::int64_t read_faults = 0;     // reads that met what is damaged or cannot be read
};

// A record became readable.
class Arrival {
 public:
  std::string_view topic;  // valid during the call
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;  // of the new record; the queue's max is one more
  std::int64_t tags_code = 0;
  std::int64_t store_timestamp = 0;
};
// Who is told of them, in the order of the log, one call at a time, on the thread that made the
// records readable: an appender's or the store's own. Has to be quick: appends wait for it.
class ArrivalObserver {
 public:
  template <class OnArrival>
    requires std::is_invocable_v<OnArrival&, const Arrival&>
  ArrivalObserver(OnArrival on_arrival_in)  // NOLINT: implicit, for one that wants all
      : on_arrival(std::move(on_arrival_in)) {}

  std::function<void(const Arrival&)> on_arrival;
  // Whether all are wanted at present; empty: always. Asked by appenders, on their threads, when
  // the new messages can be read: who begins to want them must say so first, in an order that all
  // threads see, and look then.
  std::function<bool()> wants_all;
  std::vector<std::string> topics;  // whose arrivals are wanted in any case
};

// Records that are made one at a time, so that a batch needs no memory for all of them.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // Begins anew; next() then gives the same records again.
  virtual void rewind() = 0;
  // Nullptr: that was the last one. The record and its views are valid until the next call.
  [[nodiscard]] virtual const RecordView* next() = 0;
};

// Awaitable operations may be awaited on any executor; they complete there. Reads are thread-safe
// and do not wait for appends. The store flushes on a thread of its own; another one makes the next
// log file (every commit_log_file_size bytes) ahead, and an appender that finds none does it.
// Appends are written on the executors of those that append, for all of them by one at a time.
// Cancelling a coroutine that awaits an append neither stops the append nor the wait for it; the
// coroutine learns of the cancellation at its next suspension. Close the store before the contexts
// of the executors that await appends are destroyed. Under virtual time use async_flush: the time
// that a real disk takes is unknown to it.
class MessageStore {
 public:
  // Opens or creates the directory, takes its lock, recovers. Blocking; throws Error naming the
  // path and what to do. `executor` watches how long the disk takes.
  MessageStore(StoreConfig config, asio::any_io_executor executor, TimeSource& time);
  MessageStore(StoreConfig config, asio::any_io_executor executor, TimeSource& time,
               FileSystem& files);
  ~MessageStore();  // as close()

  // Appends one record. Of `record` these are used: queue_id, flag, sys_flag, born_*, store_host,
  // reconsume_times, prepared_transaction_offset, body, topic, properties; views must stay valid
  // until the call returns. `wait_flush` false: acknowledged before the disk has it even under
  // sync_flush. Never throws for a failed append: see AppendResult::error.
  [[nodiscard]] asio::awaitable<AppendResult> append(RecordView record, bool wait_flush = true);
  // Several records of one queue as one unit: all or none, consecutive offsets.
  [[nodiscard]] asio::awaitable<AppendResult> append_batch(std::vector<RecordView> records,
                                                           bool wait_flush = true);
  // The same for callers that are no coroutines: `done` is called once, on `executor`, and not
  // before this call has returned. The views need not outlive the call.
  void append(std::span<const RecordView> records, bool wait_flush,
              const asio::any_io_executor& executor, AppendHandler done);
  void append(RecordSource& records, bool wait_flush, const asio::any_io_executor& executor,
              AppendHandler done);

  // Messages of a queue from `offset` on, at most the limits.
  [[nodiscard]] ReadResult read(std::string_view topic, std::int32_t queue_id, std::int64_t offset,
                                const ReadLimits& limits, const TagFilter& filter = {},
                                const RecordFilter& exact_filter = {}) const;
  // One record by its physical offset; empty when there is none.
  [[nodiscard]] SharedBytes read_record(std::int64_t physical_offset) const;

  // Topics with a queue that has ever had a message, and how many queues each has: the highest
  // queue id and one.
  [[nodiscard]] std::map<std::string, std::int32_t, std::less<>> queue_counts() const;

  // 0 for unknown queues.
  [[nodiscard]] std::int64_t min_offset(std::string_view topic, std::int32_t queue_id) const;
  [[nodiscard]] std::int64_t max_offset(std::string_view topic, std::int32_t queue_id) const;
  // Whether the record at this queue offset still is in the page cache, as far as its distance from
  // the log's end tells. Unknown queue or offset: false.
  [[nodiscard]] bool probably_in_memory(std::string_view topic, std::int32_t queue_id,
                                        std::int64_t offset) const;

  // The queue offset of the message that was stored at `timestamp` (ms); 0 for unknown and empty
  // queues. Binary search over the queue: O(log n) records are looked at.
  [[nodiscard]] std::int64_t offset_by_time(std::string_view topic, std::int32_t queue_id,
                                            std::int64_t timestamp, TimeBoundary boundary) const;
  // When (ms) the message at a queue offset was stored; -1 when there is none.
  [[nodiscard]] std::int64_t store_time(std::string_view topic, std::int32_t queue_id,
                                        std::int64_t offset) const;
  // Of the queue's first message; -1 when it has none.
  [[nodiscard]] std::int64_t earliest_store_time(std::string_view topic,
                                                 std::int32_t queue_id) const;
  // Of the first message of all; -1 when there is none.
  [[nodiscard]] std::int64_t earliest_store_time() const;
  // Entries from `offset` on, at most `max_count`; none when `offset` lies outside the queue.
  [[nodiscard]] std::vector<QueueEntry> queue_entries(std::string_view topic, std::int32_t queue_id,
                                                      std::int64_t offset,
                                                      std::int32_t max_count) const;

  // Messages that carry the key, and no others. Finds what can be read, unless the index is being
  // built anew from a long log. May read the disk.
  [[nodiscard]] KeyQueryResult query(const KeyQuery& query) const;

  // Store time (store_clock.hpp), ms: what an append would be stamped with.
  [[nodiscard]] std::int64_t now_millis() const;
  // Of the newest record that was there when the store was opened; 0 when there was none. What
  // happened before the last end of the store happened until then.
  [[nodiscard]] std::int64_t newest_store_time_at_start() const;

  [[nodiscard]] std::int64_t min_physical_offset() const;
  [[nodiscard]] std::int64_t max_physical_offset() const;
  // Stored, and not yet on the disk.
  [[nodiscard]] std::int64_t unsynced_bytes() const;
  // Where the log ends: with what was appended (under sync_flush readers see it later), and on the
  // disk.
  [[nodiscard]] std::int64_t appended_end() const;
  [[nodiscard]] std::int64_t synced_end() const;
  [[nodiscard]] std::string read_only_reason() const;  // empty: writable

  // Looks after disk space every clean_interval until it is cancelled: deletes expired log files
  // and the files of queues and index that only know their messages, refuses appends while the disk
  // is too full. The owner spawns it. Files are removed on a thread of the store's.
  [[nodiscard]] asio::awaitable<void> run_retention();
  // Deletes expired files in the next rounds of run_retention(), whatever the hour.
  void request_deletion();
  [[nodiscard]] DiskState disk_state() const;
  [[nodiscard]] DamageStats damage_stats() const;
  // Bytes of messages that were read and that callers still hold, answers on their way among them.
  [[nodiscard]] std::int64_t lent_bytes() const noexcept;

  // Remove consume queues; their next message has offset 0. The messages stay in the log until
  // their files expire, but are not found by queue any more. What was appended before the call is
  // in the log when they begin, or refused. Return the number of queues; throw
  // Error when the store is read-only or the disk refuses.
  [[nodiscard]] asio::awaitable<std::int64_t> remove_topic(std::string topic);
  // All but those of used topics and Apache's internal ones. `is_used` is called on a thread of the
  // store's, and for the last time while nothing is appended: a topic that is made known before its
  // first message is appended keeps it. It must not wait for an append.
  [[nodiscard]] asio::awaitable<std::int64_t> remove_unused_topics(TopicTest is_used);
  // Those without a message left in the log.
  [[nodiscard]] asio::awaitable<std::int64_t> remove_expired_queues();

  // The log as bytes, for replication (raw_log.hpp).
  [[nodiscard]] RawLog raw_log();

  void observe_arrivals(ArrivalObserver observer);  // before the first append; once
  // When it returns the observer is called no more.
  void forget_observers();

  // Finishes the appends that were begun, flushes, writes the checkpoint, removes `abort` and the
  // lock. Appends fail from now on; reads go on. Blocking.
  void close();

 private:
  struct Impl;
  MessageStore(const MessageStore&) = delete;
  MessageStore& operator=(const MessageStore&) = delete;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::store

template <>
struct boost::system::is_error_code_enum<comet::store::StoreErrc> : std::true_type {};
