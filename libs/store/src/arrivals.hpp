#pragma once
// Tells an observer of new messages, in the order of the log, on one executor.

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "append.hpp"

#include "comet/base/awaitable.hpp"

namespace comet::inline v0_1::store {

// push() is thread-safe. Units point into the store: `owner` of push() says whether it still lives.
class Arrivals {
 public:
  explicit Arrivals(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  void observe(ArrivalObserver observer) { observer_.emplace(std::move(observer)); }
  // Runs `deliver` on the executor soon if any of them is wanted, unless that is already under way.
  template <class Deliver>
  void push(std::span<const VisibleUnit> units, Deliver deliver) {
    if (!observer_) return;
    const auto is_one_of_topics = [this](const VisibleUnit& unit) { return is_wanted(unit); };
    const bool all = !observer_->wants_all || observer_->wants_all();
    if (!all && std::ranges::none_of(units, is_one_of_topics)) return;
    {
      std::lock_guard lock(mutex_);
      std::ranges::copy_if(units, std::back_inserter(units_),
                           [&](const VisibleUnit& unit) { return all || is_wanted(unit); });
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
  [[nodiscard]] bool is_wanted(const VisibleUnit& unit) const noexcept;

  asio::any_io_executor executor_;
  std::optional<ArrivalObserver> observer_;
  std::mutex mutex_;
  std::vector<VisibleUnit> units_;
  bool scheduled_ = false;
  bool stopped_ = false;
};

}  // namespace comet::inline v0_1::store
