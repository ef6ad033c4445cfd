#pragma once
// Makes the consume queues say what the log says, once that has its end.

#include <cstdint>
#include <functional>

#include "commit_log.hpp"
#include "dispatch.hpp"
#include "queue_table.hpp"
#include "recovery_report.hpp"
#include "removed_queues.hpp"

namespace comet::inline v0_1::store {

// Returns the number of units written. `torn_from`: the report's end, and the log's, are moved to
// the first record behind it that cannot be where it is. `expected_queues`: with fewer, all are
// written anew. Throws Error.
[[nodiscard]] std::int64_t recover_queues(CommitLog& log, QueueTable& queues,
                                          const DelayLevels& levels, const RemovedQueues& removed,
                                          RecoveryReport& report, std::int64_t torn_from,
                                          std::int64_t expected_queues,
                                          const std::function<void()>& distrust_queues);

}  // namespace comet::inline v0_1::store
