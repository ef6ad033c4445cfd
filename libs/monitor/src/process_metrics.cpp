#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "comet/monitor/metrics.hpp"

namespace comet::inline v0_1::monitor {
namespace {

// As Prometheus has it: seconds since 1970.
const double kProcessStart =
    std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_descriptors() {
  std::error_code problem;
  double count = -1;  // the listing itself has one open
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", problem);
       !problem && entry != std::filesystem::directory_iterator(); entry.increment(problem)) {
    ++count;
  }
  return count < 0 ? 0 : count;
}

}  // namespace

void report_process(Scrape& scrape) {
  scrape.gauge("process_resident_memory_bytes", "Resident memory", resident_bytes());
  scrape.counter("process_cpu_seconds_total", "User and system time", cpu_seconds());
  scrape.gauge("process_open_fds", "Open file descriptors", open_descriptors());
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    scrape.gauge("process_max_fds", "Most file descriptors that may be open",
                 static_cast<double>(limit.rlim_cur));
  }
  scrape.gauge("process_start_time_seconds", "Start, seconds since 1970", kProcessStart);
}

}  // namespace comet::inline v0_1::monitor
