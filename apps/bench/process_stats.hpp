#pragma once

#include <sys/types.h>

#include <optional>

namespace comet::inline v0_1::bench {

// User and system time of this process.
[[nodiscard]] double own_cpu_seconds();

// Of another process, as /proc has it; 10 ms are the resolution of its times. Nullopt: there is
// none.
class ProcessStats {
 public:
  double cpu_seconds = 0;
  double resident_mb = 0;  // 1,000,000 bytes
};
[[nodiscard]] std::optional<ProcessStats> read_process(pid_t pid);

}  // namespace comet::inline v0_1::bench
