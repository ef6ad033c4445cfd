// CommitLog and those who read it.

#include <algorithm>
#include <utility>

#include "comet/base/bytes.hpp"
#include "commit_log.hpp"
#include "log_pages.hpp"

namespace comet::inline v0_1::store {

namespace {

// Log files that are kept open to be read.
constexpr std::size_t kMostReaders = 64;

}  // namespace

bool CommitLog::holds(std::int64_t offset) const {
  std::shared_lock lock(segments_mutex_);
  return !segments_.empty() && offset >= segments_.front()->start() &&
         offset < segments_.back()->end();
}

SegmentPtr CommitLog::segment_at(std::int64_t offset) const {
  std::shared_lock lock(segments_mutex_);
  if (segments_.empty() || offset < segments_.front()->start()) return nullptr;
  auto index = static_cast<std::size_t>((offset - segments_.front()->start()) / segment_size_);
  return index < segments_.size() ? segments_[index] : nullptr;
}

Result<std::shared_ptr<File>> CommitLog::reader_of(const SegmentPtr& segment) const {
  std::lock_guard lock(readers_mutex_);
  if (segment->reader_) return segment->reader_;
  Result<std::shared_ptr<File>> file = files_.open(path_of(segment->start()), OpenMode::existing);
  if (!file) return file.error();
  if (open_readers_.size() >= kMostReaders) {
    open_readers_.front()->reader_.reset();
    open_readers_.pop_front();
  }
  open_readers_.push_back(segment);
  return segment->reader_ = std::move(*file);
}

void CommitLog::forget_reader(const Segment& segment) {
  mapped_.drop(segment.start());
  std::lock_guard lock(readers_mutex_);
  segment.reader_.reset();
  std::erase_if(open_readers_, [&](const SegmentPtr& one) { return one.get() == &segment; });
}

std::shared_ptr<const LogPages> CommitLog::pages_at(std::int64_t offset) const {
  const SegmentPtr segment = segment_at(offset);
  if (!segment || !segment->is_mappable_.load(std::memory_order_relaxed)) return nullptr;
  const auto map = [&]() -> Result<std::shared_ptr<LogPages>> {
    Result<std::shared_ptr<File>> file = reader_of(segment);
    if (!file) return file.error();
    return LogPages::map(std::move(*file), path_of(segment->start()), segment_size_, page_faults_);
  };
  std::shared_ptr<LogPages> pages = mapped_.find(segment->start(), map);
  if (pages && pages->is_sendable()) return pages;
  give_up_pages(offset);
  return nullptr;
}

void CommitLog::give_up_pages(std::int64_t offset) const {
  const SegmentPtr segment = segment_at(offset);
  if (!segment) return;
  segment->is_mappable_ = false;
  mapped_.drop(segment->start());
}

error_code CommitLog::read_into(std::int64_t offset, std::span<char> into) const {
  SegmentPtr segment = segment_at(offset);
  if (!segment || offset + std::ssize(into) > segment->end()) {
    return make_error_code(BaseErrc::bad_value);
  }
  Result<std::shared_ptr<File>> file = reader_of(segment);
  if (!file) return file.error();
  return read_whole(**file, into, offset - segment->start());
}

Result<SharedBytes> CommitLog::read(std::int64_t offset, std::int64_t size) const {
  if (size < 0 || size > segment_size_) return make_error_code(BaseErrc::bad_value);
  std::shared_ptr<ReadMemory::Block> block = memory_.take(static_cast<std::size_t>(size));
  const std::span<char> bytes = block->bytes();
  if (error_code error = read_into(offset, bytes)) return error;
  return SharedBytes(std::move(block), std::string_view(bytes.data(), bytes.size()));
}

Result<SharedBytes> CommitLog::read_record(std::int64_t offset, std::int64_t limit) const {
  // The offset may come from anywhere.
  if (offset < 0 || offset >= limit || !holds(offset)) return make_error_code(BaseErrc::bad_value);
  const std::int64_t end = offset - offset % segment_size_ + segment_size_;
  limit = std::min(limit, end);
  // Most are no longer than that.
  constexpr std::int64_t kFirst = 2048;
  Result<SharedBytes> bytes = read(offset, std::clamp<std::int64_t>(limit - offset, 0, kFirst));
  if (!bytes) return bytes;
  if (bytes->size() < kRecordOverhead) return make_error_code(RecordErrc::truncated);
  const auto size = load_be<std::int32_t>(bytes->view().data());
  if (size < kRecordOverhead || offset + size > limit)
    return make_error_code(RecordErrc::bad_length);
  if (size > std::ssize(bytes->view())) return read(offset, size);
  return SharedBytes(bytes->owner(), bytes->view().substr(0, static_cast<std::size_t>(size)));
}

std::int64_t CommitLog::next_data(std::int64_t offset) const {
  SegmentPtr segment = segment_at(offset);
  if (!segment) return offset;
  Result<std::shared_ptr<File>> file = reader_of(segment);
  if (!file) return offset;
  const std::int64_t found = (*file)->next_data(offset - segment->start());
  return found < 0 ? segment->end() : std::min(segment->start() + found, segment->end());
}

std::size_t CommitLog::segment_count() const {
  std::shared_lock lock(segments_mutex_);
  return segments_.size();
}

}  // namespace comet::inline v0_1::store
