#pragma once

#include <cstddef>

namespace comet::inline v0_1::daemon {

// Raises the limit of open files (RLIMIT_NOFILE) to what the process may have, and returns how many
// connections fit into it beside the files that a daemon needs to go on: at most `wanted`
// (maxConnections). Says so on the log when that is fewer.
[[nodiscard]] std::size_t connections_that_fit(std::size_t wanted);

// Of `limit` descriptors: kept for log, queues, state files, the monitor and what else is opened.
[[nodiscard]] constexpr std::size_t reserved_descriptors(std::size_t limit) noexcept {
  constexpr std::size_t kFewest = 64;
  constexpr std::size_t kMost = 16'384;
  const std::size_t quarter = limit / 4;
  return quarter < kFewest ? kFewest : quarter < kMost ? quarter : kMost;
}

}  // namespace comet::inline v0_1::daemon
