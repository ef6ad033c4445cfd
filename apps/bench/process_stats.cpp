#include "process_stats.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace comet::inline v0_1::bench {

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::optional<ProcessStats> read_process(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  // Behind the name, which may hold anything: state, 10 numbers, utime, stime, 8 numbers, pages.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  double pages = 0;
  fields >> user >> system;
  for (int i = 0; i < 8; ++i) fields >> skipped;
  fields >> pages;
  ProcessStats stats;
  stats.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  stats.resident_mb = pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
  return stats;
}

}  // namespace comet::inline v0_1::bench
