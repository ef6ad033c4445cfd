#include "recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "comet/base/bytes.hpp"
#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "comet/store/message_store.hpp"
#include "queue_recovery.hpp"
#include "unit_proofs.hpp"

namespace comet::inline v0_1::store {

namespace {

// As far as the log was on disk for certain; -1: nobody knows.
std::int64_t known_end_of(const CommitLog& log, const Checkpoint& checkpoint,
                          const LastLife& last_life) {
  std::int64_t end = -1;
  for (std::int64_t one : {checkpoint.log_end, last_life.synced_end}) {
    if (log.reaches(log.min_offset(), one)) end = std::max(end, one);
  }
  return end;
}

// What lies where a header has it; -1: nothing can be read there.
std::int64_t queue_offset_at(const CommitLog& log, std::int64_t record) {
  constexpr std::int64_t kOffsetInHeader = 20;
  std::array<char, 8> bytes{};
  return log.read_into(record + kOffsetInHeader, bytes) ? -1 : load_be<std::int64_t>(bytes.data());
}

// Somebody may have brought the log back.
std::vector<Damage> still_damaged(const CommitLog& log, std::vector<Damage> known) {
  std::erase_if(known, [&](const Damage& one) {
    const bool is_gone = one.end <= log.min_offset() || !log.holds(one.begin);
    if (one.kind == DamageKind::misnamed) return is_gone;
    if (one.kind == DamageKind::misplaced) {
      return is_gone || queue_offset_at(log, one.begin) == one.queue_offset;
    }
    Result<SharedBytes> bytes = log.read_record(one.begin, WalkRules::kNoLimit);
    if (!bytes) return is_gone;
    Result<RecordView> record = parse_record(bytes->view(), CheckCrc::yes);
    return record && record->physical_offset == one.begin && is_safe_path_component(record->topic);
  });
  for (Damage& one : known) {
    if (one.kind == DamageKind::misplaced) continue;
    one.queue_offset = queue_offset_at(log, one.begin);
  }
  return known;
}

std::string way_on() {
  return "\"comet-store-inspect repair\" tells what would be lost; to start without it, set "
         "maxRecordsLostAtStart";
}

// What a power cut can explain does not count: it lies behind what is known to have been on disk.
void refuse_great_loss(const LogWalk& walk, std::int64_t known_end, bool unclean,
                       std::int64_t most_lost) {
  if (most_lost < 0) return;
  std::int64_t lost = 0;
  for (const Damage& one : walk.damage) {
    const bool may_be_torn = known_end >= 0 ? one.begin >= known_end : unclean;
    if (may_be_torn) continue;
    lost += one.records;
    if (lost <= most_lost && !one.is_whole_file) continue;
    throw Error(
        make_error_code(StoreErrc::too_much_lost),
        fmt::format("{} at {} to {} of the commit log ({}), maxRecordsLostAtStart is {}; {}",
                    one.is_whole_file ? std::string("a whole file is damaged")
                                      : fmt::format("about {} records are damaged", lost),
                    one.begin, one.end, one.reason, most_lost, way_on()));
  }
}

}  // namespace

RecoveryReport recover(CommitLog& log, QueueTable& queues, const DelayLevels& levels,
                       const RemovedQueues& removed, const Checkpoint& checkpoint,
                       const LastLife& last_life, std::int64_t most_lost,
                       const std::function<void()>& distrust_queues) {
  log.open(most_lost < 0);
  RecoveryReport report;
  const bool unclean = last_life.unclean;
  report.unclean = unclean;
  report.is_replicated = last_life.is_replicated;
  report.queues_from =
      unclean ? log.unclean_start(checkpoint.vouched_timestamp()) : log.clean_start();
  // A time in the log may be damaged: nothing behind what the checkpoint names is taken for
  // vouched.
  if (unclean && log.reaches(log.min_offset(), checkpoint.log_end)) {
    report.queues_from =
        std::min(report.queues_from, checkpoint.log_end - checkpoint.log_end % log.segment_size());
  }
  // A cut finds all before it on disk, and leaves it alone.
  if (last_life.cut_at >= 0) {
    const std::int64_t before = std::max(last_life.cut_at - 1, log.min_offset());
    report.queues_from = std::min(report.queues_from, before - before % log.segment_size());
  }
  // What was on disk when the checkpoint was written needs no second look at every byte.
  bool vouched = unclean && log.reaches(report.queues_from, checkpoint.log_end);
  report.checked_from = vouched ? checkpoint.log_end : report.queues_from;
  report.trusted_units =
      vouched && checkpoint.queues_timestamp > 0 ? checkpoint.log_end : report.queues_from;
  // Our records behind the checkpoint fit together, unless a power cut has mixed one with the
  // remains of another that had been refused at its place.
  const bool ours = vouched || last_life.ours;
  const std::int64_t known_end = known_end_of(log, checkpoint, last_life);
  log.note_damage(still_damaged(log, last_life.known_damage));
  queues.load(log.min_offset(), distrust_queues);
  WalkRules rules;
  rules.crc = CheckCrc::yes;
  rules.known_end = known_end;
  rules.ends_at_damage = last_life.is_replicated;
  if (last_life.cut_at >= 0) rules.limit = std::max(last_life.cut_at, report.checked_from);
  if (ours) rules.zeros_from = std::max(known_end, report.checked_from);
  if (vouched) rules.last_timestamp = checkpoint.log_timestamp;
  rules.contradicts = [&](const RecordView& record) { return contradicts(log, queues, record); };
  LogWalk walk = walk_log(log, report.checked_from, rules, {});
  refuse_great_loss(walk, known_end, unclean, most_lost);
  report.end = walk.end;
  report.records = walk.records;
  report.last_timestamp = walk.last_timestamp;
  report.newest_timestamp = walk.newest_timestamp;
  if (vouched && walk.records == 0) {
    report.last_timestamp = report.newest_timestamp = checkpoint.log_timestamp;
  }
  report.truncated = log.cut(walk.end, report.checked_from);
  if (last_life.failed_sync) log.rewrite(report.checked_from);
  note_damage(log, walk.damage, report);
  if (report.truncated > 0) {
    log::warn("commit log: cut at {} ({}), {} bytes given up", walk.end,
              walk.reason.empty() ? "zeros" : walk.reason, report.truncated);
  }
  // Without the list of removed queues an offset that is used again may be in order.
  const std::int64_t torn_from = ours && removed.is_complete()
                                     ? std::max(known_end, report.checked_from)
                                     : WalkRules::kNoLimit;
  report.rebuilt_units = recover_queues(log, queues, levels, removed, report, torn_from,
                                        checkpoint.queue_count, distrust_queues);
  queues.for_each([&](ConsumeQueue&) { ++report.queues; });
  return report;
}

}  // namespace comet::inline v0_1::store
