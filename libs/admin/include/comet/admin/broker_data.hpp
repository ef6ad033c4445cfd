#pragma once
// What brokers tell about themselves.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/admin/connections.hpp"
#include "comet/base/error.hpp"

namespace comet::inline v0_1::admin {

class StatsWindow {
 public:
  std::int64_t sum = 0;
  double tps = 0;    // per second
  double avgpt = 0;  // average of one event: its time or size
  friend bool operator==(const StatsWindow&, const StatsWindow&) = default;
};
// VIEW_BROKER_STATS_DATA (Apache: BrokerStatsData).
class BrokerStats {
 public:
  StatsWindow minute, hour, day;
  // The sum of the longest window that has one, as Apache's tools count a day.
  [[nodiscard]] std::int64_t day_sum() const noexcept;
  friend bool operator==(const BrokerStats&, const BrokerStats&) = default;
};
[[nodiscard]] Result<BrokerStats> parse_broker_stats(std::string_view json);

class ConsumeQueueEntry {
 public:
  std::int64_t physical_offset = 0;
  std::int32_t size = 0;       // bytes of the record
  std::int64_t tags_code = 0;  // hash of the tag
  bool matches = true;         // the group's subscription
  std::string extra, problem;  // of 5.x and of brokers that say why not; empty: none
};
// QUERY_CONSUME_QUEUE (Apache: QueryConsumeQueueResponseBody).
class ConsumeQueueData {
 public:
  std::int64_t min_index = 0;
  std::int64_t max_index = 0;
  std::vector<ConsumeQueueEntry> entries;
  std::optional<Subscription> subscription;  // of the group, where one was given
  std::string filter;                        // what the broker says of its filter
  std::string remark;                        // why there are no entries, as the broker says
};
[[nodiscard]] Result<ConsumeQueueData> parse_consume_queue(std::string_view json);

}  // namespace comet::inline v0_1::admin
