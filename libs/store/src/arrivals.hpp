#pragma once
// Tells an observer of new messages, in the order of the log.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "append.hpp"

namespace comet::inline v0_1::store {

// Thread-safe.
class Arrivals {
 public:
  void observe(ArrivalObserver observer) { observer_.emplace(std::move(observer)); }
  // They became readable. Called in the order of the log; keeps those that are wanted for
  // deliver().
  void add(std::span<const VisibleUnit> units);
  // Tells the observer of what has been added: one thread at a time, which goes on with what the
  // others add. Not called with a lock of the store.
  void deliver();
  // When it returns the observer is called no more.
  void stop();

 private:
  [[nodiscard]] bool is_wanted(const VisibleUnit& unit) const noexcept;

  std::optional<ArrivalObserver> observer_;
  std::mutex mutex_;
  std::condition_variable delivered_;
  std::vector<VisibleUnit> units_;
  std::vector<VisibleUnit> told_;  // of who delivers
  bool delivering_ = false;
  bool stopped_ = false;
};

}  // namespace comet::inline v0_1::store
