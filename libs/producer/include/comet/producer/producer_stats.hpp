#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>

#include "comet/base/time.hpp"

namespace comet::inline v0_1 {

// What a producer has sent since it was made. A batch counts as one send; so do the messages that
// auto_batch puts together.
class ProducerStats {
 public:
  ProducerStats() = default;

  std::uint64_t sends = 0;   // begun; all that follow but the last are of those that ended
  std::uint64_t stored = 0;  // ended with a result; oneway: queued on a connection
  // Ended with an error, cancelled ones among them. Not those that were refused before they had an
  // id (illegal_message, not_running). A request counts when it is stored, not by its reply.
  std::uint64_t failed = 0;
  std::uint64_t maybe_stored = 0;  // of those: SendOutcome::may_be_stored
  std::uint64_t retries = 0;       // tries beyond the first of a send
  std::size_t in_flight = 0;       // begun and not ended

  // From the begin of a send to its stored message, retries and waiting for room included.
  Duration latency_sum{};
  Duration latency_max{};
  // How many took at most so many milliseconds; those that took longer than the last are in none.
  static constexpr std::array<std::int64_t, 12> kLatencyBounds{1,   2,   5,   10,   20,   50,
                                                               100, 200, 500, 1000, 2000, 5000};
  std::array<std::uint64_t, kLatencyBounds.size()> latency_buckets{};
};
static_assert(!std::is_aggregate_v<ProducerStats>);

// Called on the producer's executor.
using StatsCallback = std::function<void(const ProducerStats& stats)>;

}  // namespace comet::inline v0_1
