#include "recovery_report.hpp"

#include <fmt/format.h>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::store {

void note_damage(CommitLog& log, const std::vector<Damage>& damage, RecoveryReport& report) {
  for (const Damage& one : damage) {
    log::error("commit log: {} to {} is damaged ({}) and skipped: {} lost", one.begin, one.end,
               one.reason, one.records == 1 ? "1 record" : fmt::format("{} records", one.records));
    report.damage.push_back(one);
    report.lost_records += one.records;
    report.whole_file_lost = report.whole_file_lost || one.is_whole_file;
  }
  log.note_damage(damage);
}

}  // namespace comet::inline v0_1::store
