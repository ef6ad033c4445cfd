#pragma once
// The commit log: one endless stream of records, cut into files of one size. No event loop, no
// locks on the write side: one thread at a time appends (the store sees to that); reads and sync()
// may run on any thread at any time.

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/body.hpp"
#include "comet/base/error.hpp"
#include "comet/message/record.hpp"
#include "damaged_copies.hpp"
#include "file.hpp"
#include "log_walk.hpp"
#include "mapped_files.hpp"
#include "read_memory.hpp"

namespace comet::inline v0_1::store {

// Each record leaves this much room in its segment, for the blank record.
inline constexpr std::int64_t kBlankSize = 8;

// One file of the log.
class Segment {
 public:
  Segment(std::int64_t start, std::int64_t size, std::shared_ptr<File> file) noexcept
      : start_(start), size_(size), file_(std::move(file)) {}

  [[nodiscard]] std::int64_t start() const noexcept { return start_; }
  [[nodiscard]] std::int64_t end() const noexcept { return start_ + size_; }

 private:
  friend class CommitLog;
  std::int64_t start_;
  std::int64_t size_;
  std::shared_ptr<File> file_;            // empty when nothing is left to be written or synced
  mutable std::shared_ptr<File> reader_;  // under readers_mutex_; empty: not open
  mutable std::atomic<bool> is_mappable_{true};
};
using SegmentPtr = std::shared_ptr<const Segment>;

class CommitLog {
 public:
  CommitLog(FileSystem& files, std::string directory, std::int64_t segment_size,
            DamagedCopies& copies);

  // Opens what lies in the directory. A file that is missing between others, or the end of one, is
  // made of zeros: whole files only when `replace_files`. Throws Error.
  void open(bool replace_files);

  // Recovery, before the first append. ---------------------------------------------------------
  // Where checking begins after an orderly stop: Apache checks the last three files.
  [[nodiscard]] std::int64_t clean_start() const;
  // After a crash: the last file that began, as its first record tells, at or before the time up
  // to which the checkpoint vouches for everything.
  [[nodiscard]] std::int64_t unclean_start(std::int64_t vouched_timestamp) const;
  // Whether all files from `from` to `offset` are there.
  [[nodiscard]] bool reaches(std::int64_t from, std::int64_t offset) const;
  // What a walk has found, for later walks and readers. Throws Error when it cannot be wiped.
  void note_damage(const std::vector<Damage>& damage);
  // Makes `end` the end: what lies behind it is gone for good, but for a copy, and what lies
  // between `checked_from` and it is on disk. Returns how many bytes other than zeros were given
  // up. Throws Error. Also later, when nobody writes or syncs, and no known damage lies behind it.
  std::int64_t cut(std::int64_t end, std::int64_t checked_from);

  // Writes everything from `from` on once more and syncs it, as the kernel has taken pages for
  // clean that are not on the disk. Throws Error.
  void rewrite(std::int64_t from);

  // Of a log that has nothing: makes it begin at `start`, where a file may begin. Then its file is
  // there, on disk, and no other. When nobody writes or syncs. Throws Error.
  void begin_at(std::int64_t start);
  // Undoes what a crash has left of that, before open(): the file is there beside another one.
  // Throws Error.
  void undo_begin(std::int64_t start);

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
  // Whether there is a file for it.
  [[nodiscard]] bool holds(std::int64_t offset) const;
  // Bytes that lie in one file. The errors are the system's, StoreErrc::short_file for a file that
  // was cut, or BaseErrc::bad_value: there are no such bytes.
  [[nodiscard]] Result<SharedBytes> read(std::int64_t offset, std::int64_t size) const;
  // Where results of read() and read_record() lie.
  [[nodiscard]] const ReadMemory& memory() const noexcept { return memory_; }
  [[nodiscard]] error_code read_into(std::int64_t offset, std::span<char> into) const;
  // The pages of the file that holds `offset`, from `offset - offset % segment_size()` on. Nullptr:
  // they are not to be had, or something is wrong with the file.
  [[nodiscard]] std::shared_ptr<const LogPages> pages_at(std::int64_t offset) const;
  // From now on pages_at() has none of that file.
  void give_up_pages(std::int64_t offset) const;
  // Unmaps files that pages_at() was not asked for since the last call.
  void drop_idle_pages() { mapped_.drop_idle(); }
  [[nodiscard]] std::size_t mapped_count() const { return mapped_.count(); }
  // What the kernel could not send of them.
  [[nodiscard]] std::int64_t page_faults() const noexcept { return *page_faults_; }
  // The record at `offset`, which ends before `limit`. Errors also: RecordErrc.
  [[nodiscard]] Result<SharedBytes> read_record(std::int64_t offset, std::int64_t limit) const;
  // Behind it and before the end of its file nothing was written in front of the result.
  [[nodiscard]] std::int64_t next_data(std::int64_t offset) const;
  [[nodiscard]] const std::vector<Damage>& damage() const noexcept { return damage_; }
  // The known damage that covers `offset`; null: there is none.
  [[nodiscard]] const Damage* damage_over(std::int64_t offset) const noexcept;
  [[nodiscard]] bool is_damaged(std::int64_t offset) const noexcept {
    return damage_over(offset) != nullptr;
  }
  [[nodiscard]] std::size_t segment_count() const;

 private:
  [[nodiscard]] std::string path_of(std::int64_t start) const;
  [[nodiscard]] SegmentPtr segment_at(std::int64_t offset) const;
  [[nodiscard]] Result<std::shared_ptr<File>> reader_of(const SegmentPtr& segment) const;
  void forget_reader(const Segment& segment);
  void wipe(std::int64_t begin, std::int64_t end);
  void open_segment(const DirectoryEntry& entry, std::int64_t start, bool is_short);
  void add_missing(std::int64_t until, bool replace_files);
  [[nodiscard]] error_code reopen(Segment& segment);
  enum class Space { as_needed, reserved };
  [[nodiscard]] Result<std::shared_ptr<Segment>> create_segment(std::int64_t start, Space space);
  [[nodiscard]] std::int64_t start_to_prepare() const;
  [[nodiscard]] error_code wipe_leftovers();
  void drop_segments_from(std::int64_t start);
  void zero_tail(Segment& segment, std::int64_t from);
  // Where what lies behind `end` ends, if it is not zeros; `end` if all is.
  [[nodiscard]] std::int64_t end_of_leftovers(std::int64_t end) const;

  FileSystem& files_;
  std::string directory_;
  DamagedCopies& copies_;
  std::int64_t segment_size_;

  mutable std::shared_mutex segments_mutex_;
  std::vector<std::shared_ptr<Segment>> segments_;  // consecutive

  ReadMemory memory_;

  mutable std::mutex readers_mutex_;
  mutable std::deque<SegmentPtr> open_readers_;  // the first was opened first

  mutable MappedFiles mapped_;
  const std::shared_ptr<std::atomic<std::int64_t>> page_faults_ =
      std::make_shared<std::atomic<std::int64_t>>(0);

  std::vector<Damage> damage_;  // by place; does not change after recovery

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

}  // namespace comet::inline v0_1::store
