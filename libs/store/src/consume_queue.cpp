#include "consume_queue.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "comet/base/bytes.hpp"
#include "queue_files.hpp"

namespace comet::inline v0_1::store {

void QueueUnit::encode_to(char* to) const noexcept {
  store_be<std::int64_t>(to, physical_offset);
  store_be<std::int32_t>(to + 8, size);
  store_be<std::int64_t>(to + 12, tags_code);
}

QueueUnit QueueUnit::decode(const char* from) noexcept {
  QueueUnit unit;
  unit.physical_offset = load_be<std::int64_t>(from);
  unit.size = load_be<std::int32_t>(from + 8);
  unit.tags_code = load_be<std::int64_t>(from + 12);
  return unit;
}

ConsumeQueue::ConsumeQueue(QueueFiles& files, std::string topic, std::int32_t queue_id)
    : files_(files), topic_(std::move(topic)), queue_id_(queue_id) {}

std::int64_t ConsumeQueue::position_of(std::int64_t queue_offset) noexcept {
  // Callers name any offset; no queue comes near that one.
  constexpr std::int64_t kFarthest = std::numeric_limits<std::int64_t>::max() / 40;
  return std::min(queue_offset, kFarthest) * QueueUnit::kSize;
}

std::int64_t ConsumeQueue::file_start_of(std::int64_t queue_offset) const noexcept {
  const std::int64_t at = position_of(queue_offset);
  return at - at % files_.file_size();
}

std::int64_t ConsumeQueue::next_file_offset(std::int64_t queue_offset) const noexcept {
  return (file_start_of(queue_offset) + files_.file_size()) / QueueUnit::kSize;
}

void ConsumeQueue::add(std::int64_t queue_offset, const QueueUnit& unit) {
  if (queue_offset > added_.load(std::memory_order_relaxed)) {
    fill(queue_offset, unit.physical_offset, file_start_of(queue_offset));
  }
  if (pending_size_ == pending_capacity_) reserve_pending(1);
  add_pending(unit);
  added_.store(queue_offset + 1, std::memory_order_release);
  next_ = std::max(next_, queue_offset + 1);
  log_end_ = unit.end();
}

void ConsumeQueue::fill(std::int64_t until, std::int64_t physical_offset, std::int64_t first_file) {
  QueueUnit filler;
  filler.size = QueueUnit::kFillerSize;
  std::int64_t from = added_;
  if (end_of_files_ == first_file_ && pending_size_ == 0) {
    // The queue begins with a later message: in the file that holds it, as Apache does.
    first_file_ = end_of_files_ = first_file;
    from = first_file_ / QueueUnit::kSize;
    first_ = from;
    {
      std::lock_guard lock(pending_mutex_);
      sums_.begin_at(from);
      written_ = from;
    }
    published_ = from;
  } else {
    // Keeps the units' log offsets in ascending order, for binary searches.
    filler.physical_offset = physical_offset;
  }
  reserve_pending(static_cast<std::size_t>(until - from) + 1);
  for (; from < until; ++from) add_pending(filler);
}

void ConsumeQueue::reserve_pending(std::size_t more) {
  constexpr std::size_t kLeast = 16;
  const std::size_t wanted = pending_size_ + more * QueueUnit::kSize;
  if (wanted <= pending_capacity_) return;
  const std::size_t capacity = std::max({wanted, 2 * pending_capacity_, kLeast * QueueUnit::kSize});
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  std::copy_n(pending_.get(), pending_size_, larger.get());
  std::lock_guard lock(pending_mutex_);
  pending_.swap(larger);
  pending_capacity_ = capacity;
}

void ConsumeQueue::add_pending(const QueueUnit& unit) noexcept {
  unit.encode_to(pending_.get() + pending_size_);
  pending_size_ += QueueUnit::kSize;
}

// The first ones. Under pending_mutex_.
void ConsumeQueue::drop_pending(std::size_t count) noexcept {
  std::copy(pending_.get() + count, pending_.get() + pending_size_, pending_.get());
  pending_size_ -= count;
}

// Those from `next` on.
void ConsumeQueue::forget_pending(std::int64_t next) {
  std::lock_guard lock(pending_mutex_);
  const std::int64_t kept = next - written_.load(std::memory_order_relaxed);
  const bool keeps_some = pending_size_ > 0 && kept > 0;
  pending_size_ = keeps_some ? static_cast<std::size_t>(kept * QueueUnit::kSize) : 0;
  if (!keeps_some) {
    sums_.begin_at(next);
    written_ = next;
  }
  added_ = next;
}

void ConsumeQueue::release_memory() {
  if (pending_size_ > 0) return;
  std::lock_guard lock(pending_mutex_);
  pending_.reset();
  pending_capacity_ = 0;
}

error_code ConsumeQueue::write_pending() {
  while (pending_size_ > 0) {
    std::int64_t at = written_.load(std::memory_order_relaxed) * QueueUnit::kSize;
    std::int64_t start = at - at % files_.file_size();
    auto room = static_cast<std::size_t>(start + files_.file_size() - at);
    std::string_view bytes = std::string_view(pending_.get(), pending_size_).substr(0, room);
    const bool is_next = start >= end_of_files_;
    const bool is_left = aside_.contains(start);
    Result<std::shared_ptr<File>> file =
        is_next && !is_left ? files_.create(*this, start) : files_.open(*this, start);
    if (!file) return file.error();
    must_wipe_ = must_wipe_ || is_left;
    aside_.erase(start);
    if (error_code error = write_fully(**file, bytes, at - start)) return error;
    if (is_next) end_of_files_ = start + files_.file_size();
    files_.mark_dirty(*this, start, bytes.size());
    auto units = static_cast<std::int64_t>(bytes.size()) / QueueUnit::kSize;
    std::lock_guard lock(pending_mutex_);
    sums_.add(bytes);
    drop_pending(bytes.size());
    written_.fetch_add(units, std::memory_order_release);
  }
  return {};
}

std::vector<std::int64_t> ConsumeQueue::forget_files_before(std::int64_t log_min) {
  std::vector<std::int64_t> starts;
  while (first_file_ + files_.file_size() < end_of_files_) {
    std::int64_t next = first_file_ + files_.file_size();
    std::int64_t last_unit = next / QueueUnit::kSize - 1;
    QueueUnit unit;
    Result<std::size_t> n = read_units(last_unit, last_unit + 1, std::span(&unit, 1));
    bool gone = n ? *n == 1 && unit.physical_offset < log_min : is_missing(n.error());
    if (!gone) break;
    starts.push_back(first_file_);
    first_file_ = next;
    first_ = next / QueueUnit::kSize;
    forget_min();
  }
  return starts;
}

std::vector<std::int64_t> ConsumeQueue::forget_all_files() {
  std::vector<std::int64_t> starts;
  for (; first_file_ < end_of_files_; first_file_ += files_.file_size()) {
    starts.push_back(first_file_);
  }
  published_ = 0;  // first: readers see an empty queue
  first_file_ = end_of_files_ = 0;
  next_ = 0;
  log_end_ = -1;
  forget_pending(0);
  first_ = 0;
  forget_min();
  return starts;
}

std::int64_t ConsumeQueue::max_offset() const noexcept {
  return std::min(published_.load(std::memory_order_acquire),
                  added_.load(std::memory_order_acquire));
}

void ConsumeQueue::forget_min() {
  std::lock_guard lock(min_mutex_);
  min_known_for_ = -1;
  ++min_forgotten_;
}

std::int64_t ConsumeQueue::min_offset(std::int64_t log_min) const {
  std::uint64_t forgotten = 0;
  {
    std::lock_guard lock(min_mutex_);
    if (min_known_for_ == log_min) return min_;
    forgotten = min_forgotten_;
  }
  std::int64_t low = first_.load(std::memory_order_relaxed);
  std::int64_t high = max_offset();
  if (low >= high) return high;  // still empty: not worth remembering
  while (low < high) {
    std::int64_t middle = low + (high - low) / 2;
    QueueUnit unit;
    Result<std::size_t> n = read_units(middle, high, std::span(&unit, 1));
    bool padding = unit.is_filler() && unit.physical_offset == 0;  // before the first message
    // What cannot be read is not taken for gone: readers step over it one file at a time.
    bool expired = unit.physical_offset >= 0 && unit.physical_offset < log_min;
    bool gone = n && *n == 1 && (padding || expired);
    if (gone) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  std::lock_guard lock(min_mutex_);
  // The queue may have been removed meanwhile, and others may have looked at a log cut since.
  if (forgotten == min_forgotten_ && log_min > min_known_for_) {
    min_ = low;
    min_known_for_ = log_min;
  }
  return low;
}

Result<std::int64_t> ConsumeQueue::first_behind(std::int64_t log_end, std::int64_t high) const {
  std::int64_t low = std::min(first_.load(std::memory_order_relaxed), high);
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    QueueUnit unit;
    Result<std::size_t> n = read_units(middle, high, std::span(&unit, 1));
    if (!n) return n.error();
    const bool is_behind =
        *n == 1 && (unit.is_filler() ? unit.physical_offset : unit.end()) > log_end;
    if (is_behind) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

Result<std::size_t> ConsumeQueue::read_units(std::int64_t queue_offset, std::int64_t end,
                                             std::span<QueueUnit> into) const {
  end = std::min(end, next_file_offset(queue_offset));
  if (queue_offset >= end) return 0;
  into = into.first(std::min(into.size(), static_cast<std::size_t>(end - queue_offset)));
  if (const std::optional<std::size_t> count = read_pending(queue_offset, into)) return *count;
  const std::int64_t in_file = written_.load(std::memory_order_acquire) - queue_offset;
  if (in_file <= 0) return 0;  // the queue was removed meanwhile
  return read_file(queue_offset,
                   into.first(std::min(into.size(), static_cast<std::size_t>(in_file))));
}

std::optional<std::size_t> ConsumeQueue::read_pending(std::int64_t queue_offset,
                                                      std::span<QueueUnit> into) const {
  if (queue_offset < written_.load(std::memory_order_acquire)) return std::nullopt;
  std::lock_guard lock(pending_mutex_);
  const std::int64_t index = queue_offset - written_.load(std::memory_order_relaxed);
  if (index < 0) return std::nullopt;  // it was written a moment ago
  const std::int64_t left = added_.load(std::memory_order_acquire) - queue_offset;
  const auto count = std::clamp<std::int64_t>(left, 0, std::ssize(into));
  for (std::int64_t i = 0; i < count; ++i) {
    into[static_cast<std::size_t>(i)] =
        QueueUnit::decode(pending_.get() + (index + i) * QueueUnit::kSize);
  }
  return static_cast<std::size_t>(count);
}

// The files' units are read with their neighbours, as far as one sum goes.
std::size_t ConsumeQueue::read_own_units(std::int64_t queue_offset, std::int64_t end,
                                         std::span<QueueUnit> into) const {
  constexpr std::int64_t kTogether = UnitSums::kTogether;
  constexpr auto kMostUnits = static_cast<std::int64_t>(UnitSums::kGroups) * kTogether;
  end = std::min(end, next_file_offset(queue_offset));
  end = std::min(end, queue_offset + std::ssize(into));
  if (queue_offset >= end) return 0;
  into = into.first(static_cast<std::size_t>(end - queue_offset));
  if (const std::optional<std::size_t> count = read_pending(queue_offset, into)) return *count;
  const std::int64_t file = file_start_of(queue_offset);
  const std::int64_t from = queue_offset - queue_offset % kTogether;
  std::int64_t until = std::min(end + kTogether - 1, from + kMostUnits);
  until = std::min(until - until % kTogether, next_file_offset(queue_offset));
  UnitSums::Expected expected;
  {
    std::lock_guard lock(pending_mutex_);
    until = std::min(until, sums_.next());
    expected = sums_.expect(from, until);
  }
  if (from * QueueUnit::kSize < file || until <= queue_offset) return 0;
  const Result<std::shared_ptr<File>> opened = files_.open(*this, file);
  if (!opened) return 0;
  std::array<char, kMostUnits * QueueUnit::kSize> bytes;
  const std::span<char> read(bytes.data(),
                             static_cast<std::size_t>((until - from) * QueueUnit::kSize));
  if (read_whole(**opened, read, from * QueueUnit::kSize - file)) return 0;
  if (!expected.is({read.data(), read.size()})) return 0;
  const std::int64_t count = std::min(end, until) - queue_offset;
  for (std::int64_t i = 0; i < count; ++i) {
    into[static_cast<std::size_t>(i)] =
        QueueUnit::decode(bytes.data() + (queue_offset - from + i) * QueueUnit::kSize);
  }
  return static_cast<std::size_t>(count);
}

Result<std::size_t> ConsumeQueue::read_file(std::int64_t queue_offset,
                                            std::span<QueueUnit> into) const {
  constexpr std::size_t kMaxUnits = 64;
  const std::size_t count = std::min(into.size(), kMaxUnits);
  std::int64_t start = file_start_of(queue_offset);
  Result<std::shared_ptr<File>> file = files_.open(*this, start);
  if (!file) return file.error();
  std::array<char, kMaxUnits * QueueUnit::kSize> bytes;
  std::span<char> wanted(bytes.data(), count * QueueUnit::kSize);
  if (error_code error = read_whole(**file, wanted, queue_offset * QueueUnit::kSize - start)) {
    return error;
  }
  for (std::size_t i = 0; i < count; ++i) {
    into[i] = QueueUnit::decode(bytes.data() + i * QueueUnit::kSize);
  }
  return count;
}

}  // namespace comet::inline v0_1::store
