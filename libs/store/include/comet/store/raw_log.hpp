#pragma once
// The commit log as bytes, for replication: a master's is read, a replica's is written with what
// was read there, and both know the same places.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/awaitable.hpp"
#include "comet/base/body.hpp"
#include "comet/base/error.hpp"

namespace comet::inline v0_1::store {

class AsyncStore;

// Where a record lies, and what tells it from another one at the same place.
class RawRecord {
 public:
  std::int64_t offset = 0;
  std::int32_t size = 0;
  std::int64_t store_timestamp = 0;  // ms
  std::uint32_t crc = 0;             // CRC-32 (zlib's) of all its bytes
};

// Where the next message of a queue goes.
class QueueEnd {
 public:
  std::string topic;
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;
};

// A handle to a MessageStore's log (MessageStore::raw_log()), which it keeps alive; calls after the
// store's close() fail or answer what was so then. Offsets are those of the log, bytes.
// Thread-safe, but for append(), cut() and the store's own appends: of these one at a time.
class RawLog {
 public:
  static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

  explicit RawLog(std::shared_ptr<AsyncStore> store) noexcept : store_(std::move(store)) {}

  [[nodiscard]] std::int64_t file_size() const;  // mappedFileSizeCommitLog
  [[nodiscard]] std::int64_t begin() const;      // the first byte that is kept
  [[nodiscard]] std::int64_t end() const;        // behind the last byte that was appended
  // As far as may be promised: under sync_flush the disk has it, under async_flush the file.
  [[nodiscard]] std::int64_t durable_end() const;
  // Of the file that has, or will have, what is appended next.
  [[nodiscard]] std::int64_t newest_file_begin() const;

  // Bytes from `offset` on, at most `max`, not across the end of a file, nor behind end(), where
  // there are none. Pages of the log (Body::pages) unless they are few. What lies there is not
  // checked. Errors: StoreErrc::not_kept (in front of begin(), or behind end()); the system's.
  [[nodiscard]] Result<Body> read(std::int64_t offset, std::int64_t max) const;

  // True when end(), or durable_end(), is beyond `offset`, at once if it is; false when the store
  // closes. Cancellable on the coroutine's executor (operation_aborted). They complete there; one
  // that is cancelled loses nothing. Costs an append nothing while nobody waits, and one post when
  // somebody does.
  [[nodiscard]] asio::awaitable<bool> wait_for_end_beyond(std::int64_t offset) const;
  [[nodiscard]] asio::awaitable<bool> wait_for_durable_beyond(std::int64_t offset) const;

  // `bytes` are those of another log from `offset` on, which is where this one ends or the bytes of
  // the last call did; cut anywhere. Whole records, and the blanks at the ends of files, are
  // written as they are, and their queues and index follow: queue offsets and store times are the
  // records'. What is left of `bytes` is kept in memory until its end comes, and is dropped when a
  // call begins at end() again, fails, or cuts. An empty log begins where the first bytes do, when
  // that is the begin of a file. A record of offset 0 of a queue that has messages says that the
  // queue was removed there: it begins anew. `bytes` must stay valid until it completes. Errors:
  // StoreErrc::not_contiguous; RecordErrc, illegal_queue, message_too_large (no record, or one that
  // no store takes; what precedes it is in the log); those of an append, after which nothing
  // of the record in question is in the log, and end() says where to go on.
  [[nodiscard]] asio::awaitable<error_code> append(std::int64_t offset, std::string_view bytes);

  // Drops what lies at `offset` and behind, for good but for a copy in the directory `damaged`;
  // queues and index lose it, too, and queue offsets go back to what was given in front of it. A
  // record begins at `offset`, or the log ends there. Returns how many messages were dropped. A
  // note in the directory makes the next start finish what a crash, or a failing disk, interrupts:
  // after such a failure the store is read-only (read_only_reason()). Runs on the store's helper.
  // Errors: BaseErrc::bad_value (no such place), those of an append.
  [[nodiscard]] asio::awaitable<Result<std::int64_t>> cut(std::int64_t offset);

  // The last record that ends at or in front of `offset`; nothing when none is kept. May read a
  // part of the log.
  [[nodiscard]] std::optional<RawRecord> record_before(std::int64_t offset) const;

  // Queues that give offsets above 0 while the log has none of their messages: those have expired,
  // or lay in front of where a replica's log begins. The log tells no replica of them.
  [[nodiscard]] std::vector<QueueEnd> silent_queues() const;
  // For a replica, with what its master has said of these: the next message of such a queue gets
  // that offset, where its own would be lower. Beside append(); on disk when it completes; runs on
  // the store's helper. A log that is empty forgets them when it begins elsewhere. Errors: those of
  // an append.
  [[nodiscard]] asio::awaitable<error_code> raise_silent_queues(std::vector<QueueEnd> ends);

  // All readers of the store see nothing at or behind `offset`, nor what is not safe by its flush
  // mode. Lower than before: what was seen is out of sight again. kNoLimit, at first: no such
  // limit. Observers of arrivals are told on this thread, also once more of what comes into sight
  // again.
  void set_read_limit(std::int64_t offset);
  // Retention deletes no log file that has `offset`, nor one behind it. kNoLimit: as at first.
  void keep_from(std::int64_t offset);

 private:
  std::shared_ptr<AsyncStore> store_;
};

}  // namespace comet::inline v0_1::store
