#pragma once
// Brings a store directory into order before it is used: finds the log's end, and makes the consume
// queues say what the log says.

#include <cstdint>
#include <functional>
#include <vector>

#include "checkpoint.hpp"
#include "commit_log.hpp"
#include "dispatch.hpp"
#include "queue_table.hpp"
#include "recovery_report.hpp"
#include "removed_queues.hpp"

namespace comet::inline v0_1::store {

// What is known of how the last life ended.
class LastLife {
 public:
  bool unclean = false;
  bool failed_sync = false;          // what can be read may not be on the disk
  bool is_replicated = false;        // StoreConfig::replicated
  bool ours = false;                 // none of it was Apache's, behind the checkpoint
  std::vector<Damage> known_damage;  // of the log, by place
  std::int64_t synced_end = -1;      // the log was on disk up to here; -1: nobody knows
  std::int64_t cut_at = -1;          // a cut was begun: the log ends here; -1: none was
};

// What does not fit is repaired and logged, one line each. StoreErrc::too_much_lost, before
// anything is changed in the log: more than `most_lost` records would be lost by damage (-1: any
// number), or a whole file. `distrust_queues` is called before queues that the checkpoint vouches
// for are changed: from then on, and until the next checkpoint, a crash may leave them in any
// state. Throws Error when files cannot be read or written, or have another size than configured.
[[nodiscard]] RecoveryReport recover(CommitLog& log, QueueTable& queues, const DelayLevels& levels,
                                     const RemovedQueues& removed, const Checkpoint& checkpoint,
                                     const LastLife& last_life, std::int64_t most_lost,
                                     const std::function<void()>& distrust_queues);

}  // namespace comet::inline v0_1::store
