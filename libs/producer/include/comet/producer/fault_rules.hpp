#pragma once

namespace comet::inline v0_1 {

// How long a latency or a failure keeps a broker out, and what is chosen when all are out.
enum class FaultRules {
  v4_9,  // a failure: 10 minutes; then one of the better half of the brokers that are out
  v5_3,  // a failure: 10 seconds; then any broker that is reachable, never the last one if possible
};

}  // namespace comet::inline v0_1
