#pragma once
// Tells observers of new messages, in the order of the log, on one executor.

#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "append.hpp"

#include "comet/base/awaitable.hpp"

namespace comet::inline v0_1::store {

// push() is thread-safe. Units point into the store: `owner` of push() says whether it still lives.
class Arrivals {
 public:
  explicit Arrivals(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  void observe(ArrivalObserver observer) { observers_.push_back(std::move(observer)); }
  // Runs `deliver` on the executor soon, unless that is already under way.
  template <class Deliver>
  void push(std::span<const VisibleUnit> units, Deliver deliver) {
    if (observers_.empty()) return;
    {
      std::lock_guard lock(mutex_);
      units_.insert(units_.end(), units.begin(), units.end());
      if (scheduled_) return;
      scheduled_ = true;
    }
    asio::post(executor_, std::move(deliver));
  }
  // On the executor.
  void deliver();
  // Nothing is delivered from now on.
  void stop();

 private:
  asio::any_io_executor executor_;
  std::vector<ArrivalObserver> observers_;
  std::mutex mutex_;
  std::vector<VisibleUnit> units_;
  bool scheduled_ = false;
  bool stopped_ = false;
};

}  // namespace comet::inline v0_1::store
