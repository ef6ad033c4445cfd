#pragma once
// How the broker as a whole does, for GET_BROKER_RUNTIME_INFO (Apache: StoreStatsService,
// BrokerStats).

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"
#include "stats/traffic.hpp"

namespace comet::inline v0_1::broker {

// Counting is thread-safe and costs some atomic additions. Reading is thread-safe.
class RuntimeCounters {
 public:
  RuntimeCounters(TimeSource& time, TrafficTable& traffic);

  // A request to store was answered.
  void count_put(Duration took, bool is_stored) noexcept;
  // The store was asked for messages of a queue.
  void count_get(Duration took, bool has_found) noexcept;
  // Timer messages: taken in to wait, delivered.
  void count_timers_taken(std::uint64_t count) noexcept;
  void count_timer_delivered() noexcept;

  // Takes all samples, of the traffic table too, until it is cancelled.
  [[nodiscard]] asio::awaitable<void> run();

  // Per second, over the last 10 s, minute and 10 minutes, or as long as the broker runs.
  using Rates = std::array<double, 3>;
  class Stats {
   public:
    std::int64_t boot_millis = 0;
    std::int64_t runtime_millis = 0;
    Rates stored{}, found{}, missed{}, given{}, timers_taken{}, timers_delivered{};
    std::uint64_t stored_messages = 0, stored_bytes = 0, given_messages = 0;
    std::uint64_t failed_puts = 0;
    std::int64_t longest_put_millis = 0, longest_get_millis = 0;
    double put_millis_99 = 0, put_millis_999 = 0;  // of the last minute or two
    std::string put_times;                         // how many took how long
    // At midnight, local time.
    std::uint64_t stored_yesterday_morning = 0, stored_this_morning = 0;
    std::uint64_t given_yesterday_morning = 0, given_this_morning = 0;
  };
  [[nodiscard]] Stats stats() const;

  // Of the cluster's name: all that was stored, or given to consumers.
  [[nodiscard]] Growth stored_growth() const;
  [[nodiscard]] Growth given_growth() const;

 private:
  // Upper bounds of the buckets of put times, us; the last one is for all that took longer. Those
  // of Apache's table are among them.
  static constexpr std::array<std::int64_t, 28> kBounds = {
      50,      100,      200,      300,      500,      750,      1'000,
      2'000,   3'000,    5'000,    7'500,    10'000,   20'000,   30'000,
      50'000,  75'000,   100'000,  150'000,  200'000,  300'000,  500'000,
      750'000, 1000'000, 2000'000, 3000'000, 4000'000, 5000'000, 10'000'000};
  using Buckets = std::array<std::uint64_t, kBounds.size() + 1>;

  // What had been counted at some second.
  struct Second {
    Instant at;
    std::uint64_t stored = 0, found = 0, missed = 0, given = 0;
    std::uint64_t timers_taken = 0, timers_delivered = 0;
  };
  struct Amount {
    std::uint64_t messages = 0;
    std::uint64_t times = 0;
    friend bool operator==(const Amount&, const Amount&) = default;
    friend Amount operator-(const Amount& a, const Amount& b) {
      return {a.messages - b.messages, a.times - b.times};
    }
    friend Amount& operator+=(Amount& a, const Amount& b) {
      a.messages += b.messages;
      a.times += b.times;
      return a;
    }
  };
  using AmountWindows = GrowthWindows<Amount, Amount>;

  [[nodiscard]] Second count_second() const;
  [[nodiscard]] Buckets put_buckets() const noexcept;
  [[nodiscard]] asio::awaitable<void> sample_traffic();
  void sample_second();
  void sample_tick(std::uint32_t tick);
  void note_midnight(const Second& now);
  [[nodiscard]] Rates rates(std::uint64_t Second::* counter, const Second& now) const;
  [[nodiscard]] static double percentile(const Buckets& buckets, double part);
  [[nodiscard]] Growth growth_of(const AmountWindows& windows) const;

  TimeSource& time_;
  TrafficTable& traffic_;
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> put_times_{};
  std::atomic<std::uint64_t> failed_puts_{0}, found_{0}, missed_{0};
  std::atomic<std::uint64_t> timers_taken_{0}, timers_delivered_{0};
  std::atomic<std::int64_t> longest_put_{0}, longest_get_{0};  // ns

  const std::int64_t boot_millis_;
  const Instant boot_;
  mutable std::mutex mutex_;  // of what follows
  static constexpr std::size_t kSeconds = 601;
  std::array<Second, kSeconds> seconds_{};  // a ring
  std::uint64_t second_count_ = 0;
  std::uint32_t tick_ = 0;
  Buckets buckets_before_{}, buckets_at_minute_{};  // one and two minutes ago at most
  AmountWindows stored_windows_{0}, given_windows_{0};
  std::int64_t day_ = 0;  // of the last sample
  std::uint64_t stored_yesterday_morning_ = 0, stored_this_morning_ = 0;
  std::uint64_t given_yesterday_morning_ = 0, given_this_morning_ = 0;
};

}  // namespace comet::inline v0_1::broker
