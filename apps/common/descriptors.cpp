#include "descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::daemon {

std::size_t connections_that_fit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  if (limit.rlim_cur == RLIM_INFINITY) return wanted;
  const auto most = static_cast<std::size_t>(limit.rlim_cur);
  const std::size_t reserved = reserved_descriptors(most);
  const std::size_t fitting = most > reserved ? most - reserved : 1;
  if (fitting >= wanted) return wanted;
  log::warn(
      "maxConnections is {}, but the process may have {} files open (RLIMIT_NOFILE) and keeps {} "
      "of "
      "them for its own: {} connections are served at most; raise the limit (LimitNOFILE in "
      "systemd, ulimit -n) or lower maxConnections",
      wanted, most, reserved, fitting);
  return fitting;
}

}  // namespace comet::inline v0_1::daemon
