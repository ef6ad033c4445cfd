#pragma once
// What the units of the queues and the records of the log say of each other. No checksum covers a
// record's topic, queue id and queue offset; the units do not change with them.

#include <cstdint>
#include <vector>

#include "comet/message/record.hpp"
#include "commit_log.hpp"
#include "consume_queue.hpp"
#include "log_walk.hpp"
#include "queue_table.hpp"

namespace comet::inline v0_1::store {

// Beyond any queue; keeps file positions from overflowing.
inline constexpr std::int64_t kMaxQueueOffset = std::int64_t{1} << 56;
// Units at a queue's end that are looked back at.
inline constexpr int kMaxLookedBackAt = 64;

// Whether the log has, where the unit points, the record that a queue's unit of that offset stands
// for.
[[nodiscard]] bool is_proven(const CommitLog& log, const ConsumeQueue& queue,
                             std::int64_t queue_offset, const QueueUnit& unit);
// The same of the queue's unit of that offset, in memory or in its files.
[[nodiscard]] bool is_proven(const CommitLog& log, const ConsumeQueue& queue,
                             std::int64_t queue_offset);
// The same of what the queue's files say.
[[nodiscard]] bool is_proven_in_files(const CommitLog& log, const ConsumeQueue& queue,
                                      std::int64_t queue_offset);
// False: the queue has none there, or it cannot be read.
[[nodiscard]] bool read_unit(const ConsumeQueue& queue, std::int64_t queue_offset, QueueUnit& unit);
// Where the last units that are wrong begin, as far as it is seen; the queue's end if none is.
// `limit`: of the log, behind which no unit is trusted.
[[nodiscard]] std::int64_t trusted_end(const CommitLog& log, const ConsumeQueue& queue,
                                       std::int64_t limit);
// Whether a message with a later queue offset lies in front of the record: then its queue offset is
// damaged, not the unit.
[[nodiscard]] bool lies_behind_next(const CommitLog& log, const ConsumeQueue& queue,
                                    const RecordView& record);
// Whether the log has another record, as the queue's files tell, that is what this one claims to
// be.
[[nodiscard]] bool contradicts(const CommitLog& log, const QueueTable& queues,
                               const RecordView& record);

// Whether the files of another queue have, at the record's queue offset, a unit that points at it.
[[nodiscard]] bool is_of_another(const QueueTable& queues, const ConsumeQueue& queue,
                                 const RecordView& record);

// Two records of the log claim the same offset of a queue: the topic or the queue id of one of them
// is damaged. Whether the files of the queues tell that it is the later one's: the unit of that
// queue points at it, or another queue's unit of that offset points at the earlier one. One unit
// alone may be what a power cut has brought back; beside a second claim it counts.
[[nodiscard]] bool is_of_later(const QueueTable& queues, const ConsumeQueue& queue,
                               std::int64_t queue_offset, const QueueUnit& earlier,
                               const QueueUnit& later);
// What is skipped of a record that is another queue's than it says now.
[[nodiscard]] Damage misnamed(std::int64_t queue_offset, const QueueUnit& unit);

// Records, by place, that a unit of one queue points at, and that say now that they are another
// queue's: they must not take the place of that queue's own messages. Looked for among the last
// units of each queue that point behind `from`, in front of `vouched_end`: behind that a power cut
// may bring back units of what was lost at the same place. Before any queue is cut.
[[nodiscard]] std::vector<Damage> find_misnamed(const CommitLog& log, const QueueTable& queues,
                                                std::int64_t from, std::int64_t vouched_end,
                                                std::int64_t log_end);

}  // namespace comet::inline v0_1::store
