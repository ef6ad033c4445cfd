#pragma once
// When files of the log are deleted: at an hour of the day, when the disk fills up, or on demand.
// Rules only, no files.

#include <cstdint>
#include <set>
#include <string_view>

#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::store {

// "04" or "04;16": hours of local time. Throws Error naming what is no hour.
[[nodiscard]] std::set<int> parse_delete_hours(std::string_view text);
[[nodiscard]] int local_hour_of(std::int64_t wall_millis);

class RetentionPlan {
 public:
  bool delete_expired = false;  // files that are older than fileReservedTime
  bool ignore_age = false;      // delete_expired: the oldest whatever its age, until the disk is
                                // below the level that forces it
  bool refuse_appends = false;
};
// `used_percent` is that of the fuller of the log's and the queues' disks.
[[nodiscard]] RetentionPlan plan_retention(const StoreConfig& config, const std::set<int>& hours,
                                           std::int64_t wall_millis, int used_percent,
                                           bool asked_for);

}  // namespace comet::inline v0_1::store
