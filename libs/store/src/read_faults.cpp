#include "read_faults.hpp"

#include "comet/base/log.hpp"

namespace comet::inline v0_1::store {

namespace {

// Beyond that many different ones they are only counted.
constexpr std::size_t kMostSaid = 1000;

}  // namespace

void ReadFaults::note(const std::string& what) {
  ++count_;
  std::lock_guard lock(mutex_);
  if (said_.size() >= kMostSaid || !said_.insert(what).second) return;
  log::error("store: {}", what);
}

}  // namespace comet::inline v0_1::store
