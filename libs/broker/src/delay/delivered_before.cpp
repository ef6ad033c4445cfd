#include "delay/delivered_before.hpp"

#include <algorithm>

#include "comet/base/log.hpp"
#include "records/delayed_message.hpp"
#include "records/queue_scan.hpp"

namespace comet::inline v0_1::broker {
namespace {

// Bounds what a start reads: the messages that came since the first of those was due.
constexpr std::int64_t kMostDeliveredToLookAt = 1'000'000;

}  // namespace

void DeliveredBefore::consider(std::int64_t physical_offset, std::int64_t due_millis) {
  const SharedBytes bytes = store_.read_record(physical_offset);
  const auto record = parse_record(bytes.view(), CheckCrc::no);
  if (!record) return;
  const auto real = for_real_queue(*record);
  if (!real) return;
  considered_.insert(physical_offset);
  const auto [entry, is_new] =
      due_since_.try_emplace(Queue(real->topic, real->queue_id), due_millis);
  if (!is_new) entry->second = std::min(entry->second, due_millis);
}

void DeliveredBefore::find() {
  left_to_look_at_ = kMostDeliveredToLookAt;
  for (const auto& [queue, since] : due_since_) find_in(queue, since);
  if (left_to_look_at_ <= 0) {
    log::warn(
        "more than {} messages came since the first delayed message was due: what was delivered "
        "among the later ones may come again",
        kMostDeliveredToLookAt);
  }
  due_since_.clear();
  considered_.clear();
}

void DeliveredBefore::find_in(const Queue& queue, std::int64_t since_millis) {
  const auto& [topic, queue_id] = queue;
  const std::int64_t end = store_.max_offset(topic, queue_id);
  const std::int64_t begin =
      store_.offset_by_time(topic, queue_id, since_millis, store::TimeBoundary::lower);
  QueueScan messages(store_, topic, queue_id, begin, end);
  while (left_to_look_at_ > 0 && messages.next()) {
    --left_to_look_at_;
    if (!messages.record()) continue;
    const std::int64_t was = messages.record()->prepared_transaction_offset;
    if (considered_.contains(was)) found_.insert(was);
  }
}

}  // namespace comet::inline v0_1::broker
