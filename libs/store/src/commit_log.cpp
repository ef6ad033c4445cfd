#include "commit_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::store {

namespace {

[[noreturn]] void fail(const error_code& error, const std::string& what) {
  throw Error(error, what);
}

void check(const error_code& error, const std::string& what) {
  if (error) fail(error, what);
}

}  // namespace

CommitLog::CommitLog(FileSystem& files, std::string directory, std::int64_t segment_size,
                     DamagedCopies& copies)
    : files_(files),
      directory_(std::move(directory)),
      copies_(copies),
      segment_size_(segment_size) {}

std::string CommitLog::path_of(std::int64_t start) const {
  return directory_ + "/" + offset_file_name(start);
}

void CommitLog::open(bool replace_files) {
  Result<std::vector<DirectoryEntry>> entries = files_.list(directory_);
  if (!entries) fail(entries.error(), "list the commit log directory " + directory_);
  std::erase_if(*entries, [&](const DirectoryEntry& entry) {
    if (!entry.is_directory && parse_offset_file_name(entry.name) >= 0) return false;
    log::warn("{}/{} is no commit log file: ignored", directory_, entry.name);
    return true;
  });
  const bool some_fit = std::ranges::any_of(
      *entries, [&](const DirectoryEntry& entry) { return entry.size == segment_size_; });
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const DirectoryEntry& entry = (*entries)[i];
    const std::int64_t start = parse_offset_file_name(entry.name);
    // A crash while a file is made leaves the last one short; others were cut by somebody.
    const bool may_be_short = some_fit || i + 1 == entries->size();
    const bool fits = entry.size == segment_size_ || (may_be_short && entry.size < segment_size_);
    if (start % segment_size_ != 0 || !fits) {
      fail(
          make_error_code(StoreErrc::wrong_file_size),
          fmt::format("{} ({} bytes) does not fit mappedFileSizeCommitLog={}; start with the value "
                      "that the store was made with",
                      path_of(start), entry.size, segment_size_));
    }
    if (!segments_.empty()) add_missing(start, replace_files);
    open_segment(entry, start, entry.size < segment_size_);
  }
  if (!segments_.empty()) position_ = segments_.back()->end();
  written_ = position_;
}

// Files between the last one and `until`.
void CommitLog::add_missing(std::int64_t until, bool replace_files) {
  while (segments_.back()->end() < until) {
    const std::string path = path_of(segments_.back()->end());
    if (!replace_files) {
      fail(make_error_code(StoreErrc::too_much_lost),
           fmt::format("{} is missing between others; bring it back, or set "
                       "maxRecordsLostAtStart=-1: then the log goes on without it",
                       path));
    }
    log::error("commit log: {} is missing: zeros take its place", path);
    Result<std::shared_ptr<Segment>> segment =
        create_segment(segments_.back()->end(), Space::as_needed);
    if (!segment) fail(segment.error(), "create " + path);
    (*segment)->file_.reset();
    segments_.push_back(std::move(*segment));
  }
}

void CommitLog::open_segment(const DirectoryEntry& entry, std::int64_t start, bool is_short) {
  std::string path = path_of(start);
  Result<std::shared_ptr<File>> file = files_.open(path, OpenMode::existing);
  if (!file) fail(file.error(), "open " + path);
  if (is_short) {
    log::warn("commit log: {} has {} of {} bytes: extended", path, entry.size, segment_size_);
    check((*file)->resize(segment_size_), "extend " + path);
  }
  segments_.push_back(std::make_shared<Segment>(start, segment_size_, std::move(*file)));
  // Only the last file is written; descriptors are scarcer than files.
  if (segments_.size() > 1) segments_[segments_.size() - 2]->file_.reset();
}

error_code CommitLog::reopen(Segment& segment) {
  if (segment.file_) return {};
  Result<std::shared_ptr<File>> file = files_.open(path_of(segment.start()), OpenMode::existing);
  if (!file) return file.error();
  segment.file_ = std::move(*file);
  return {};
}

std::int64_t CommitLog::clean_start() const {
  if (segments_.empty()) return 0;
  return segments_[segments_.size() > 3 ? segments_.size() - 3 : 0]->start();
}

bool CommitLog::reaches(std::int64_t from, std::int64_t offset) const {
  return !segments_.empty() && from >= segments_.front()->start() && offset >= from &&
         offset <= segments_.back()->end();
}

std::int64_t CommitLog::unclean_start(std::int64_t vouched_timestamp) const {
  if (segments_.empty()) return 0;
  for (std::size_t i = segments_.size(); i-- > 1;) {
    const Segment& segment = *segments_[i];
    Result<SharedBytes> bytes = read_record(segment.start(), segment.end());
    if (!bytes) continue;
    Result<RecordView> first = parse_record(bytes->view(), CheckCrc::no);
    if (first && first->store_timestamp > 0 && first->store_timestamp <= vouched_timestamp) {
      return segment.start();
    }
  }
  return segments_.front()->start();
}

void CommitLog::note_damage(const std::vector<Damage>& damage) {
  for (const Damage& one : damage) {
    if (is_damaged(one.begin)) continue;
    if (one.must_be_wiped) wipe(one.begin, one.end);
    damage_.push_back(one);
    std::ranges::sort(damage_, {}, &Damage::begin);
  }
}

const Damage* CommitLog::damage_over(std::int64_t offset) const noexcept {
  if (damage_.empty()) return nullptr;
  auto behind = std::ranges::upper_bound(damage_, offset, {}, &Damage::begin);
  if (behind == damage_.begin() || !std::prev(behind)->covers(offset)) return nullptr;
  return &*std::prev(behind);
}

std::int64_t CommitLog::end_of_leftovers(std::int64_t end) const {
  LogReader reader(*this);
  std::int64_t last = end;
  for (std::int64_t at = end; holds(at);) {
    const std::int64_t end_of_file = at - at % segment_size_ + segment_size_;
    at = next_data(at);
    if (at >= end_of_file) continue;
    std::string_view bytes = reader.view(at, 64 * 1024);
    const std::size_t found = bytes.find_last_not_of('\0');
    if (found != std::string_view::npos) last = at + static_cast<std::int64_t>(found) + 1;
    at += std::ssize(bytes);
  }
  return last;
}

std::int64_t CommitLog::cut(std::int64_t end, std::int64_t checked_from) {
  const std::int64_t last = end_of_leftovers(end);
  for (std::int64_t at = end; at < last;) {
    const std::int64_t start = at - at % segment_size_;
    const std::int64_t until = std::min(last, start + segment_size_);
    copies_.keep(
        offset_file_name(start), at - start, until - start,
        [&](std::int64_t place, std::span<char> into) { return read_into(start + place, into); });
    at = until;
  }
  std::erase_if(damage_, [&](const Damage& one) { return one.begin >= end; });
  drop_prepared();
  prepared_for_ = -1;
  written_ = end;  // readers ask for no more
  drop_segments_from(end + 1);
  if (!segments_.empty() && segments_.back()->end() > end) {
    // A file that was made ahead and removed by the last life must not come back behind one that is
    // being cut.
    check(files_.sync_directory(directory_), "sync " + directory_);
    zero_tail(*segments_.back(), end);
  }
  position_ = end;
  leftover_end_ = 0;
  synced_ = std::min(checked_from, end);
  // What a killed process had written may lie in the page cache only, and readers are about to see
  // it.
  check(sync(end), "sync the commit log in " + directory_);
  // So may the name of the last file.
  if (!segments_.empty()) check(files_.sync_directory(directory_), "sync " + directory_);
  return last - end;
}

// In the middle of the log, for good, but for a copy. Throws Error.
void CommitLog::wipe(std::int64_t begin, std::int64_t end) {
  const std::int64_t start = begin - begin % segment_size_;
  std::shared_ptr<Segment> segment =
      *std::ranges::find_if(segments_, [&](const auto& one) { return one->start() == start; });
  copies_.keep(
      offset_file_name(start), begin - start, end - start,
      [&](std::int64_t place, std::span<char> into) { return read_into(start + place, into); });
  check(reopen(*segment), "open " + path_of(start));
  for (std::int64_t at = begin; at < end;) {
    const std::string zeros(static_cast<std::size_t>(std::min<std::int64_t>(end - at, 1 << 20)),
                            '\0');
    check(write_fully(*segment->file_, zeros, at - start), "wipe a part of " + path_of(start));
    at += std::ssize(zeros);
  }
  check(segment->file_->sync_data(), "sync " + path_of(start));
}

void CommitLog::rewrite(std::int64_t from) {
  constexpr std::int64_t kPiece = 256 * 1024;
  const std::int64_t end = position_;
  synced_ = from = std::max(from, min_offset());
  while (from < end) {
    std::shared_ptr<Segment> segment = *std::ranges::find_if(
        segments_, [&](const auto& one) { return one->start() <= from && from < one->end(); });
    check(reopen(*segment), "open " + path_of(segment->start()));
    const std::int64_t size = std::min({kPiece, end - from, segment->end() - from});
    std::string bytes(static_cast<std::size_t>(size), '\0');
    check(read_into(from, bytes), "read " + path_of(segment->start()));
    check(write_fully(*segment->file_, bytes, from - segment->start()),
          "write " + path_of(segment->start()));
    from += size;
  }
  check(sync(end), "sync the commit log in " + directory_);
}

// The last file first, one after the other: a crash in between leaves no hole, in front of which
// everything would count as expired. And before the last one that stays is cut: only a last file
// may be short. A process that was killed may have removed one without having synced that.
void CommitLog::drop_segments_from(std::int64_t start) {
  if (!segments_.empty() && segments_.back()->start() >= start) {
    check(files_.sync_directory(directory_), "sync " + directory_);
  }
  while (!segments_.empty() && segments_.back()->start() >= start) {
    std::string path = path_of(segments_.back()->start());
    check(files_.remove(path), "remove " + path);
    check(files_.sync_directory(directory_), "sync " + directory_);
    forget_reader(*segments_.back());
    std::unique_lock lock(segments_mutex_);
    segments_.pop_back();
  }
}

// Shrinking and growing zeroes whatever lay there without writing it.
void CommitLog::zero_tail(Segment& segment, std::int64_t from) {
  std::string path = path_of(segment.start());
  check(reopen(segment), "open " + path);
  check(segment.file_->resize(from - segment.start()), "cut " + path);
  check(segment.file_->resize(segment_size_), "extend " + path);
  check(segment.file_->sync_all(), "sync " + path);
}

// The others go when it is there: a directory without a log would be taken for one that has lost
// it.
void CommitLog::begin_at(std::int64_t start) {
  drop_prepared();
  Result<std::shared_ptr<Segment>> first = create_segment(start, Space::as_needed);
  if (!first) {
    (void)files_.remove(path_of(start));
    fail(first.error(), "create " + path_of(start));
  }
  std::vector<std::shared_ptr<Segment>> old;
  {
    std::unique_lock lock(segments_mutex_);
    old.swap(segments_);
    segments_.push_back(std::move(*first));
    position_ = written_ = synced_ = start;
  }
  prepared_for_ = -1;
  leftover_end_ = 0;
  for (const auto& segment : old) {
    forget_reader(*segment);
    check(files_.remove(path_of(segment->start())), "remove " + path_of(segment->start()));
  }
  check(files_.sync_directory(directory_), "sync " + directory_);
}

void CommitLog::undo_begin(std::int64_t start) {
  Result<std::vector<DirectoryEntry>> entries = files_.list(directory_);
  if (!entries) fail(entries.error(), "list the commit log directory " + directory_);
  const auto is_begun = [&](const DirectoryEntry& entry) {
    return parse_offset_file_name(entry.name) == start;
  };
  const bool has_others = std::ranges::any_of(*entries, [&](const DirectoryEntry& entry) {
    return parse_offset_file_name(entry.name) >= 0 && !is_begun(entry);
  });
  if (!has_others || std::ranges::none_of(*entries, is_begun)) return;
  check(files_.remove(path_of(start)), "remove " + path_of(start));
  check(files_.sync_directory(directory_), "sync " + directory_);
}

std::int64_t CommitLog::room() const noexcept {
  return segments_.empty() ? 0 : segments_.back()->end() - position_;
}

error_code CommitLog::add_segment() {
  std::shared_ptr<Segment> next;
  {
    std::lock_guard lock(prepare_mutex_);  // waits for one that is being prepared
    next = std::move(prepared_);
    prepared_for_ = position_;
  }
  if (!next || next->start() != position_) {
    Result<std::shared_ptr<Segment>> segment = create_segment(position_, Space::as_needed);
    if (!segment) {
      if (is_disk_full(segment.error()) || is_shortage(segment.error())) {
        // The next attempt makes it anew, and so does the next start.
        (void)files_.remove(path_of(position_));
      }
      return segment.error();
    }
    next = std::move(*segment);
  }
  std::unique_lock lock(segments_mutex_);
  segments_.push_back(std::move(next));
  return {};
}

// -1: not yet. When the current segment is half full, so that small stores take no more space than
// they need.
std::int64_t CommitLog::start_to_prepare() const {
  std::shared_lock lock(segments_mutex_);
  if (segments_.empty()) return -1;
  const Segment& last = *segments_.back();
  return written() - last.start() > segment_size_ / 2 ? last.end() : -1;
}

bool CommitLog::prepare_segment() {
  std::lock_guard lock(prepare_mutex_);
  std::int64_t start = start_to_prepare();
  // One attempt for each: an append that finds none makes it itself and tells what is wrong.
  if (start < 0 || start <= prepared_for_) return false;
  prepared_for_ = start;
  Result<std::shared_ptr<Segment>> segment = create_segment(start, Space::reserved);
  if (segment) {
    prepared_ = std::move(*segment);
  } else {
    log::warn("commit log: {} cannot be prepared yet: {}", path_of(start),
              segment.error().message());
    (void)files_.remove(path_of(start));
  }
  return true;
}

void CommitLog::drop_prepared() noexcept {
  std::lock_guard lock(prepare_mutex_);
  if (!prepared_) return;
  std::int64_t start = std::exchange(prepared_, nullptr)->start();
  // One that stays is removed by the next start.
  (void)files_.remove(path_of(start));
}

Result<std::shared_ptr<Segment>> CommitLog::create_segment(std::int64_t start, Space space) {
  Result<std::shared_ptr<File>> file = files_.open(path_of(start), OpenMode::create);
  if (!file) return file.error();
  if (error_code error = make_zeros(**file, segment_size_)) return error;
  if (space == Space::reserved) {
    if (error_code error = (*file)->allocate(segment_size_)) return error;
  }
  if (error_code error = (*file)->sync_all()) return error;
  if (error_code error = files_.sync_directory(directory_)) return error;
  return std::make_shared<Segment>(start, segment_size_, std::move(*file));
}

error_code CommitLog::write(std::span<iovec> pieces, std::int64_t size, bool finish_segment) {
  if (error_code error = wipe_leftovers()) return error;
  Segment& segment = *segments_.back();
  WriteOutcome outcome = write_fully(*segment.file_, pieces, position_ - segment.start());
  if (outcome.error) {
    leftover_end_ = position_ + outcome.written;
    return outcome.error;
  }
  position_ = finish_segment ? segment.end() : position_ + size;
  written_.store(position_, std::memory_order_release);
  return {};
}

// Whole records of a failed write must not come back to life behind a shorter one that takes their
// place.
error_code CommitLog::wipe_leftovers() {
  static constexpr std::array<char, 64 * 1024> kZeros{};
  Segment& segment = *segments_.back();
  while (leftover_end_ > position_) {
    auto size = std::min<std::int64_t>(leftover_end_ - position_, kZeros.size());
    std::string_view zeros(kZeros.data(), static_cast<std::size_t>(size));
    if (error_code error =
            write_fully(*segment.file_, zeros, leftover_end_ - size - segment.start())) {
      return error;
    }
    leftover_end_ -= size;
  }
  return {};
}

error_code CommitLog::wipe_for_good() {
  if (leftover_end_ <= position_) return {};
  if (error_code error = wipe_leftovers()) return error;
  return segments_.back()->file_->sync_data();
}

error_code CommitLog::sync(std::int64_t end) {
  std::lock_guard sync_lock(sync_mutex_);
  std::int64_t from = synced_.load(std::memory_order_relaxed);
  if (from >= end) return {};
  std::vector<std::shared_ptr<Segment>> touched;
  {
    std::shared_lock lock(segments_mutex_);
    for (const auto& segment : segments_) {
      if (segment->end() > from && segment->start() < end) touched.push_back(segment);
    }
  }
  for (const auto& segment : touched) {
    if (error_code error = reopen(*segment)) return error;
    if (error_code error = segment->file_->sync_data()) return error;
    // Nothing is written to a full segment any more.
    if (segment->end() <= end) segment->file_.reset();
  }
  synced_.store(end, std::memory_order_release);
  return {};
}

std::int64_t CommitLog::min_offset() const {
  std::shared_lock lock(segments_mutex_);
  return segments_.empty() ? 0 : segments_.front()->start();
}

std::string CommitLog::first_removable_file() const {
  std::shared_lock lock(segments_mutex_);
  if (segments_.size() < 2 || segments_.front()->end() > synced()) return {};
  return path_of(segments_.front()->start());
}

error_code CommitLog::remove_first_file() {
  std::string path = first_removable_file();
  if (path.empty()) return {};
  error_code error = files_.remove(path);
  if (error && !is_missing(error)) return error;
  give_up_pages(min_offset());  // not with the lock held: unmapping takes its time
  {
    std::unique_lock lock(segments_mutex_);
    forget_reader(*segments_.front());
    segments_.erase(segments_.begin());
  }
  // One after the other: a power cut that brings this file back, and not the next, would leave a
  // hole.
  return files_.sync_directory(directory_);
}

}  // namespace comet::inline v0_1::store
