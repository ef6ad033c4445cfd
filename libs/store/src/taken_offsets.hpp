#pragma once
// Queue offsets that were given to messages which are lost. None is given again, as far as anything
// tells that it was: a unit of the queue, or the damaged record's own header.

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "comet/message/record.hpp"
#include "commit_log.hpp"
#include "consume_queue.hpp"
#include "queue_table.hpp"
#include "recovery_report.hpp"
#include "removed_queues.hpp"

namespace comet::inline v0_1::store {

// Units are written in pieces of this size while queues are built.
inline constexpr std::size_t kUnitsPiece = 64 * 1024;

class TakenOffsets {
 public:
  TakenOffsets(const CommitLog& log, QueueTable& queues, const RemovedQueues& removed,
               RecoveryReport& report)
      : log_(log), queues_(queues), removed_(removed), report_(report) {}

  // What a queue knew before it is written anew from the log: it may have the offsets of records
  // that are damaged. The last unit of its files, if there is one behind `from`.
  void remember_last_unit(ConsumeQueue& queue, std::int64_t from);
  // The one in front of `end`.
  void remember_unit(ConsumeQueue& queue, std::int64_t end);
  // Of files behind a gap, unless they are remains of a queue that was removed.
  void remember_unit_aside(ConsumeQueue& queue);

  // A record that does not fit into the queue that it names, or names none: that or its queue
  // offset is damaged. `queue`: has its offset already.
  void note_stray(const RecordView& record, ConsumeQueue* queue = nullptr);
  // The unit's record is another queue's than it says.
  void note_misnamed(std::int64_t queue_offset, const QueueUnit& unit);
  [[nodiscard]] bool has_stray_in(const ConsumeQueue& queue) const;
  void forget_strays_from(std::int64_t log_end);
  // A damaged record is in its queue.
  void note_placed(std::int64_t physical_offset) { placed_.insert(physical_offset); }
  // Queue offsets of lost messages, between others, are padded.
  void note_gap(const ConsumeQueue& queue, std::int64_t begin, std::int64_t end) {
    gaps_.push_back({&queue, begin, end});
  }

  // `log_end`: behind what it was given to.
  void skip_to(ConsumeQueue& queue, std::int64_t queue_offset, std::int64_t log_end);
  void skip_remembered();
  // Those that a queue is due to give although its files have their units: a power cut may take
  // units in front of them, so that no search finds them.
  void skip_where_units_are();
  // Those of damaged records and strays.
  void skip_damaged();

 private:
  // Where a queue offset was given.
  class Known {
   public:
    ConsumeQueue* queue = nullptr;
    std::int64_t end = 0;  // behind the offset
    std::int64_t log_end = 0;
  };
  class Gap {
   public:
    const ConsumeQueue* queue = nullptr;
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  class Stray {
   public:
    ConsumeQueue* queue = nullptr;
    std::int64_t queue_offset = 0;
    std::int64_t begin = 0;  // in the log
    std::int64_t end = 0;
  };

  // Of a replicated log, which has no hole that a power cut has left, a unit says something only
  // where a record is damaged: else it is torn, or of a message that was lost.
  [[nodiscard]] bool says_nothing(const QueueUnit& unit) const {
    return report_.is_replicated && !log_.is_damaged(unit.physical_offset);
  }
  void skip_where_due(std::int64_t lost, std::int64_t log_end);

  const CommitLog& log_;
  QueueTable& queues_;
  const RemovedQueues& removed_;
  RecoveryReport& report_;
  std::vector<Known> last_units_;  // as the files had them
  std::vector<Stray> strays_;
  std::vector<Gap> gaps_;
  std::set<std::int64_t> placed_;
};

}  // namespace comet::inline v0_1::store
