#include "arrivals.hpp"

namespace comet::inline v0_1::store {

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
    for (const ArrivalObserver& observer : observers_) observer(arrival);
  }
}

void Arrivals::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
}

}  // namespace comet::inline v0_1::store
