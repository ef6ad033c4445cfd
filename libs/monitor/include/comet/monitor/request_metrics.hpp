#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include "comet/monitor/metrics.hpp"
#include "comet/remoting/connection.hpp"

namespace comet::inline v0_1::monitor {

// Counts the requests of a server by code and outcome, with their latencies, as RocketMQ 5's
// rocketmq_rpc_latency_milliseconds. Codes that RocketMQ does not know count as one, and there is
// an upper limit of combinations, so that no client can make it grow. Thread-safe.
class RequestMetrics final : public remoting::RequestObserver {
 public:
  RequestMetrics();
  ~RequestMetrics() override;

  void on_request(const remoting::RequestIdentity& request, const remoting::RemotingCommand* answer,
                  Duration took) noexcept override;
  void report(Scrape& scrape) const;

 private:
  class Kind;
  struct Slot {
    std::atomic<std::uint64_t> kind{0};  // 0: free
    std::unique_ptr<LatencyHistogram> latency;
  };
  static constexpr std::size_t kSlots = 1024;  // a power of two
  static constexpr std::size_t kMostUsed = 512;

  [[nodiscard]] LatencyHistogram* find(std::uint64_t kind) const noexcept;
  LatencyHistogram& take(std::uint64_t kind);

  std::array<Slot, kSlots> slots_;  // open addressing; a slot never changes once it is taken
  std::mutex mutex_;                // to take a slot
  std::size_t used_ = 0;
  LatencyHistogram others_;  // beyond the limit
};

}  // namespace comet::inline v0_1::monitor
