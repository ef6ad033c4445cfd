#include "arrivals.hpp"

#include <algorithm>
#include <iterator>

namespace comet::inline v0_1::store {
namespace {

Arrival arrival_of(const VisibleUnit& unit) {
  Arrival arrival;
  arrival.topic = unit.queue->topic();
  arrival.queue_id = unit.queue->queue_id();
  arrival.queue_offset = unit.queue_offset;
  arrival.tags_code = unit.tags_code;
  arrival.store_timestamp = unit.store_timestamp;
  return arrival;
}

}  // namespace

void Arrivals::add(std::span<const VisibleUnit> units) {
  if (!observer_) return;
  const auto is_one_of_topics = [this](const VisibleUnit& unit) { return is_wanted(unit); };
  const bool all = !observer_->wants_all || observer_->wants_all();
  if (!all && std::ranges::none_of(units, is_one_of_topics)) return;
  const std::lock_guard lock(mutex_);
  std::ranges::copy_if(units, std::back_inserter(units_),
                       [&](const VisibleUnit& unit) { return all || is_wanted(unit); });
}

// Of those topics that are wanted in any case.
bool Arrivals::is_wanted(const VisibleUnit& unit) const noexcept {
  const std::string_view topic = unit.queue->topic();
  return std::ranges::find(observer_->topics, topic) != observer_->topics.end();
}

void Arrivals::deliver() {
  std::unique_lock lock(mutex_);
  if (delivering_) return;
  delivering_ = true;
  class EndOfDelivery {
   public:
    EndOfDelivery(Arrivals& arrivals, std::unique_lock<std::mutex>& held) noexcept
        : arrivals_(arrivals), held_(held) {}
    ~EndOfDelivery() {
      if (!held_.owns_lock()) held_.lock();  // an observer has thrown
      arrivals_.told_.clear();
      arrivals_.delivering_ = false;
      if (arrivals_.stopped_) arrivals_.delivered_.notify_all();
    }

   private:
    Arrivals& arrivals_;
    std::unique_lock<std::mutex>& held_;
  };
  const EndOfDelivery end(*this, lock);
  while (!units_.empty() && !stopped_) {
    told_.swap(units_);
    lock.unlock();
    for (const VisibleUnit& unit : told_) {
      observer_->on_arrival(arrival_of(unit));
    }
    lock.lock();
    told_.clear();
  }
}

void Arrivals::stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  delivered_.wait(lock, [this] { return !delivering_; });
}

}  // namespace comet::inline v0_1::store
