// The reading side of StoreCore.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "comet/store/message_store.hpp"
#include "store_core.hpp"

namespace comet::store {

namespace {

// Units examined by one read at most, so that a filter that matches nothing cannot hold a thread
// (Apache: 16000 bytes of queue).
constexpr std::int64_t kMaxExamined = 800;

// Apache counts what lies within 40 % of the memory behind the log's end as being in memory
// (accessMessageInMemoryMaxRatio).
std::int64_t page_cache_reach() noexcept {
  static const std::int64_t reach =
      std::int64_t{::sysconf(_SC_PHYS_PAGES)} / 100 * 40 * ::sysconf(_SC_PAGESIZE);
  return reach;
}

// Collects records; neighbours in a segment become one slice.
class Slices {
 public:
  void add(const SegmentPtr& segment, std::int64_t begin, std::int64_t end) {
    if (segment != segment_ || begin != end_) {
      flush();
      segment_ = segment;
      begin_ = begin;
    }
    end_ = end;
    size_ += end - begin;
  }
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  [[nodiscard]] Body take() {
    flush();
    return std::move(body_);
  }

 private:
  void flush() {
    if (!segment_) return;
    std::string_view bytes =
        segment_->bytes_from(begin_).substr(0, static_cast<std::size_t>(end_ - begin_));
    body_.append(SharedBytes(segment_, bytes));
  }

  SegmentPtr segment_;
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
        readable_(core.readable_end()) {}

  void run() {
    result_.status = ReadStatus::no_matched_message;
    std::int64_t most = std::max<std::int64_t>(kMaxExamined, limits_.max_count);
    std::int64_t until = std::min(result_.max_offset, result_.next_offset + most);
    std::array<QueueUnit, 64> units;
    while (!full_ && result_.next_offset < until) {
      Result<std::size_t> n = queue_.read_units(result_.next_offset, until, units);
      if (!n) {
        if (result_.count == 0) skip_missing_file();
        break;
      }
      if (*n == 0) break;  // the queue was removed meanwhile
      for (std::size_t i = 0; i < *n && !full_; ++i) examine(units[i]);
    }
    if (result_.count > 0) result_.status = ReadStatus::found;
    result_.records = slices_.take();
  }

 private:
  void skip_missing_file() {
    result_.status = ReadStatus::offset_found_null;
    result_.next_offset =
        std::min(queue_.next_file_offset(result_.next_offset), result_.max_offset);
  }

  void examine(const QueueUnit& unit) {
    if (filter_ && !filter_(unit.tags_code)) {
      ++result_.next_offset;
      return;
    }
    if (result_.count > 0 && slices_.size() + unit.size > limits_.max_bytes) {
      full_ = true;
      return;
    }
    RecordView record;
    if (!find_segment(unit) || !is_whole(unit, record)) {
      if (result_.count == 0) result_.status = ReadStatus::message_was_removing;
    } else if (!exact_filter_ || exact_filter_(record)) {
      slices_.add(segment_, unit.physical_offset, unit.end());
      full_ = ++result_.count >= limits_.max_count;
    }
    ++result_.next_offset;
  }

  bool find_segment(const QueueUnit& unit) {
    if (unit.physical_offset < 0 || unit.size <= 0 || unit.end() > readable_) return false;
    bool same = segment_ && unit.physical_offset >= segment_->start() &&
                unit.physical_offset < segment_->end();
    if (!same) segment_ = core_.log_.segment_at(unit.physical_offset);
    return segment_ != nullptr;
  }

  // What a unit points at must be the message of this queue and offset: a damaged unit never makes
  // another message appear. Records that neither recovery nor this process has checked are checked
  // here.
  bool is_whole(const QueueUnit& unit, RecordView& record) const {
    bool checked = unit.physical_offset >= core_.recovery_.checked_from;
    Result<RecordView> parsed = parse_record(segment_->bytes_from(unit.physical_offset),
                                             checked ? CheckCrc::no : CheckCrc::yes);
    if (!parsed) return false;
    record = *parsed;
    return record.total_size == unit.size && record.physical_offset == unit.physical_offset &&
           record.queue_offset == result_.next_offset && record.queue_id == queue_.queue_id() &&
           record.topic == queue_.topic();
  }

  const StoreCore& core_;
  const ConsumeQueue& queue_;
  const ReadLimits& limits_;
  const TagFilter& filter_;
  const RecordFilter& exact_filter_;
  ReadResult& result_;
  std::int64_t readable_;
  Slices slices_;
  SegmentPtr segment_;
  bool full_ = false;
};

ReadResult StoreCore::read(std::string_view topic, std::int32_t queue_id, std::int64_t offset,
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
  QueueRead(*this, *queue, limits, filter, exact_filter, result).run();
  return result;
}

SharedBytes StoreCore::read_record(std::int64_t physical_offset) const {
  if (physical_offset < 0 || physical_offset >= readable_end()) return {};
  SegmentPtr segment = log_.segment_at(physical_offset);
  if (!segment) return {};
  std::string_view bytes = segment->bytes_from(physical_offset);
  // The offset may come from anywhere: only a checksum tells a record from bytes that look like
  // one.
  Result<RecordView> record = parse_record(bytes, CheckCrc::yes);
  if (!record || record->physical_offset != physical_offset) return {};
  return {segment, bytes.substr(0, static_cast<std::size_t>(record->total_size))};
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
  if (readable_end() - log_.min_offset() <= page_cache_reach()) return true;
  QueueUnit unit;
  Result<std::size_t> n = queue->read_units(offset, queue->max_offset(), std::span(&unit, 1));
  if (!n || *n == 0) return false;
  return readable_end() - unit.physical_offset <= page_cache_reach();
}

}  // namespace comet::store
