#pragma once
// What replication needs of a commit log. MessageStore's is store_log.hpp; tests have one in
// memory. Offsets are physical offsets in the log, bytes.

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "comet/base/awaitable.hpp"
#include "comet/base/body.hpp"
#include "comet/base/error.hpp"

namespace comet::inline v0_1::replication {

inline constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

class LastRecord {
 public:
  std::int64_t offset = 0;           // its first byte; it ends at offset + size
  std::int32_t size = 0;             // bytes
  std::int64_t store_timestamp = 0;  // ms
  std::uint32_t crc = 0;             // CRC-32 (zlib) of all its bytes
  friend bool operator==(const LastRecord&, const LastRecord&) = default;
};

class ReplicaLog {
 public:
  virtual ~ReplicaLog() = default;
  [[nodiscard]] virtual std::int64_t file_size() const = 0;  // mappedFileSizeCommitLog
  [[nodiscard]] virtual std::int64_t begin() const = 0;      // the first byte that is kept
  [[nodiscard]] virtual std::int64_t end() const = 0;        // behind the last byte appended
  // As far as a confirmation may reach: under sync_flush the disk has it, under async_flush the
  // file.
  [[nodiscard]] virtual std::int64_t durable_end() const = 0;
  [[nodiscard]] virtual std::int64_t newest_file_begin() const = 0;

  // Bytes from `offset` on, at most `max`, never across the end of a file nor behind end(). Pages
  // of the log where that saves a copy (Body::pages). Error: below begin(), unreadable.
  [[nodiscard]] virtual Result<Body> read(std::int64_t offset, std::int64_t max) const = 0;
  // Resumes when end() > `offset` (at once if it is), or when the store closes (false).
  // Cancellable.
  [[nodiscard]] virtual asio::awaitable<bool> wait_for_end_beyond(std::int64_t offset) = 0;
  // Likewise for durable_end(): a replica confirms what it returns. Cancellable.
  [[nodiscard]] virtual asio::awaitable<bool> wait_for_durable_beyond(std::int64_t offset) = 0;

  // Everything awaitable is awaited on replication's one executor and resumes there; end() and
  // durable_end() may move on other threads. append and cut are never cancelled, never called
  // beside each other.

  // Replica: `bytes` are the master's log, cut anywhere; `offset` is where the bytes of the last
  // append ended, or end(), which drops a kept incomplete record (a new connection begins there).
  // An empty log (begin() == end()) begins at `offset`, a multiple of file_size(). Whole records
  // are checked (offset, lengths, CRC), written and dispatched to queues and index; the rest of
  // `bytes`, an incomplete record, is kept until its end comes (end() counts whole records and
  // blanks only). Error: they do not continue the log (StoreErrc::not_contiguous), are no records,
  // disk.
  [[nodiscard]] virtual asio::awaitable<error_code> append(std::int64_t offset,
                                                           std::string_view bytes) = 0;
  // Drops what lies at `offset` and behind; a record begins or the log ends there. What is dropped
  // is kept in a file first; zeroed durably; queues and index entries behind it go; returns how
  // many messages. A kept incomplete record goes, too; at end() nothing else does. Crash-safe: an
  // intent marker has the next start finish it. Appends must be at rest.
  [[nodiscard]] virtual asio::awaitable<Result<std::int64_t>> cut(std::int64_t offset) = 0;

  // The last record that ends at or in front of `offset`: place, size, store time, CRC of its bytes
  // (check before the splice). Nullopt: none is kept.
  [[nodiscard]] virtual std::optional<LastRecord> record_before(std::int64_t offset) const = 0;
  // Readers (consumers, timers, checks) see nothing at or behind `offset` (the confirmed end).
  // kNoLimit: all that is durable, as without replication.
  virtual void set_read_limit(std::int64_t offset) = 0;
  // Log files from the one that has `offset` on are not deleted by retention; kNoLimit: as without.
  virtual void keep_from(std::int64_t offset) = 0;
};

}  // namespace comet::inline v0_1::replication
