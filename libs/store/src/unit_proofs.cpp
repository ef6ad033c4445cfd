#include "unit_proofs.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "dispatch.hpp"

namespace comet::inline v0_1::store {

namespace {

bool is_misnamed(const CommitLog& log, const QueueTable& queues, const ConsumeQueue& queue,
                 std::int64_t queue_offset, const QueueUnit& unit) {
  const std::int64_t place = unit.physical_offset;
  if (unit.is_filler() || place < log.min_offset() || log.is_damaged(place)) return false;
  Result<SharedBytes> bytes = log.read_record(place, WalkRules::kNoLimit);
  Result<RecordView> record = bytes ? parse_record(bytes->view(), CheckCrc::no) : bytes.error();
  if (!record || record->total_size != unit.size || record->physical_offset != place ||
      record->queue_offset != queue_offset) {
    return false;
  }
  if (record->topic == queue.topic() && record->queue_id == queue.queue_id()) return false;
  // It says nothing against one that agrees with the log.
  const ConsumeQueue* named = queues.find(record->topic, record->queue_id);
  std::optional<QueueUnit> other =
      named == nullptr ? std::nullopt : named->unit_in_files(queue_offset);
  return !other || other->physical_offset != place;
}

bool is_same_record(const std::optional<QueueUnit>& unit, const QueueUnit& other) noexcept {
  return unit && unit->physical_offset == other.physical_offset && unit->size == other.size;
}

bool is_good(const CommitLog& log, const ConsumeQueue& queue, std::int64_t queue_offset) {
  QueueUnit unit;
  if (!read_unit(queue, queue_offset, unit) || unit.size <= 0) return false;
  if (unit.is_filler() || unit.physical_offset < log.min_offset()) return true;
  if (log.is_damaged(unit.physical_offset)) return true;  // nothing else tells of its offset
  return is_proven(log, queue, queue_offset);
}

}  // namespace

bool read_unit(const ConsumeQueue& queue, std::int64_t queue_offset, QueueUnit& unit) {
  Result<std::size_t> n = queue.read_units(queue_offset, queue_offset + 1, std::span(&unit, 1));
  return n && *n == 1;
}

bool is_proven(const CommitLog& log, const ConsumeQueue& queue, std::int64_t queue_offset) {
  QueueUnit unit;
  return read_unit(queue, queue_offset, unit) && is_proven(log, queue, queue_offset, unit);
}

// A torn unit may look like one whose message has expired, but not behind later messages' units.
std::int64_t trusted_end(const CommitLog& log, const ConsumeQueue& queue, std::int64_t limit) {
  std::int64_t at = queue.next() - 1;
  if (queue.log_end() > limit || !is_good(log, queue, at)) return at;
  QueueUnit unit;
  if (!read_unit(queue, at, unit)) return at;
  for (int i = 0; i < kMaxLookedBackAt && at > queue.first_offset(); ++i, --at) {
    QueueUnit before;
    if (!read_unit(queue, at - 1, before) || before.size <= 0) return at;
    const std::int64_t end = before.is_filler() ? before.physical_offset : before.end();
    if (end > unit.physical_offset) return at;
    if (before.physical_offset >= log.min_offset()) break;
    unit = before;
  }
  return queue.next();
}

bool lies_behind_next(const CommitLog& log, const ConsumeQueue& queue, const RecordView& record) {
  const std::int64_t end = std::min(queue.next(), record.queue_offset + 1 + kMaxLookedBackAt);
  int expired = 0;
  for (std::int64_t at = record.queue_offset + 1; at < end; ++at) {
    QueueUnit unit;
    if (!read_unit(queue, at, unit) || unit.is_filler() || unit.size <= 0) continue;
    // One torn unit may look as if its message had expired.
    const bool has_expired = unit.physical_offset < log.min_offset();
    const bool stands = has_expired ? expired++ > 0 : is_proven(log, queue, at);
    if (stands) return unit.physical_offset < record.physical_offset;
  }
  return false;
}

bool is_proven(const CommitLog& log, const ConsumeQueue& queue, std::int64_t queue_offset,
               const QueueUnit& unit) {
  Result<SharedBytes> bytes = log.read_record(unit.physical_offset, WalkRules::kNoLimit);
  Result<RecordView> record = bytes ? parse_record(bytes->view(), CheckCrc::no) : bytes.error();
  return record && record->total_size == unit.size && is_indexed(record->sys_flag) &&
         record->physical_offset == unit.physical_offset && record->queue_offset == queue_offset &&
         record->queue_id == queue.queue_id() && record->topic == queue.topic();
}

bool is_proven_in_files(const CommitLog& log, const ConsumeQueue& queue,
                        std::int64_t queue_offset) {
  const std::optional<QueueUnit> unit = queue.unit_in_files(queue_offset);
  return unit && is_proven(log, queue, queue_offset, *unit);
}

bool contradicts(const CommitLog& log, const QueueTable& queues, const RecordView& record) {
  if (!is_indexed(record.sys_flag)) return false;
  const ConsumeQueue* queue = queues.find(record.topic, record.queue_id);
  if (queue == nullptr || record.queue_offset < 0 || record.queue_offset > kMaxQueueOffset) {
    return false;
  }
  const std::optional<QueueUnit> unit = queue->unit_in_files(record.queue_offset);
  return unit && unit->physical_offset != record.physical_offset &&
         is_proven(log, *queue, record.queue_offset, *unit);
}

bool is_of_another(const QueueTable& queues, const ConsumeQueue& queue, const RecordView& record) {
  bool found = false;
  queues.for_each([&](const ConsumeQueue& other) {
    if (found || &other == &queue) return;
    const std::optional<QueueUnit> unit = other.unit_in_files(record.queue_offset);
    found =
        unit && unit->physical_offset == record.physical_offset && unit->size == record.total_size;
  });
  return found;
}

Damage misnamed(std::int64_t queue_offset, const QueueUnit& unit) {
  Damage damage;
  damage.begin = unit.physical_offset;
  damage.end = unit.end();
  damage.queue_offset = queue_offset;
  damage.kind = DamageKind::misnamed;
  damage.reason = "it is another queue's message, as the queues' units tell";
  return damage;
}

bool is_of_later(const QueueTable& queues, const ConsumeQueue& queue, std::int64_t queue_offset,
                 const QueueUnit& earlier, const QueueUnit& later) {
  bool tells = is_same_record(queue.unit_in_files(queue_offset), later);
  queues.for_each([&](const ConsumeQueue& other) {
    tells =
        tells || (&other != &queue && is_same_record(other.unit_in_files(queue_offset), earlier));
  });
  return tells;
}

std::vector<Damage> find_misnamed(const CommitLog& log, const QueueTable& queues, std::int64_t from,
                                  std::int64_t vouched_end, std::int64_t log_end) {
  std::vector<Damage> found;
  queues.for_each([&](const ConsumeQueue& queue) {
    const std::int64_t end = queue.find_end(log_end);
    const std::int64_t first = std::min(queue.find_end(from), end - 1);
    for (std::int64_t at = std::max(first, end - kMaxLookedBackAt); at < end; ++at) {
      std::optional<QueueUnit> unit = queue.unit_in_files(at);
      const bool was_synced = unit && unit->end() <= vouched_end;
      if (was_synced && is_misnamed(log, queues, queue, at, *unit))
        found.push_back(misnamed(at, *unit));
    }
  });
  std::ranges::sort(found, {}, &Damage::begin);
  return found;
}

}  // namespace comet::inline v0_1::store
