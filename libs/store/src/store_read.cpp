// The reading side of StoreCore.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include "comet/store/message_store.hpp"
#include "read_reach.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

// Records that lie no further apart than this are read with one call.
constexpr std::int64_t kReadOver = 4096;

// Bytes of the log that were read with one call.
class Piece : public Window {
 public:
  [[nodiscard]] std::string_view view(std::int64_t from, std::int64_t until) const noexcept {
    return bytes.view().substr(static_cast<std::size_t>(from - begin),
                               static_cast<std::size_t>(until - from));
  }
  [[nodiscard]] SharedBytes part(std::int64_t from, std::int64_t until) const {
    return {bytes.owner(), view(from, until)};
  }
};

// Collects records; neighbours in a piece become one slice.
class Slices {
 public:
  void add(const Piece& piece, std::int64_t begin, std::int64_t end) {
    if (piece.bytes.owner() != piece_.bytes.owner() || begin != end_) {
      flush();
      piece_ = piece;
      begin_ = begin;
    }
    end_ = end;
    size_ += end - begin;
  }
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  // `read`: so many bytes were read for them. When most of those belong to others, the records move
  // into memory of their own: what is lent stays as small as the answer.
  [[nodiscard]] Body take(const ReadMemory& memory, std::int64_t read) {
    flush();
    return read / 2 > size_ && size_ > 0 ? packed(memory) : std::move(body_);
  }

 private:
  void flush() {
    if (!piece_.bytes.empty()) body_.append(piece_.part(begin_, end_));
  }

  [[nodiscard]] Body packed(const ReadMemory& memory) const {
    auto block = memory.take(static_cast<std::size_t>(size_));
    char* to = block->bytes().data();
    for (std::size_t i = 0; i < body_.pieces(); ++i) {
      const std::string_view piece = body_.piece(i).view();
      std::memcpy(to, piece.data(), piece.size());
      to += piece.size();
    }
    const std::string_view all(block->bytes().data(), block->bytes().size());
    return SharedBytes(std::move(block), all);
  }

  Piece piece_;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
  std::int64_t size_ = 0;
  Body body_;
};

// Empty: the offset lies in the queue.
std::optional<ReadStatus> outside_status(const ReadResult& result, std::int64_t offset) noexcept {
  if (result.max_offset == 0) return ReadStatus::no_message_in_queue;
  if (offset < result.min_offset) return ReadStatus::offset_too_small;
  if (offset == result.max_offset) return ReadStatus::offset_overflow_one;
  if (offset > result.max_offset) return ReadStatus::offset_overflow_badly;
  return std::nullopt;
}

std::int64_t correct_offset(ReadStatus status, const ReadResult& result, std::int64_t offset) {
  switch (status) {
    case ReadStatus::no_message_in_queue:
      return 0;
    case ReadStatus::offset_too_small:
      return result.min_offset;
    case ReadStatus::offset_overflow_badly:
      return result.max_offset;
    default:
      return offset;
  }
}

}  // namespace

std::int64_t page_cache_reach() noexcept {
  static const std::int64_t reach =
      std::int64_t{::sysconf(_SC_PHYS_PAGES)} / 100 * 40 * ::sysconf(_SC_PAGESIZE);
  return reach;
}

std::map<std::string, std::int32_t, std::less<>> StoreCore::queue_counts() const {
  std::map<std::string, std::int32_t, std::less<>> counts;
  queues_.for_each([&counts](const ConsumeQueue& queue) {
    if (queue.max_offset() == 0) return;
    std::int32_t& count = counts[queue.topic()];
    constexpr std::int32_t kHighestId = std::numeric_limits<std::int32_t>::max() - 1;
    count = std::max(count, std::min(queue.queue_id(), kHighestId) + 1);
  });
  return counts;
}

// One read of a queue's units from an offset that lies in the queue.
class StoreCore::QueueRead {
 public:
  QueueRead(const StoreCore& core, const ConsumeQueue& queue, const ReadLimits& limits,
            const TagFilter& filter, const RecordFilter& exact_filter, ReadResult& result)
      : core_(core),
        queue_(queue),
        limits_(limits),
        filter_(filter),
        exact_filter_(exact_filter),
        result_(result),
        cuts_(core.hidden_.load()),
        readable_(core.readable_end()) {}

  void run() {
    result_.status = ReadStatus::no_matched_message;
    std::int64_t most = std::max<std::int64_t>(kMaxExamined, limits_.max_count);
    std::int64_t until = std::min(result_.max_offset, result_.next_offset + most);
    std::array<QueueUnit, 64> units;
    // Filters look at more than they take; the one behind the last tells whether it lies alone.
    const std::size_t at_a_time =
        filter_ || exact_filter_
            ? units.size()
            : std::min(units.size(), static_cast<std::size_t>(limits_.max_count) + 1);
    while (!full_ && result_.next_offset < until) {
      Result<std::size_t> n =
          queue_.read_units(result_.next_offset, until, std::span(units).first(at_a_time));
      if (!n) {
        fail(fmt::format("consume queue {} {}: offset {} cannot be read", queue_.topic(),
                         queue_.queue_id(), result_.next_offset),
             n.error());
        break;
      }
      if (*n == 0) break;  // the queue was removed meanwhile
      std::span<const QueueUnit> rest(units.data(), *n);
      for (; !full_ && !rest.empty(); rest = rest.subspan(1)) examine(rest);
    }
    if (result_.count > 0) result_.status = ReadStatus::found;
    result_.records = slices_.take(core_.log_.memory(), read_);
  }

 private:
  // The read ends here; what it has so far is returned.
  void fail(const std::string& what, const error_code& error) {
    core_.faults_.note(fmt::format("{}: {}", what, error.message()));
    result_.status = ReadStatus::read_failed;
    full_ = true;
  }

  // The first one; those behind it are read with it.
  void examine(std::span<const QueueUnit> units) {
    const QueueUnit& unit = units.front();
    if (filter_ && !filter_(unit.tags_code)) {
      ++result_.next_offset;
      return;
    }
    if (result_.count > 0 && slices_.size() + unit.size > limits_.max_bytes) {
      full_ = true;
      return;
    }
    RecordView record;
    if (!points_into_log(unit) || !load(units) || !is_whole(unit, record)) {
      if (full_) return;
      if (result_.count == 0) result_.status = ReadStatus::message_was_removing;
    } else if (!exact_filter_ || exact_filter_(record)) {
      slices_.add(piece_, unit.physical_offset, unit.end());
      full_ = ++result_.count >= limits_.max_count;
    }
    ++result_.next_offset;
  }

  bool points_into_log(const QueueUnit& unit) const {
    if (unit.is_filler() || unit.physical_offset < core_.log_.min_offset()) {
      if (unit.size > 0 && unit.physical_offset >= 0) return false;  // gone, or never there
    } else if (unit.size > 0 && unit.physical_offset <= readable_ - unit.size) {
      return true;
    }
    core_.faults_.note(fmt::format("consume queue {} {}: the unit of offset {} is damaged: skipped",
                                   queue_.topic(), queue_.queue_id(), result_.next_offset));
    return false;
  }

  // Reads the record of the first unit, with those of others that lie near behind it.
  bool load(std::span<const QueueUnit> units) {
    const std::int64_t begin = units.front().physical_offset;
    const std::int64_t needed = units.front().end();
    if (piece_.has(begin, needed)) return true;
    const std::int64_t end_of_file =
        begin - begin % core_.log_.segment_size() + core_.log_.segment_size();
    if (needed > end_of_file) return false;
    if (Window recent = core_.recent_windows_.find(begin, needed); !recent.bytes.empty()) {
      use(std::move(recent));
      return true;
    }
    const std::int64_t most = begin + std::max(limits_.max_bytes - slices_.size(), needed - begin);
    std::int64_t end = needed;
    std::int64_t left = limits_.max_count - result_.count - 1;
    for (const QueueUnit& unit : units.subspan(1)) {
      const bool near = unit.physical_offset >= end && unit.physical_offset <= end + kReadOver;
      if (left-- <= 0 || !near || unit.size <= 0 || unit.is_filler()) break;
      if (unit.end() > std::min({most, end_of_file, readable_})) break;
      end = unit.end();
    }
    Result<SharedBytes> bytes = core_.log_.read(begin, end - begin);
    if (!bytes && end > needed) bytes = core_.log_.read(begin, needed - begin);
    if (bytes) {
      use({std::move(*bytes), begin});
      // Records of other queues are among these.
      if (end - begin >= RecentWindows::kLeast && has_others(units)) {
        core_.recent_windows_.keep(piece_, cuts_);
      }
      return true;
    }
    if (begin >= core_.log_.min_offset()) {  // else it was deleted meanwhile
      fail(fmt::format("commit log: the record at {} cannot be read", begin), bytes.error());
    }
    return false;
  }

  void use(Window window) {
    read_ += std::ssize(window.bytes.view());
    static_cast<Window&>(piece_) = std::move(window);
  }

  // Whether something lies between the first two.
  static bool has_others(std::span<const QueueUnit> units) noexcept {
    return units.size() > 1 && units[1].physical_offset > units[0].end();
  }

  // What a unit points at must be the message of this queue and offset: a damaged unit never makes
  // another message appear. Records that neither recovery nor this process has checked are checked
  // here.
  bool is_whole(const QueueUnit& unit, RecordView& record) const {
    const bool checked = unit.physical_offset >= core_.recovery_.checked_from;
    const std::string_view bytes = piece_.view(unit.physical_offset, unit.end());
    Result<RecordView> parsed = parse_record(bytes, checked ? CheckCrc::no : CheckCrc::yes);
    if (parsed) record = *parsed;
    const bool whole = parsed && !core_.log_.is_damaged(unit.physical_offset) &&
                       record.total_size == unit.size && is_indexed(record.sys_flag) &&
                       record.physical_offset == unit.physical_offset &&
                       record.queue_offset == result_.next_offset &&
                       record.queue_id == queue_.queue_id() && record.topic == queue_.topic();
    if (!whole) {
      core_.faults_.note(fmt::format(
          "{} {}: the message of offset {}, at {} in the commit log, is "
          "damaged: skipped",
          queue_.topic(), queue_.queue_id(), result_.next_offset, unit.physical_offset));
    }
    return whole;
  }

  const StoreCore& core_;
  const ConsumeQueue& queue_;
  const ReadLimits& limits_;
  const TagFilter& filter_;
  const RecordFilter& exact_filter_;
  ReadResult& result_;
  const std::uint64_t cuts_;
  std::int64_t readable_;
  Slices slices_;
  Piece piece_;
  std::int64_t read_ = 0;  // bytes of the log
  bool full_ = false;
};

ReadResult StoreCore::read(std::string_view topic, std::int32_t queue_id, std::int64_t offset,
                           const ReadLimits& limits, const TagFilter& filter,
                           const RecordFilter& exact_filter) const {
  while (true) {
    const std::uint64_t hidden = hidden_.load();
    ReadResult result = read_once(topic, queue_id, offset, limits, filter, exact_filter);
    // Else it may have taken for damaged what was put out of sight, or cut, while it looked.
    if (hidden_.load() == hidden) return result;
  }
}

ReadResult StoreCore::read_once(std::string_view topic, std::int32_t queue_id, std::int64_t offset,
                                const ReadLimits& limits, const TagFilter& filter,
                                const RecordFilter& exact_filter) const {
  ReadResult result;
  const ConsumeQueue* queue = queues_.find(topic, queue_id);
  if (queue == nullptr) return result;
  result.min_offset = queue->min_offset(log_.min_offset());
  result.max_offset = queue->max_offset();
  result.next_offset = offset;
  if (std::optional<ReadStatus> status = outside_status(result, offset)) {
    result.status = *status;
    result.next_offset = correct_offset(*status, result, offset);
    return result;
  }
  if (limits.in_pages && !exact_filter && read_pages(*queue, limits, filter, result)) return result;
  QueueRead(*this, *queue, limits, filter, exact_filter, result).run();
  return result;
}

SharedBytes StoreCore::read_record(std::int64_t physical_offset) const {
  if (log_.is_damaged(physical_offset)) return {};
  Result<SharedBytes> bytes = log_.read_record(physical_offset, readable_end());
  if (!bytes) return {};
  // The offset may come from anywhere: only a checksum tells a record from bytes that look like
  // one.
  Result<RecordView> record = parse_record(bytes->view(), CheckCrc::yes);
  if (!record || record->physical_offset != physical_offset) return {};
  return std::move(*bytes);
}

std::int64_t StoreCore::min_offset(std::string_view topic, std::int32_t queue_id) const {
  const ConsumeQueue* queue = queues_.find(topic, queue_id);
  return queue == nullptr ? 0 : queue->min_offset(log_.min_offset());
}

std::int64_t StoreCore::max_offset(std::string_view topic, std::int32_t queue_id) const {
  const ConsumeQueue* queue = queues_.find(topic, queue_id);
  return queue == nullptr ? 0 : queue->max_offset();
}

bool StoreCore::probably_in_memory(std::string_view topic, std::int32_t queue_id,
                                   std::int64_t offset) const {
  const ConsumeQueue* queue = queues_.find(topic, queue_id);
  if (queue == nullptr || offset < 0 || offset >= queue->max_offset()) return false;
  if (readable_end() - log_.min_offset() <= memory_reach()) return true;
  QueueUnit unit;
  Result<std::size_t> n = queue->read_units(offset, queue->max_offset(), std::span(&unit, 1));
  if (!n || *n == 0) return false;
  return readable_end() - unit.physical_offset <= memory_reach();
}

std::int64_t StoreCore::memory_reach() const noexcept {
  return config_.page_cache_reach > 0 ? config_.page_cache_reach : page_cache_reach();
}

}  // namespace comet::inline v0_1::store
