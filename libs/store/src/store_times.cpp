// Questions to StoreCore about times and queue entries.

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

// Answers when the message at a queue offset was stored; -1 when it cannot be read.
using StoreTimes = std::function<std::int64_t(std::int64_t offset)>;

// The first offset of [low, high) whose time is not before `timestamp`; `high` when there is none.
std::int64_t find_first(std::int64_t low, std::int64_t high, std::int64_t timestamp,
                        const StoreTimes& time_at) {
  while (low < high) {
    std::int64_t middle = low + (high - low) / 2;
    if (time_at(middle) < timestamp) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

std::int64_t StoreCore::offset_by_time(std::string_view topic, std::int32_t queue_id,
                                       std::int64_t timestamp, TimeBoundary boundary) const {
  const ConsumeQueue* queue = queues_.find(topic, queue_id);
  if (queue == nullptr) return 0;
  std::int64_t low = queue->min_offset(log_.min_offset());
  std::int64_t high = queue->max_offset();
  if (low >= high) return boundary == TimeBoundary::lower ? high : 0;
  StoreTimes time_at = [&](std::int64_t offset) { return store_time_of(*queue, offset); };
  switch (boundary) {
    case TimeBoundary::lower:
      return find_first(low, high, timestamp, time_at);
    case TimeBoundary::upper: {
      if (timestamp == std::numeric_limits<std::int64_t>::max()) return high - 1;
      std::int64_t later = find_first(low, high, timestamp + 1, time_at);
      return later == low ? 0 : later - 1;
    }
  }
  return 0;
}

std::int64_t StoreCore::store_time_of(const ConsumeQueue& queue, std::int64_t offset) const {
  QueueUnit unit;
  Result<std::size_t> n = queue.read_units(offset, queue.max_offset(), std::span(&unit, 1));
  if (!n || *n == 0 || unit.physical_offset < 0 || unit.end() > readable_end()) return -1;
  return store_time_at(unit.physical_offset);
}

std::int64_t StoreCore::store_time_at(std::int64_t physical_offset) const {
  Result<SharedBytes> bytes = log_.read_record(physical_offset, readable_end());
  if (!bytes) return -1;
  Result<RecordView> record = parse_record(bytes->view(), CheckCrc::no);
  return record ? record->store_timestamp : -1;
}

std::int64_t StoreCore::store_time(std::string_view topic, std::int32_t queue_id,
                                   std::int64_t offset) const {
  const ConsumeQueue* queue = queues_.find(topic, queue_id);
  if (queue == nullptr || offset < queue->min_offset(log_.min_offset())) return -1;
  return store_time_of(*queue, offset);
}

std::int64_t StoreCore::earliest_store_time(std::string_view topic, std::int32_t queue_id) const {
  return store_time(topic, queue_id, min_offset(topic, queue_id));
}

std::int64_t StoreCore::earliest_store_time() const {
  std::int64_t first = log_.min_offset();
  return first < readable_end() ? store_time_at(first) : -1;
}

std::vector<QueueEntry> StoreCore::queue_entries(std::string_view topic, std::int32_t queue_id,
                                                 std::int64_t offset,
                                                 std::int32_t max_count) const {
  std::vector<QueueEntry> entries;
  const ConsumeQueue* queue = queues_.find(topic, queue_id);
  if (queue == nullptr || offset < queue->min_offset(log_.min_offset())) return entries;
  std::int64_t end = queue->max_offset();
  if (offset < end) end = std::min(end, offset + std::max(max_count, 0));
  std::array<QueueUnit, 64> units;
  while (offset < end) {
    Result<std::size_t> n = queue->read_units(offset, end, units);
    if (!n || *n == 0) break;
    for (const QueueUnit& unit : std::span(units).first(*n)) {
      entries.push_back({unit.physical_offset, unit.size, unit.tags_code});
    }
    offset += static_cast<std::int64_t>(*n);
  }
  return entries;
}

}  // namespace comet::inline v0_1::store
