#pragma once
// How much something has grown in the last minute, hour and day (Apache: StatsItem).

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace comet::inline v0_1::broker {

enum class Period { minute, hour, day };

// Samples are taken every tick; for the hour every 10 minutes, for the day every hour.
inline constexpr std::chrono::seconds kGrowthTick{10};
inline constexpr std::uint32_t kTicksOfHourSample = 60;
inline constexpr std::uint32_t kTicksOfDaySample = 360;

// `Counters` only grow; `Sample` is a small form of their differences. Memory is used for what has
// grown within the last day alone. Not thread-safe.
template <class Counters, class Sample>
class GrowthWindows {
 public:
  // `tick`: how many have been since the start.
  explicit GrowthWindows(std::uint32_t tick) noexcept : born_(tick) {}

  void sample(const Counters& now, std::uint32_t tick) {
    if (!(now == seen_)) {
      if (!minute_) minute_ = std::make_unique<Ring<6>>(seen_);
      if (!hour_) hour_ = std::make_unique<Ring<6>>(seen_);
      if (!day_) day_ = std::make_unique<Ring<24>>(seen_);
      seen_ = now;
    }
    push(minute_, now);
    if (tick % kTicksOfHourSample == 0) push(hour_, now);
    if (tick % kTicksOfDaySample == 0) push(day_, now);
  }
  // Whether it has not grown for a day.
  [[nodiscard]] bool is_idle() const noexcept { return !minute_ && !hour_ && !day_; }

  [[nodiscard]] Counters growth(Period period) const {
    switch (period) {
      case Period::minute:
        return minute_ ? minute_->sum() : Counters();
      case Period::hour:
        return hour_ ? hour_->sum() : Counters();
      case Period::day:
        return day_ ? day_->sum() : Counters();
    }
    return Counters();
  }
  // The time in which it was that: less than the period when it is younger; 0: not sampled yet.
  [[nodiscard]] std::chrono::seconds span(Period period, std::uint32_t tick) const noexcept {
    const auto samples = [&](std::uint32_t every, std::uint32_t most) {
      return kGrowthTick * every * std::min(tick / every - born_ / every, most);
    };
    switch (period) {
      case Period::minute:
        return samples(1, 6);
      case Period::hour:
        return samples(kTicksOfHourSample, 6);
      case Period::day:
        return samples(kTicksOfDaySample, 24);
    }
    return {};
  }

 private:
  template <std::size_t N>
  class Ring {
   public:
    explicit Ring(const Counters& base) : base_(base) {}
    void push(const Counters& now) {
      deltas_[next_] = Sample(now - base_);
      base_ = now;
      next_ = (next_ + 1) % N;
    }
    [[nodiscard]] bool is_idle() const noexcept {
      return std::ranges::all_of(deltas_, [](const Sample& delta) { return delta == Sample(); });
    }
    [[nodiscard]] Counters sum() const {
      Counters all;
      for (const Sample& delta : deltas_) all += delta;
      return all;
    }

   private:
    Counters base_;
    std::array<Sample, N> deltas_{};
    std::size_t next_ = 0;
  };

  template <std::size_t N>
  static void push(std::unique_ptr<Ring<N>>& ring, const Counters& now) {
    if (!ring) return;
    ring->push(now);
    if (ring->is_idle()) ring.reset();
  }

  std::uint32_t born_;
  Counters seen_;  // at the last tick
  std::unique_ptr<Ring<6>> minute_;
  std::unique_ptr<Ring<6>> hour_;
  std::unique_ptr<Ring<24>> day_;
};

// What VIEW_BROKER_STATS_DATA tells of one period (Apache: BrokerStatsItem).
class PeriodGrowth {
 public:
  std::int64_t sum = 0;
  double tps = 0;    // per second
  double avgpt = 0;  // for each time that something was counted
};

[[nodiscard]] inline PeriodGrowth make_period_growth(std::uint64_t sum, std::uint64_t times,
                                                     std::chrono::seconds span) {
  PeriodGrowth item;
  item.sum = static_cast<std::int64_t>(sum);
  if (span.count() > 0) item.tps = static_cast<double>(sum) / static_cast<double>(span.count());
  if (times > 0) item.avgpt = static_cast<double>(sum) / static_cast<double>(times);
  return item;
}

class Growth {
 public:
  PeriodGrowth minute;
  PeriodGrowth hour;
  PeriodGrowth day;
};

}  // namespace comet::inline v0_1::broker
