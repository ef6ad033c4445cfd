#include "queue_recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "dispatch.hpp"
#include "log_walk.hpp"
#include "taken_offsets.hpp"
#include "unit_proofs.hpp"

namespace comet::inline v0_1::store {

namespace {

// A queue with more bad units than this at its end is rebuilt from the log's beginning.
constexpr int kMaxBadUnits = 1000;
// More missing messages in a row than this are a damaged queue offset, not a gap.
constexpr std::int64_t kMaxGap = 1'000'000;
// A queue may have had so many messages more than the log had room for.
constexpr std::int64_t kMaxAhead = std::int64_t{1} << 30;
// All queues are asked for so many records; more than one that is damaged means that a queue is
// lost.
constexpr int kMostLookedElsewhere = 100;
// The same complaint is logged no more often than this.
constexpr int kMaxComplaints = 20;

void check(const error_code& error, const ConsumeQueue& queue) {
  if (!error) return;
  throw Error(error, "rebuild the consume queue of " + queue.topic() + " " +
                         std::to_string(queue.queue_id()));
}

class QueueRecovery {
 public:
  // `torn_from`: the report's end is moved to the first record behind it that cannot be where it
  // is.
  QueueRecovery(CommitLog& log, QueueTable& queues, const DelayLevels& levels,
                const RemovedQueues& removed, RecoveryReport& report, std::int64_t torn_from,
                const std::function<void()>& distrust_queues)
      : log_(log),
        queues_(queues),
        levels_(levels),
        removed_(removed),
        report_(report),
        torn_from_(torn_from),
        distrust_queues_(distrust_queues),
        log_min_(log.min_offset()),
        taken_(log, queues, removed, report) {}

  class Order {
   public:
    bool operator()(const ConsumeQueue* one, const ConsumeQueue* other) const {
      return std::forward_as_tuple(one->topic(), one->queue_id()) <
             std::forward_as_tuple(other->topic(), other->queue_id());
    }
  };

  // Returns the number of units written.
  std::int64_t run(std::int64_t expected_queues) {
    if (report_.unclean) {
      mark_directories_dirty();
      note_damage(
          log_,
          find_misnamed(log_, queues_, report_.trusted_units, report_.checked_from, report_.end),
          report_);
    }
    queues_.for_each([&](ConsumeQueue& queue) { trim(queue); });
    dispatch(report_.queues_from,
             [&](const RecordView& record, RecordState state, ConsumeQueue& queue) {
               if (rebuild_from_.contains(&queue)) {
                 misfit_ = -1;
               } else {
                 add_or_suspect(record, state, queue);
               }
             });
    end_in_front_of_misfit();
    skip_found();
    suspect_bad_ends();
    bool some_lost = count_used() < expected_queues;
    if (some_lost) log::warn("consume queues are missing: rebuilt from the log");
    rebuild(some_lost);
    skip_found();
    taken_.skip_remembered();
    skip_expired();
    if (report_.unclean) {
      taken_.skip_where_units_are();
      taken_.skip_damaged();
    }
    queues_.for_each([&](ConsumeQueue& queue) {
      check(queue.write_pending(), queue);
      queue.settle();
      queue.publish(queue.next());
    });
    return units_;
  }

 private:
  // A killed process may not have come to syncing them.
  void mark_directories_dirty() {
    queues_.for_each([&](ConsumeQueue& queue) { queues_.files().mark_directories_dirty(queue); });
  }

  // After a crash only units of records that the checkpoint vouches for are trusted; the others are
  // written anew. After an orderly stop all that point into the log are.
  void trim(ConsumeQueue& queue) {
    std::int64_t limit = report_.unclean ? report_.trusted_units : report_.end;
    std::int64_t end = queue.find_end(limit);
    taken_.remember_unit_aside(queue);
    if (queue.has_unit(end)) {
      bad_ends_.emplace_back(&queue, end);
      if (report_.unclean) taken_.remember_last_unit(queue, end);
    }
    queue.cut(end, report_.unclean);
    int bad = 0;
    while (queue.log_end() >= 0) {
      const std::int64_t trusted = trusted_end(log_, queue, limit);
      if (trusted == queue.next()) break;
      distrust_queues_();
      if (bad == 0) taken_.remember_unit(queue, queue.next());
      queue.cut(++bad < kMaxBadUnits ? trusted : queue.first_offset(), true);
    }
    trusted_[&queue] = queue.next();
    if (bad > 0) {
      log::warn("consume queue {} {}: {} bad units at its end: rebuilt from the log", queue.topic(),
                queue.queue_id(), bad);
    }
    // A kill or a power cut leaves a last file short that was not synced since: what the checkpoint
    // vouches for is in it.
    const bool is_short = queue.is_incomplete() && !report_.unclean;
    if (bad > 0 || queue.has_files_aside() || is_short) suspect(queue);
  }

  // A unit at which a queue was cut, and whose message the last part of the log does not have, may
  // have been damaged in the middle of the queue.
  void suspect_bad_ends() {
    for (const auto& [queue, end] : bad_ends_) {
      if (queue->next() > end || rebuild_from_.contains(queue)) continue;
      log::warn("consume queue {} {}: unit {} is damaged or its message lost: rebuilt from the log",
                queue->topic(), queue->queue_id(), end);
      suspect(*queue);
    }
  }

  // Everything of the queue that the log has behind the last unit that was trusted is to be looked
  // for: what was added since may stand in front of what is missing.
  void suspect(ConsumeQueue& queue) {
    distrust_queues_();
    const auto trusted = trusted_.find(&queue);
    const std::int64_t end =
        trusted == trusted_.end() ? queue.first_offset() : std::min(trusted->second, queue.next());
    if (end < queue.next()) queue.cut(end, true);
    rebuild_from_[&queue] = std::max(queue.log_end(), log_min_);
  }

  // No checksum covers topic, queue id and queue offset of a record. What the files of the queue
  // that it names say of it counts, so that no later start that writes the queue anew shows it
  // elsewhere: the queue offset becomes that of its unit. False: the offset that it claims is
  // another record's.
  bool agree_with_files(RecordView& record, RecordState& state, ConsumeQueue& queue) {
    // Behind the checkpoint a power cut may bring back units of what was lost at the same place.
    const std::int64_t vouched = report_.unclean ? report_.checked_from : report_.end;
    const bool is_vouched = record.physical_offset + record.total_size <= vouched;
    const bool is_due = record.queue_offset == queue.next() && !doubts_.contains(&queue);
    if (!is_vouched && is_due) return true;  // each record behind the checkpoint, as a rule
    const std::optional<QueueUnit> unit = queue.unit_in_files(record.queue_offset);
    if (unit && unit->physical_offset == record.physical_offset) return true;
    const std::optional<std::int64_t> had =
        queue.find_unit(record.physical_offset, record.total_size);
    // One unit says less than a whole record, unless it stands beside others that are right.
    const bool says_more =
        had && is_vouched &&
        (state == RecordState::damaged || is_proven_in_files(log_, queue, *had + 1));
    if (had && (says_more || is_proven_in_files(log_, queue, *had - 1))) {
      note_misplaced(record, *had, queue);
      record.queue_offset = *had;
      state = RecordState::damaged;
      return true;
    }
    if (!is_vouched) return true;
    return !contradicts(log_, queues_, record) && !is_of_another_queue(record, queue);
  }

  // Of a record of which the queue that it names has no unit, although it should.
  bool is_of_another_queue(const RecordView& record, const ConsumeQueue& queue) {
    const bool is_misnamed =
        looked_elsewhere_++ < kMostLookedElsewhere && is_of_another(queues_, queue, record);
    // Further starts may not find that unit any more.
    if (is_misnamed) found_.push_back(misnamed(record.queue_offset, unit_of(record)));
    return is_misnamed;
  }

  // The unit that tells of it may be lost, and with it its queue.
  void note_misplaced(const RecordView& record, std::int64_t had, const ConsumeQueue& queue) {
    if (log_.is_damaged(record.physical_offset)) return;
    Damage damage;
    damage.begin = record.physical_offset;
    damage.end = record.physical_offset + record.total_size;
    damage.queue_offset = had;
    damage.kind = DamageKind::misplaced;
    damage.reason = fmt::format("it says queue offset {}, but is offset {} of {} {}",
                                record.queue_offset, had, queue.topic(), queue.queue_id());
    found_.push_back(std::move(damage));
  }

  void add_or_suspect(RecordView record, RecordState state, ConsumeQueue& queue) {
    if (record.physical_offset < queue.log_end()) return;
    if (!agree_with_files(record, state, queue)) return taken_.note_stray(record, &queue);
    const bool is_whole = state == RecordState::whole;
    if (record.queue_offset == queue.next()) {
      add(record, queue);
      if (is_whole) misfit_ = -1;
    } else if (record.queue_offset > queue.next()) {
      log::warn("consume queue {} {}: units {} to {} are missing: rebuilt from the log",
                queue.topic(), queue.queue_id(), queue.next(), record.queue_offset - 1);
      if (!is_whole || begins_too_late(record, queue)) taken_.note_stray(record);
      suspect(queue);
      if (is_whole) misfit_ = -1;
    } else if (!is_whole) {
      taken_.note_stray(record, &queue);
    } else if (record.queue_offset < queue.first_offset()) {
      begin_anew(queue, record);
      suspect(queue);
      misfit_ = -1;
    } else if (replaced_unproven(record, queue) || replaced_misnamed(record, queue)) {
      misfit_ = -1;
    } else {
      report_reused_offset(record, queue);
      taken_.note_stray(record, &queue);
      const bool is_misfit =
          record.physical_offset >= torn_from_ && !may_be_due_elsewhere(record, queue);
      if (is_misfit && misfit_ < 0) misfit_ = record.physical_offset;
    }
  }

  // A power cut may take a file and leave the one that was made after it.
  void begin_anew(ConsumeQueue& queue, const RecordView& record) {
    log::warn("consume queue {} {}: begins at {}, the log has its message {}: rebuilt from it",
              queue.topic(), queue.queue_id(), queue.first_offset(), record.queue_offset);
    distrust_queues_();
    taken_.remember_unit(queue, queue.next());
    queue.begin_anew();
  }

  // Whether another queue misses the offset: then it may be that queue's record, or the one that
  // has its offset may, and topic or queue id are damaged. Which of them nothing tells: both stay.
  bool may_be_due_elsewhere(const RecordView& record, const ConsumeQueue& queue) const {
    bool found = record.queue_offset == 0;  // of a queue of which nothing else tells
    queues_.for_each([&](ConsumeQueue& other) {
      const bool misses = other.next() == record.queue_offset || rebuild_from_.contains(&other);
      found = found || (&other != &queue && misses);
    });
    return found;
  }

  // Behind what is known to have been on disk a power cut may have mixed a record with one that had
  // been refused at its place: its queue offset is taken, and no other queue misses it. With
  // nothing behind it that fits, the log ends in front of it.
  void end_in_front_of_misfit() {
    if (misfit_ < 0) return;
    log::warn("commit log: cut at {}: the queue offset there is taken", misfit_);
    report_.end = misfit_;
    taken_.forget_strays_from(report_.end);
    report_.truncated += log_.cut(report_.end, torn_from_);
  }

  // A unit of the queue's file that the log disproves: a torn one may look as if its message had
  // expired. It gives way, with those behind it.
  bool replaced_unproven(const RecordView& record, ConsumeQueue& queue) {
    if (record.queue_offset < queue.first_offset() || record.queue_offset >= queue.next() ||
        is_proven(log_, queue, record.queue_offset) || lies_behind_next(log_, queue, record)) {
      return false;
    }
    distrust_queues_();
    queue.cut(record.queue_offset, true);
    add(record, queue);
    return true;
  }

  // Two records claim the last offset of the queue, and the units tell that the first of them is
  // another queue's.
  bool replaced_misnamed(const RecordView& record, ConsumeQueue& queue) {
    const std::int64_t last = queue.next() - 1;
    QueueUnit holder;
    if (!report_.unclean || record.queue_offset != last || !read_unit(queue, last, holder) ||
        holder.is_filler() || holder.physical_offset < report_.trusted_units ||
        !is_of_later(queues_, queue, last, holder, unit_of(record))) {
      return false;
    }
    distrust_queues_();
    found_.push_back(misnamed(last, holder));
    taken_.note_misnamed(last, holder);
    queue.cut(last, true);
    add(record, queue);
    return true;
  }

  void skip_found() {
    std::ranges::sort(found_, {}, &Damage::begin);
    note_damage(log_, std::exchange(found_, {}), report_);
  }

  void rebuild(bool all) {
    if (!all && rebuild_from_.empty()) return;
    distrust_queues_();
    std::int64_t from = all ? log_min_ : report_.end;
    for (const auto& [queue, begin] : rebuild_from_) from = std::min(from, begin);
    dispatch(from, [&](const RecordView& record, RecordState state, ConsumeQueue& queue) {
      if (!all && !rebuild_from_.contains(&queue)) return;
      if (record.physical_offset < queue.log_end()) return;
      RecordView agreed = record;
      if (!agree_with_files(agreed, state, queue)) return taken_.note_stray(record, &queue);
      add_in_order(agreed, state, queue);
    });
    for (const auto& [queue, start] : doubts_) {
      if (believe(start, *queue)) continue;
      // Its queue offset is damaged, and was given.
      if (report_.unclean) taken_.skip_to(*queue, queue->next() + 1, start.second.end());
    }
    doubts_.clear();
  }

  // A record that leaves a gap is believed when the next one of its queue comes behind it, or when
  // there is none: either the log has lost what was between, or its queue offset is damaged.
  void add_in_order(const RecordView& record, RecordState state, ConsumeQueue& queue) {
    const bool is_whole = state == RecordState::whole;
    // Far below, its queue offset is damaged: with it, all that really follows would be far ahead.
    if (is_whole && queue.log_end() < 0 && record.queue_offset < queue.first_offset() &&
        queue.first_offset() - record.queue_offset <= kMaxGap) {
      begin_anew(queue, record);
    }
    auto doubt = doubts_.find(&queue);
    if (doubt != doubts_.end()) {
      if (record.queue_offset < queue.next()) return;
      const Start start = doubt->second;
      // A damaged record says nothing against a whole one.
      if (!is_whole && record.queue_offset <= start.first) {
        return taken_.note_stray(record, &queue);
      }
      doubts_.erase(doubt);
      if (record.queue_offset > start.first) {
        (void)believe(start, queue);
      } else {
        report_far_ahead(start.second.physical_offset, start.first, queue);
      }
    }
    if (record.queue_offset == queue.next()) {
      add(record, queue);
    } else if (record.queue_offset > queue.next()) {
      doubts_[&queue] = Start(record.queue_offset, unit_of(record));
      if (!is_whole || begins_too_late(record, queue)) taken_.note_stray(record);
    } else if (!is_whole) {
      taken_.note_stray(record, &queue);
    } else if (!replaced_unproven(record, queue) && !replaced_misnamed(record, queue)) {
      report_reused_offset(record, queue);
      taken_.note_stray(record, &queue);
    }
  }

  using Start = std::pair<std::int64_t, QueueUnit>;  // the queue offset of the unit
  bool believe(const Start& start, ConsumeQueue& queue) {
    const auto& [queue_offset, unit] = start;
    if (queue.log_end() < 0) {
      queue.begin_anew();  // with a later message
    } else if (queue_offset - queue.next() > kMaxGap) {
      report_far_ahead(unit.physical_offset, queue_offset, queue);
      return false;
    } else {
      taken_.note_gap(queue, queue.next(), queue_offset);
    }
    queue.add(queue_offset, unit);
    ++units_;
    return true;
  }

  // Of a later message that would be its first: nothing is missing that could have been in front,
  // and no unit says that it is in its place.
  bool begins_too_late(const RecordView& record, const ConsumeQueue& queue) const {
    const bool may_be = queue.log_end() < 0 && log_min_ == 0 && log_.damage().empty() &&
                        !taken_.has_stray_in(queue);
    if (!may_be) return false;
    const std::optional<QueueUnit> unit = queue.unit_in_files(record.queue_offset);
    return !unit || unit->physical_offset != record.physical_offset;
  }

  // The messages in front of it lay in the log, too, unless somebody began that anew.
  static bool can_have_offset(const RecordView& record) noexcept {
    return record.queue_offset >= 0 &&
           record.queue_offset <= record.physical_offset / kRecordOverhead + kMaxAhead;
  }

  // The message of a unit at which a queue was cut has expired, and all before.
  void skip_expired() {
    for (const auto& [queue, end] : bad_ends_) {
      const bool gone = !report_.unclean && queue->next() == end && queue->log_end() >= 0 &&
                        queue->log_end() <= log_min_;
      if (gone) taken_.skip_to(*queue, end + 1, queue->log_end());
    }
  }

  void add(const RecordView& record, ConsumeQueue& queue) {
    if (log_.is_damaged(record.physical_offset)) taken_.note_placed(record.physical_offset);
    queue.add(record.queue_offset, unit_of(record));
    ++units_;
    if (queue.pending_size() >= kUnitsPiece) check(queue.write_pending(), queue);
  }

  QueueUnit unit_of(const RecordView& record) const {
    QueueUnit unit;
    unit.physical_offset = record.physical_offset;
    unit.size = record.total_size;
    unit.tags_code = tags_code_of(record, levels_).at(record.store_timestamp);
    return unit;
  }

  void report_far_ahead(std::int64_t physical_offset, std::int64_t queue_offset,
                        const ConsumeQueue& queue) {
    if (++complaints_ > kMaxComplaints) return;
    log::error("commit log: the record at {} says queue offset {} where {} is due: not indexed",
               physical_offset, queue_offset, queue.next());
  }

  void report_reused_offset(const RecordView& record, const ConsumeQueue& queue) {
    if (++complaints_ > kMaxComplaints) return;
    log::error("commit log: the record at {} says queue offset {} of {} {}, which is taken",
               record.physical_offset, record.queue_offset, queue.topic(), queue.queue_id());
  }

  // Visits the indexed records from `from` to the log's end.
  template <class Visit>
  void dispatch(std::int64_t from, const Visit& visit) {
    auto visitor = [&](const RecordView& record, RecordState state) {
      const bool names_queue = is_indexed(record.sys_flag) && record.queue_id >= 0 &&
                               is_safe_path_component(record.topic);
      if (!names_queue)
        return taken_.note_stray(record);  // those that are in no queue have offset 0
      if (removed_.contains(record.topic, record.queue_id, record.physical_offset)) return;
      ConsumeQueue& queue = queues_.find_or_create(record.topic, record.queue_id);
      if (!can_have_offset(record)) return taken_.note_stray(record, &queue);
      visit(record, state, queue);
    };
    WalkRules rules;
    rules.limit = rules.known_end = report_.end;
    rules.contradicts = [&](const RecordView& record) {
      return contradicts(log_, queues_, record);
    };
    LogWalk walk = walk_log(log_, from, rules, visitor);
    note_damage(log_, walk.damage, report_);
  }

  std::int64_t count_used() {
    std::int64_t count = 0;
    queues_.for_each([&](ConsumeQueue& queue) { count += queue.next() > 0 ? 1 : 0; });
    return count;
  }

  CommitLog& log_;
  QueueTable& queues_;
  const DelayLevels& levels_;
  const RemovedQueues& removed_;
  RecoveryReport& report_;
  std::int64_t torn_from_;
  const std::function<void()>& distrust_queues_;
  std::int64_t log_min_;
  std::int64_t units_ = 0;
  int complaints_ = 0;
  int looked_elsewhere_ = 0;
  std::unordered_map<const ConsumeQueue*, std::int64_t> rebuild_from_;  // log offsets
  std::map<ConsumeQueue*, Start, Order> doubts_;                        // records that leave a gap
  std::unordered_map<const ConsumeQueue*, std::int64_t> trusted_;       // ends, behind trim()
  std::vector<std::pair<ConsumeQueue*, std::int64_t>> bad_ends_;        // queue offsets
  TakenOffsets taken_;
  std::vector<Damage> found_;  // in this walk: whole records, of which units tell
  std::int64_t misfit_ = -1;   // the first taken queue offset behind the last record that fits
};

}  // namespace

std::int64_t recover_queues(CommitLog& log, QueueTable& queues, const DelayLevels& levels,
                            const RemovedQueues& removed, RecoveryReport& report,
                            std::int64_t torn_from, std::int64_t expected_queues,
                            const std::function<void()>& distrust_queues) {
  return QueueRecovery(log, queues, levels, removed, report, torn_from, distrust_queues)
      .run(expected_queues);
}

}  // namespace comet::inline v0_1::store
