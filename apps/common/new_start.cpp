#include "new_start.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "comet/base/log.hpp"
#include "command_line.hpp"

namespace comet::inline v0_1::daemon {
namespace {

std::atomic<bool> is_due{false};

}  // namespace

void stop_and_start_anew() {
  is_due = true;
  ::kill(::getpid(), SIGTERM);
}

int start_anew_if_due(char** argv) {
  if (!is_due) return program::kOk;
  log::info("{} starts anew", argv[0]);
  ::close_range(3, ~0U, 0);
  std::signal(SIGTERM, SIG_DFL);
  ::execv("/proc/self/exe", argv);
  log::error("{} cannot start anew: {}", argv[0], std::strerror(errno));
  return program::kFailed;
}

}  // namespace comet::inline v0_1::daemon
