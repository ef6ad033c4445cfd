#include "taken_offsets.hpp"

#include <algorithm>
#include <optional>

#include "unit_proofs.hpp"

namespace comet::inline v0_1::store {

void TakenOffsets::remember_last_unit(ConsumeQueue& queue, std::int64_t from) {
  const std::int64_t end = queue.find_end(report_.end);
  if (end > from) remember_unit(queue, end);
}

void TakenOffsets::remember_unit(ConsumeQueue& queue, std::int64_t end) {
  std::optional<QueueUnit> last = queue.unit_in_files(end - 1);
  if (last && !says_nothing(*last)) {
    last_units_.push_back({&queue, end, last->is_filler() ? last->physical_offset : last->end()});
  }
}

void TakenOffsets::remember_unit_aside(ConsumeQueue& queue) {
  const std::int64_t end = queue.find_end_aside(report_.end);
  const std::optional<QueueUnit> last = end > 0 ? queue.unit_in_files(end - 1) : std::nullopt;
  const bool is_removed =
      !removed_.is_complete() ||
      (last && removed_.contains(queue.topic(), queue.queue_id(), last->physical_offset));
  if (last && !is_removed) remember_unit(queue, end);
}

void TakenOffsets::note_stray(const RecordView& record, ConsumeQueue* queue) {
  strays_.push_back({queue, record.queue_offset, record.physical_offset,
                     record.physical_offset + record.total_size});
}

void TakenOffsets::note_misnamed(std::int64_t queue_offset, const QueueUnit& unit) {
  strays_.push_back({nullptr, queue_offset, unit.physical_offset, unit.end()});
}

bool TakenOffsets::has_stray_in(const ConsumeQueue& queue) const {
  return std::ranges::find(strays_, &queue, &Stray::queue) != strays_.end();
}

void TakenOffsets::forget_strays_from(std::int64_t log_end) {
  std::erase_if(strays_, [&](const Stray& one) { return one.begin >= log_end; });
}

void TakenOffsets::skip_to(ConsumeQueue& queue, std::int64_t queue_offset, std::int64_t log_end) {
  report_.skipped_offsets += std::max<std::int64_t>(0, queue_offset - queue.next());
  queue.skip_to(queue_offset, log_end);
  // Many queues may be padded.
  if (queue.pending_size() < kUnitsPiece) return;
  if (const error_code error = queue.write_pending()) throw Error(error, "write a consume queue");
}

void TakenOffsets::skip_remembered() {
  for (const Known& last : last_units_) {
    if (last.log_end <= report_.end) skip_to(*last.queue, last.end, last.log_end);
  }
}

void TakenOffsets::skip_where_units_are() {
  if (!removed_.is_complete()) return;
  queues_.for_each([&](ConsumeQueue& queue) {
    while (const std::optional<QueueUnit> unit = queue.unit_in_files(queue.next())) {
      const bool is_whole = unit->physical_offset >= 0 && unit->size > 0 && !unit->is_filler();
      if (!is_whole || unit->end() > report_.end || says_nothing(*unit)) break;
      if (removed_.contains(queue.topic(), queue.queue_id(), unit->physical_offset)) break;
      skip_to(queue, queue.next() + 1, unit->end());
    }
  });
}

void TakenOffsets::skip_damaged() {
  for (const Stray& one : strays_) {
    // Without the list of removed queues an offset that is used again may be in order.
    if (one.begin < report_.checked_from || !removed_.is_complete()) continue;
    const bool has_gap = one.queue != nullptr && std::ranges::any_of(gaps_, [&](const Gap& gap) {
                           return gap.queue == one.queue;
                         });
    const bool is_last = one.queue != nullptr && one.queue->log_end() <= one.begin;
    if (is_last) skip_to(*one.queue, one.queue->next() + 1, one.end);
    if (!has_gap) skip_where_due(one.queue_offset, one.end);
  }
  for (const Damage& damage : log_.damage()) {
    // A unit has told of one that names another queue, or another place.
    const bool is_told =
        damage.kind == DamageKind::misnamed || damage.kind == DamageKind::misplaced;
    const bool is_judged =
        damage.begin < report_.checked_from || is_told || placed_.contains(damage.begin);
    if (!is_judged) skip_where_due(damage.queue_offset, damage.end);
  }
}

// Nothing tells whose record it was, but for its queue offset: any queue that is due to give it may
// have given it, unless a gap in one explains it.
void TakenOffsets::skip_where_due(std::int64_t lost, std::int64_t log_end) {
  if (lost <= 0 || lost > kMaxQueueOffset) return;
  const bool explained = std::ranges::any_of(
      gaps_, [&](const Gap& gap) { return lost >= gap.begin && lost < gap.end; });
  if (explained) return;
  queues_.for_each([&](ConsumeQueue& queue) {
    if (queue.next() == lost) skip_to(queue, lost + 1, log_end);
  });
}

}  // namespace comet::inline v0_1::store
