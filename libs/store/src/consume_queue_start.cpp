// What a start does with the files of a queue.

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "comet/base/log.hpp"
#include "consume_queue.hpp"
#include "queue_files.hpp"

namespace comet::inline v0_1::store {

namespace {

void require(const error_code& error, const std::string& what) {
  if (error) throw Error(error, what);
}

std::int64_t whole_units(std::int64_t bytes) noexcept { return bytes - bytes % QueueUnit::kSize; }

bool is_zero(const QueueUnit& unit) noexcept {
  return unit.physical_offset == 0 && unit.size == 0 && unit.tags_code == 0;
}

}  // namespace

void ConsumeQueue::load(std::vector<DirectoryEntry> entries, std::int64_t log_min,
                        const std::function<void()>& before_repair) {
  std::erase_if(entries, [](const DirectoryEntry& entry) {
    return entry.is_directory || parse_offset_file_name(entry.name) < 0;
  });
  const std::int64_t file_size = files_.file_size();
  std::int64_t end = 0;  // of the last file that is continued, as far as it has whole units
  const auto has_expired = [&] {
    return end > first_file_ && unit_at(end / QueueUnit::kSize - 1).physical_offset < log_min;
  };
  std::vector<std::int64_t> expired;
  for (const DirectoryEntry& entry : entries) {
    const std::int64_t start = parse_offset_file_name(entry.name);
    bool follows = start % file_size == 0 && entry.size <= file_size && aside_.empty();
    const bool has_files = end_of_files_ > first_file_;
    const bool is_behind_short = has_files && end < end_of_files_;
    if (is_behind_short && aside_.empty()) {
      follows = false;
      // More may have expired than can be padded: the queue begins with what the log has.
      if (has_expired()) begin_anew();
    } else if (follows && has_files && start != end_of_files_) {
      // Retention may not have got all files of what it removed.
      follows = has_expired();
      for (; follows && first_file_ < end_of_files_; first_file_ += file_size) {
        expired.push_back(first_file_);
      }
    }
    if (entry.size != file_size) odd_sizes_.insert(start);
    if (!follows || entry.size < file_size) {
      log::warn("consume queue {} {}: {} ({} bytes) cannot be continued: rebuilt from the log",
                topic_, queue_id_, entry.name, entry.size);
    }
    if (!follows) {
      aside_[start] = start % QueueUnit::kSize == 0 ? whole_units(entry.size) : 0;
      continue;
    }
    if (end_of_files_ == first_file_) first_file_ = start;
    end_of_files_ = start + file_size;
    end = start + whole_units(entry.size);
  }
  first_ = first_file_ / QueueUnit::kSize;
  if (has_files_aside()) before_repair();
  // Half a unit could look like a whole one.
  for (const DirectoryEntry& entry : entries) {
    const std::int64_t whole = whole_units(entry.size);
    if (whole < entry.size && whole < file_size) resize(parse_offset_file_name(entry.name), whole);
  }
  remove_for_good(expired);
}

void ConsumeQueue::resize(std::int64_t start, std::int64_t size) {
  const std::string path = files_.path_of(*this, start);
  Result<std::shared_ptr<File>> file = files_.open(*this, start);
  require(file ? error_code() : file.error(), "open " + path);
  require((*file)->resize(size), "resize " + path);
  files_.mark_dirty(*this, start, static_cast<std::size_t>(QueueUnit::kSize));
}

// The last file first: a queue of which only later files are left looks like
// one whose first messages have expired.
void ConsumeQueue::remove_for_good(std::span<const std::int64_t> starts) {
  for (std::size_t i = starts.size(); i-- > 0;) {
    std::string path = files_.path_of(*this, starts[i]);
    require(files_.remove(*this, starts[i]), "remove " + path);
  }
}

void ConsumeQueue::begin_anew() {
  for (std::int64_t start : forget_all_files()) aside_[start] = files_.file_size();
  must_wipe_ = true;
}

void ConsumeQueue::settle() {
  // The file in which the next unit goes stays, so that it can be continued.
  const std::int64_t end = next_ * QueueUnit::kSize;
  while (end_of_files_ > end + files_.file_size()) {
    end_of_files_ -= files_.file_size();
    aside_[end_of_files_] = files_.file_size();
  }
  std::vector<std::int64_t> unwanted;
  for (const auto& [start, bytes] : aside_) {
    unwanted.push_back(start);
    odd_sizes_.erase(start);
  }
  remove_for_good(unwanted);
  aside_.clear();
  for (std::int64_t start : odd_sizes_) {
    if (start >= first_file_ && start < end_of_files_) resize(start, files_.file_size());
  }
  odd_sizes_.clear();
  if (std::exchange(must_wipe_, false) && end < end_of_files_) zero_tail(next_);
}

QueueUnit ConsumeQueue::unit_at(std::int64_t queue_offset) const {
  std::array<char, QueueUnit::kSize> bytes{};
  std::int64_t start = file_with(queue_offset).value_or(file_start_of(queue_offset));
  std::string path = files_.path_of(*this, start);
  Result<std::shared_ptr<File>> file = files_.open(*this, start);
  require(file ? error_code() : file.error(), "open " + path);
  require(read_fully(**file, bytes, queue_offset * QueueUnit::kSize - start), "read " + path);
  return QueueUnit::decode(bytes.data());
}

std::optional<QueueUnit> ConsumeQueue::unit_in_files(std::int64_t queue_offset) const {
  if (queue_offset < 0 || !file_with(queue_offset)) return std::nullopt;
  const QueueUnit unit = unit_at(queue_offset);
  return is_zero(unit) ? std::nullopt : std::optional(unit);
}

std::optional<std::int64_t> ConsumeQueue::file_with(std::int64_t queue_offset) const {
  const std::int64_t start = file_start_of(queue_offset);
  if (start >= first_file_ && start < end_of_files_) return start;
  const std::int64_t at = position_of(queue_offset);
  auto next = aside_.upper_bound(at);
  if (next == aside_.begin() || at >= std::prev(next)->first + std::prev(next)->second) return {};
  return std::prev(next)->first;
}

std::optional<std::int64_t> ConsumeQueue::find_unit(std::int64_t physical_offset,
                                                    std::int32_t size) const {
  const auto find_in = [&](std::int64_t low, std::int64_t high) -> std::optional<std::int64_t> {
    const std::int64_t at = find_end(low, high, physical_offset);
    if (at >= high) return std::nullopt;
    const QueueUnit unit = unit_at(at);
    if (unit.physical_offset != physical_offset || unit.size != size) return std::nullopt;
    return at;
  };
  if (has_unit(next_)) {
    if (auto found = find_in(next_, end_of_files_ / QueueUnit::kSize)) return found;
  }
  for (const auto& [start, bytes] : aside_) {
    const std::int64_t low = start / QueueUnit::kSize;
    if (auto found = find_in(low, low + bytes / QueueUnit::kSize)) return found;
  }
  return std::nullopt;
}

void ConsumeQueue::skip_to(std::int64_t queue_offset, std::int64_t physical_offset) {
  if (queue_offset <= added_.load(std::memory_order_relaxed)) return;
  physical_offset = std::max(physical_offset, log_end_);  // units stay in order
  fill(queue_offset, physical_offset, file_start_of(queue_offset - 1));
  added_.store(queue_offset, std::memory_order_release);
  next_ = queue_offset;
  log_end_ = physical_offset;
}

std::int64_t ConsumeQueue::find_end(std::int64_t log_limit) const {
  const std::int64_t low = first_file_ / QueueUnit::kSize;
  if (log_limit <= 0) return low;  // fillers in front of a first message point there, too
  return find_end(low, end_of_files_ / QueueUnit::kSize, log_limit);
}

std::int64_t ConsumeQueue::find_end_aside(std::int64_t log_limit) const {
  for (auto file = aside_.rbegin(); file != aside_.rend(); ++file) {
    const std::int64_t low = file->first / QueueUnit::kSize;
    const std::int64_t end = find_end(low, low + file->second / QueueUnit::kSize, log_limit);
    if (end > low) return end;
  }
  return 0;
}

std::int64_t ConsumeQueue::find_end(std::int64_t low, std::int64_t high,
                                    std::int64_t log_limit) const {
  while (low < high) {
    std::int64_t middle = low + (high - low) / 2;
    QueueUnit unit = unit_at(middle);
    bool good = unit.physical_offset >= 0 && unit.size > 0 &&
                (unit.is_filler() ? unit.physical_offset : unit.end()) <= log_limit;
    if (good) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void ConsumeQueue::cut(std::int64_t queue_offset, bool wipe) {
  must_wipe_ = must_wipe_ || wipe || has_unit(queue_offset);
  next_ = queue_offset;
  if (published_.load() > queue_offset) published_ = queue_offset;
  forget_pending(queue_offset);
  forget_min();
  log_end_ = -1;
  if (queue_offset > first_) {
    const QueueUnit last =
        pending_size_ > 0 ? QueueUnit::decode(pending_.get() + pending_size_ - QueueUnit::kSize)
                          : unit_at(queue_offset - 1);
    // A filler says where the record would lie, not how long it is.
    log_end_ = last.is_filler() ? last.physical_offset : last.end();
  }
}

bool ConsumeQueue::zero_from(std::int64_t queue_offset) const {
  return is_zero(unit_at(queue_offset));
}

void ConsumeQueue::zero_tail(std::int64_t queue_offset) {
  const std::int64_t start = file_start_of(queue_offset);
  resize(start, queue_offset * QueueUnit::kSize - start);
  resize(start, files_.file_size());
}

}  // namespace comet::inline v0_1::store
