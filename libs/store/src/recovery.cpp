#include "recovery.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"

namespace comet::store {

namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
// Units are written in pieces of this size while queues are rebuilt.
constexpr std::size_t kWriteAt = 64 * 1024;
// A queue with more bad units than this at its end is rebuilt from the log's beginning.
constexpr int kMaxBadUnits = 1000;
// Units of expired messages at a queue's end whose order is checked.
constexpr int kMaxLookedBackAt = 64;
// More missing messages in a row than this are a damaged queue offset, not a gap.
constexpr std::int64_t kMaxGap = 1'000'000;
// Beyond any queue; keeps file positions from overflowing.
constexpr std::int64_t kMaxQueueOffset = std::int64_t{1} << 56;
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
        log_min_(log.min_offset()) {}

  // Returns the number of units written.
  std::int64_t run(std::int64_t expected_queues) {
    queues_.load(log_min_, distrust_queues_);
    if (report_.unclean) mark_directories_dirty();
    queues_.for_each([&](ConsumeQueue& queue) { trim(queue); });
    dispatch(report_.queues_from, [&](const RecordView& record, ConsumeQueue& queue) {
      if (!rebuild_from_.contains(&queue)) add_or_suspect(record, queue);
    });
    if (report_.end < log_.position()) report_.truncated += log_.cut(report_.end, torn_from_);
    suspect_bad_ends();
    bool some_lost = count_used() < expected_queues;
    if (some_lost) log::warn("consume queues are missing: rebuilt from the log");
    rebuild(some_lost);
    queues_.for_each([&](ConsumeQueue& queue) {
      check(queue.write_pending(), queue);
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
    std::int64_t limit = report_.unclean ? report_.queues_from : report_.end;
    std::int64_t end = queue.find_end(limit);
    if (queue.has_unit(end)) bad_ends_.emplace_back(&queue, end);
    queue.cut(end, report_.unclean);
    int bad = 0;
    while (queue.log_end() >= 0) {
      const std::int64_t trusted = trusted_end(queue, limit);
      if (trusted == queue.next()) break;
      distrust_queues_();
      queue.cut(++bad < kMaxBadUnits ? trusted : queue.first_offset(), true);
    }
    if (bad == 0) return;
    log::warn("consume queue {} {}: {} bad units at its end: rebuilt from the log", queue.topic(),
              queue.queue_id(), bad);
    suspect(queue);
  }

  // Where the last units that are wrong begin, as far as it is seen; the queue's end if none is.
  // A torn unit may look like one whose message has expired, but not behind later messages' units.
  std::int64_t trusted_end(const ConsumeQueue& queue, std::int64_t limit) const {
    std::int64_t at = queue.next() - 1;
    if (queue.log_end() > limit || !is_good(queue, at)) return at;
    QueueUnit unit;
    if (!read_unit(queue, at, unit)) return at;
    for (int i = 0; i < kMaxLookedBackAt && at > queue.first_offset(); ++i, --at) {
      QueueUnit before;
      if (!read_unit(queue, at - 1, before)) return at;
      const std::int64_t end = before.is_filler() ? before.physical_offset : before.end();
      if (end > unit.physical_offset) return at;
      if (before.physical_offset >= log_min_) break;
      unit = before;
    }
    return queue.next();
  }

  static bool read_unit(const ConsumeQueue& queue, std::int64_t queue_offset, QueueUnit& unit) {
    Result<std::size_t> n = queue.read_units(queue_offset, queue_offset + 1, std::span(&unit, 1));
    return n && *n == 1;
  }

  bool is_good(const ConsumeQueue& queue, std::int64_t queue_offset) const {
    QueueUnit unit;
    if (!read_unit(queue, queue_offset, unit) || unit.size <= 0) return false;
    if (unit.is_filler() || unit.physical_offset < log_min_) return true;
    return is_proven(queue, queue_offset);
  }

  // The log has the message that the unit points at.
  bool is_proven(const ConsumeQueue& queue, std::int64_t queue_offset) const {
    QueueUnit unit;
    if (!read_unit(queue, queue_offset, unit)) return false;
    SegmentPtr segment = log_.segment_at(unit.physical_offset);
    if (!segment) return false;
    std::string_view bytes = segment->bytes_from(unit.physical_offset);
    Result<RecordView> record = parse_record(bytes, CheckCrc::no);
    return record && record->total_size == unit.size &&
           record->physical_offset == unit.physical_offset &&
           record->queue_offset == queue_offset && record->queue_id == queue.queue_id() &&
           record->topic == queue.topic();
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

  // Everything of the queue that the log has behind the queue's last unit is to be looked for.
  void suspect(const ConsumeQueue& queue) {
    distrust_queues_();
    rebuild_from_[&queue] = std::max(queue.log_end(), log_min_);
  }

  void add_or_suspect(const RecordView& record, ConsumeQueue& queue) {
    if (record.physical_offset < queue.log_end()) return;
    if (record.queue_offset == queue.next()) {
      add(record, queue);
    } else if (record.queue_offset > queue.next()) {
      log::warn("consume queue {} {}: units {} to {} are missing: rebuilt from the log",
                queue.topic(), queue.queue_id(), queue.next(), record.queue_offset - 1);
      suspect(queue);
    } else if (record.queue_offset < queue.first_offset()) {
      // A power cut may take a file and leave the one that was made after it.
      log::warn("consume queue {} {}: begins at {}, the log has its message {}: rebuilt from it",
                queue.topic(), queue.queue_id(), queue.first_offset(), record.queue_offset);
      distrust_queues_();
      queue.remove_all();
      suspect(queue);
    } else if (replaced_unproven(record, queue)) {
      return;
    } else if (record.physical_offset >= torn_from_) {
      log::warn("commit log: cut at {}: the record says queue offset {} of {} {}, which is taken",
                record.physical_offset, record.queue_offset, queue.topic(), queue.queue_id());
      report_.end = record.physical_offset;
    } else {
      report_reused_offset(record, queue);
    }
  }

  // A unit of the queue's file that the log disproves: a torn one may look as if its message had
  // expired. It gives way, with those behind it.
  bool replaced_unproven(const RecordView& record, ConsumeQueue& queue) {
    if (record.queue_offset < queue.first_offset() || record.queue_offset >= queue.max_offset() ||
        is_proven(queue, record.queue_offset)) {
      return false;
    }
    distrust_queues_();
    queue.cut(record.queue_offset, true);
    add(record, queue);
    return true;
  }

  void rebuild(bool all) {
    if (!all && rebuild_from_.empty()) return;
    distrust_queues_();
    std::int64_t from = all ? log_min_ : report_.end;
    for (const auto& [queue, begin] : rebuild_from_) from = std::min(from, begin);
    dispatch(from, [&](const RecordView& record, ConsumeQueue& queue) {
      if (!all && !rebuild_from_.contains(&queue)) return;
      if (record.physical_offset < queue.log_end()) return;
      if (record.queue_offset < queue.next()) {
        if (!replaced_unproven(record, queue)) report_reused_offset(record, queue);
      } else if (record.queue_offset - queue.next() <= kMaxGap) {
        add(record, queue);  // gaps that the log cannot fill are padded
      } else if (queue.log_end() < 0) {
        begin_far_ahead(record, queue);
      } else {
        report_far_ahead(record.physical_offset, record.queue_offset, queue);
      }
    });
    for (const auto& [queue, start] : far_starts_) {
      if (queue->log_end() < 0) {
        begin_at(start, *queue);
      } else {
        report_far_ahead(start.second.physical_offset, start.first, *queue);
      }
    }
  }

  // An empty queue whose first message in the log has a high offset: its other messages have
  // expired, or the offset is damaged. It is believed when the queue's next message agrees, or when
  // there is none.
  void begin_far_ahead(const RecordView& record, ConsumeQueue& queue) {
    const auto [known, is_new] =
        far_starts_.try_emplace(&queue, record.queue_offset, unit_of(record));
    if (is_new) return;
    auto& [queue_offset, unit] = known->second;
    if (record.queue_offset == queue_offset + 1) {
      begin_at(known->second, queue);
      add(record, queue);
    } else {
      report_far_ahead(unit.physical_offset, queue_offset, queue);
      known->second = {record.queue_offset, unit_of(record)};
    }
  }

  using Start = std::pair<std::int64_t, QueueUnit>;  // the queue offset of the unit
  void begin_at(const Start& start, ConsumeQueue& queue) {
    queue.remove_all();
    queue.add(start.first, start.second);
    ++units_;
  }

  void add(const RecordView& record, ConsumeQueue& queue) {
    queue.add(record.queue_offset, unit_of(record));
    ++units_;
    if (queue.pending_size() >= kWriteAt) check(queue.write_pending(), queue);
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

  // Visits the indexed records from `from` to the log's end. Below the checked part damage is
  // possible; what cannot be read there is skipped up to the next segment.
  template <class Visit>
  void dispatch(std::int64_t from, const Visit& visit) {
    auto visitor = [&](const RecordView& record) {
      if (record.physical_offset >= report_.end) return;
      if (!is_indexed(record.sys_flag) || record.queue_id < 0) return;
      if (record.queue_offset < 0 || record.queue_offset > kMaxQueueOffset) return;
      if (!is_safe_path_component(record.topic)) return;
      if (removed_.contains(record.topic, record.queue_id, record.physical_offset)) return;
      visit(record, queues_.find_or_create(record.topic, record.queue_id));
    };
    while (from < report_.end) {
      LogScan scan = log_.scan(from, report_.end, CheckCrc::no, visitor);
      if (scan.end >= report_.end) break;
      log::error("commit log: cannot read the record at {} ({}): the rest of its file is skipped",
                 scan.end, scan.reason.empty() ? "zeros" : scan.reason);
      from = scan.end - scan.end % log_.segment_size() + log_.segment_size();
    }
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
  std::unordered_map<const ConsumeQueue*, std::int64_t> rebuild_from_;  // log offsets
  std::unordered_map<ConsumeQueue*, Start> far_starts_;
  std::vector<std::pair<const ConsumeQueue*, std::int64_t>> bad_ends_;  // queue offsets
};

}  // namespace

RecoveryReport recover(CommitLog& log, QueueTable& queues, const DelayLevels& levels,
                       const RemovedQueues& removed, const Checkpoint& checkpoint,
                       const LastLife& last_life, const std::function<void()>& distrust_queues) {
  log.open();
  RecoveryReport report;
  const bool unclean = last_life.unclean;
  report.unclean = unclean;
  report.queues_from =
      unclean ? log.unclean_start(checkpoint.vouched_timestamp()) : log.clean_start();
  // What was on disk when the checkpoint was written needs no second look at every byte.
  bool vouched = unclean && log.reaches(report.queues_from, checkpoint.log_end);
  report.checked_from = vouched ? checkpoint.log_end : report.queues_from;
  // Our records behind the checkpoint fit together, unless a power cut has mixed one with the
  // remains of another that had been refused at its place.
  const bool ours = vouched || last_life.ours;
  CommitLog::Visitor nothing;
  LogScan scan = log.scan(report.checked_from, kNoLimit, CheckCrc::yes, nothing,
                          ours ? ZeroBytes::torn_properties : ZeroBytes::allowed);
  report.end = scan.end;
  report.records = scan.records;
  report.last_timestamp = scan.last_timestamp;
  if (vouched && scan.records == 0) report.last_timestamp = checkpoint.log_timestamp;
  report.truncated = log.cut(scan.end, report.checked_from);
  if (last_life.failed_sync) log.rewrite(report.checked_from);
  if (report.truncated > 0) {
    log::warn("commit log: cut at {} ({}), {} bytes given up", scan.end,
              scan.reason.empty() ? "zeros" : scan.reason, report.truncated);
  }
  // Without the list of removed queues an offset that is used again may be in order.
  QueueRecovery queue_recovery(log, queues, levels, removed, report,
                               ours && removed.is_complete() ? report.checked_from : kNoLimit,
                               distrust_queues);
  report.rebuilt_units = queue_recovery.run(checkpoint.queue_count);
  queues.for_each([&](ConsumeQueue&) { ++report.queues; });
  return report;
}

}  // namespace comet::store
