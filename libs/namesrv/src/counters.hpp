#pragma once

#include <atomic>
#include <cstdint>

namespace comet::inline v0_1::namesrv {

// Since the start. Thread-safe.
class Count {
 public:
  void operator+=(std::uint64_t n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  void operator++() noexcept { *this += 1; }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Counters {
  Count registrations, registrations_refused;
  Count expired, connections_lost, unregistered;  // brokers, by the reason of their end
  Count route_not_found;
};

}  // namespace comet::inline v0_1::namesrv
