#pragma once
// The commit log: one endless stream of records, cut into files of one size. No event loop, no
// locks on the write side: one thread at a time appends (the store sees to that); reads and sync()
// may run on any thread at any time.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/message/record.hpp"
#include "file.hpp"

namespace comet::store {

// Each record leaves this much room in its segment, for the blank record.
inline constexpr std::int64_t kBlankSize = 8;

// One file of the log. Readers that were handed its bytes keep it alive and mapped.
class Segment {
 public:
  Segment(std::int64_t start, std::int64_t size, std::shared_ptr<File> file,
          std::shared_ptr<const char> memory) noexcept
      : start_(start), size_(size), file_(std::move(file)), memory_(std::move(memory)) {}

  [[nodiscard]] std::int64_t start() const noexcept { return start_; }
  [[nodiscard]] std::int64_t end() const noexcept { return start_ + size_; }
  // From `offset` (of the log) to the segment's end.
  [[nodiscard]] std::string_view bytes_from(std::int64_t offset) const noexcept {
    return {memory_.get() + (offset - start_), static_cast<std::size_t>(end() - offset)};
  }

 private:
  friend class CommitLog;
  std::int64_t start_;
  std::int64_t size_;
  std::shared_ptr<File> file_;  // empty when nothing is left to be written or synced
  std::shared_ptr<const char> memory_;
};
using SegmentPtr = std::shared_ptr<const Segment>;

// How a walk over the log ended.
class LogScan {
 public:
  std::int64_t end = 0;  // behind the last good record, or where the limit was
  std::int64_t records = 0;
  std::int64_t last_timestamp = 0;  // store time of the last record; 0 without one
  std::string reason;               // why it stopped; empty at the limit or at untouched zeros
};

// What a zero byte in a record's properties, which no checksum covers, says about it.
enum class ZeroBytes {
  allowed,          // nothing
  torn_properties,  // that they were not written as a whole: the store takes no such properties
};

class CommitLog {
 public:
  CommitLog(FileSystem& files, std::string directory, std::int64_t segment_size);

  // Opens what lies in the directory. Throws Error.
  void open();

  // Recovery, before the first append. ---------------------------------------------------------
  // Where checking begins after an orderly stop: Apache checks the last three files.
  [[nodiscard]] std::int64_t clean_start() const;
  // After a crash: the last file that began, as its first record tells, at or before the time up
  // to which the checkpoint vouches for everything.
  [[nodiscard]] std::int64_t unclean_start(std::int64_t vouched_timestamp) const;
  // Whether all files from `from` to `offset` are there.
  [[nodiscard]] bool reaches(std::int64_t from, std::int64_t offset) const;
  using Visitor = std::function<void(const RecordView&)>;
  // Walks record by record; stops in front of the first that is not whole.
  [[nodiscard]] LogScan scan(std::int64_t from, std::int64_t limit, CheckCrc check,
                             const Visitor& visit, ZeroBytes zeros = ZeroBytes::allowed) const;
  // Makes `end` the end: what lies behind it is gone for good, and what lies between `checked_from`
  // and it is on disk. Returns how many bytes other than zeros were given up. Throws Error.
  std::int64_t cut(std::int64_t end, std::int64_t checked_from);

  // Writes everything from `from` on once more and syncs it, as the kernel has taken pages for
  // clean that are not on the disk. Throws Error.
  void rewrite(std::int64_t from);

  // Writing: one thread at a time. --------------------------------------------------------------
  [[nodiscard]] std::int64_t position() const noexcept { return position_; }
  // Bytes to the end of the current segment; 0: add_segment() is due.
  [[nodiscard]] std::int64_t room() const noexcept;
  [[nodiscard]] error_code add_segment();
  // Writes at position() and moves it behind, or to the segment's end when `finish_segment`. After
  // an error nothing has moved, and what was written in part is wiped before the next attempt.
  [[nodiscard]] error_code write(std::span<iovec> pieces, std::int64_t size, bool finish_segment);

  // Wipes what a failed write has left behind position(), and syncs that; after the last append.
  [[nodiscard]] error_code wipe_for_good();

  // Makes the next segment while the current one is being filled, so that no append has to; one
  // thread beside the writer. False when there was nothing to do. A failure is none until the
  // segment is needed.
  bool prepare_segment();
  // Whether it is time for that. Cheap.
  [[nodiscard]] bool is_next_segment_due() const noexcept {
    std::int64_t end = written() - written() % segment_size_ + segment_size_;
    return end - written() < segment_size_ / 2 &&
           end > prepared_for_.load(std::memory_order_relaxed);
  }
  // Removes a segment that was prepared in vain; after the last append.
  void drop_prepared() noexcept;

  // Retention. ----------------------------------------------------------------------------------
  // Empty: the first file is not to be removed, since it is the last or not all on disk.
  [[nodiscard]] std::string first_removable_file() const;
  [[nodiscard]] std::int64_t end_of_first_file() const { return min_offset() + segment_size_; }
  // Readers that have its bytes keep them.
  [[nodiscard]] error_code remove_first_file();

  // Any thread. ---------------------------------------------------------------------------------
  [[nodiscard]] std::int64_t segment_size() const noexcept { return segment_size_; }
  [[nodiscard]] std::int64_t min_offset() const;
  [[nodiscard]] std::int64_t written() const noexcept {
    return written_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::int64_t synced() const noexcept {
    return synced_.load(std::memory_order_acquire);
  }
  // Brings everything written before `end` to the disk.
  [[nodiscard]] error_code sync(std::int64_t end);
  // The segment that holds `offset`; null when there is none.
  [[nodiscard]] SegmentPtr segment_at(std::int64_t offset) const;
  [[nodiscard]] std::size_t segment_count() const;

 private:
  [[nodiscard]] std::string path_of(std::int64_t start) const;
  void open_segment(const DirectoryEntry& entry, std::int64_t start, bool last);
  [[nodiscard]] error_code reopen(Segment& segment);
  enum class Space { as_needed, reserved };
  [[nodiscard]] Result<std::shared_ptr<Segment>> create_segment(std::int64_t start, Space space);
  [[nodiscard]] std::int64_t start_to_prepare() const;
  [[nodiscard]] error_code wipe_leftovers();
  void drop_segments_from(std::int64_t start);
  void zero_tail(Segment& segment, std::int64_t from);
  [[nodiscard]] std::int64_t leftovers_behind(std::int64_t end) const;

  FileSystem& files_;
  std::string directory_;
  std::int64_t segment_size_;

  mutable std::shared_mutex segments_mutex_;
  std::vector<std::shared_ptr<Segment>> segments_;  // consecutive

  std::mutex prepare_mutex_;
  std::shared_ptr<Segment> prepared_;  // not part of the log yet
  std::atomic<std::int64_t> prepared_for_{
      -1};  // the start of the last segment that was to be prepared

  std::int64_t position_ = 0;
  std::int64_t leftover_end_ = 0;  // remains of failed writes may lie between position_ and here
  std::atomic<std::int64_t> written_{0};
  std::mutex sync_mutex_;
  std::atomic<std::int64_t> synced_{0};
};

}  // namespace comet::store
