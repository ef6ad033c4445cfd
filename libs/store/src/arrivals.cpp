#include "arrivals.hpp"

namespace comet::inline v0_1::store {

// Of those topics that are wanted in any case.
bool Arrivals::is_wanted(const VisibleUnit& unit) const noexcept {
  const std::string_view topic = unit.queue->topic();
  return std::ranges::find(observer_->topics, topic) != observer_->topics.end();
}

void Arrivals::deliver() {
  std::vector<VisibleUnit> units;
  {
    std::lock_guard lock(mutex_);
    units.swap(units_);
    scheduled_ = false;
    if (stopped_) return;
  }
  for (const VisibleUnit& unit : units) {
    Arrival arrival;
    arrival.topic = unit.queue->topic();
    arrival.queue_id = unit.queue->queue_id();
    arrival.queue_offset = unit.queue_offset;
    arrival.tags_code = unit.tags_code;
    arrival.store_timestamp = unit.store_timestamp;
    observer_->on_arrival(arrival);
  }
}

void Arrivals::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
}

}  // namespace comet::inline v0_1::store
