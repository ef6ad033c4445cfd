#include "stats/runtime_counters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <string_view>
#include <utility>

#include "comet/base/local_time.hpp"
#include "comet/base/timer.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr auto kUnordered = std::memory_order_relaxed;
constexpr std::chrono::seconds kOneSecond{1};
constexpr std::uint64_t kSecondsOfTick = kGrowthTick.count();
constexpr std::uint64_t kSecondsOfMinute = 60;
// Entries of the traffic table that are sampled before others have their turn.
constexpr std::size_t kEntriesInTurn = 2000;

// Apache: StoreStatsService.PUT_MESSAGE_ENTIRE_TIME_MAX_DESC; ms below which a put belongs there.
constexpr std::pair<std::string_view, std::int64_t> kPutTimes[] = {
    {"[<=0ms]", 1},       {"[0~10ms]", 10},     {"[10~50ms]", 50},    {"[50~100ms]", 100},
    {"[100~200ms]", 200}, {"[200~500ms]", 500}, {"[500ms~1s]", 1000}, {"[1~2s]", 2000},
    {"[2~3s]", 3000},     {"[3~4s]", 4000},     {"[4~5s]", 5000},     {"[5~10s]", 10'000},
    {"[10s~]", 0}};

void raise(std::atomic<std::int64_t>& most, std::int64_t value) noexcept {
  std::int64_t before = most.load(kUnordered);
  while (value > before && !most.compare_exchange_weak(before, value, kUnordered)) {
  }
}

// Grows by something at every local midnight.
std::int64_t local_day(std::int64_t wall_millis) {
  const std::tm local = local_time(wall_millis);
  return local.tm_year * std::int64_t{366} + local.tm_yday;
}

}  // namespace

RuntimeCounters::RuntimeCounters(TimeSource& time, TrafficTable& traffic)
    : time_(time), traffic_(traffic), boot_millis_(time.wall_millis()), boot_(time.now()) {
  seconds_[0].at = boot_;
  second_count_ = 1;
  day_ = local_day(boot_millis_);
}

void RuntimeCounters::count_put(Duration took, bool is_stored) noexcept {
  if (!is_stored) failed_puts_.fetch_add(1, kUnordered);
  // In the order of frequency: most puts take little.
  const std::int64_t micros = took.count() / 1000;
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && micros >= kBounds[bucket]) ++bucket;
  put_times_[bucket].fetch_add(1, kUnordered);
  raise(longest_put_, took.count());
}

void RuntimeCounters::count_get(Duration took, bool has_found) noexcept {
  (has_found ? found_ : missed_).fetch_add(1, kUnordered);
  raise(longest_get_, took.count());
}

void RuntimeCounters::count_timers_taken(std::uint64_t count) noexcept {
  timers_taken_.fetch_add(count, kUnordered);
}

void RuntimeCounters::count_timer_delivered() noexcept {
  timers_delivered_.fetch_add(1, kUnordered);
}

asio::awaitable<void> RuntimeCounters::run() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Timer timer(executor, time_);
  for (std::uint64_t second = 1;; ++second) {
    co_await timer.wait_until(boot_ + static_cast<std::int64_t>(second) * kOneSecond);
    sample_second();
    if (second % kSecondsOfTick == 0) co_await sample_traffic();
  }
}

asio::awaitable<void> RuntimeCounters::sample_traffic() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::uint32_t tick = 0;
  {
    const std::lock_guard lock(mutex_);
    tick = ++tick_;
  }
  std::size_t sampled = 0;
  for (std::size_t part = 0; part < TrafficTable::kParts; ++part) {
    sampled += traffic_.sample(part, tick);
    if (sampled < kEntriesInTurn) continue;
    sampled = 0;
    co_await asio::post(executor, asio::use_awaitable);
  }
  sample_tick(tick);
}

RuntimeCounters::Second RuntimeCounters::count_second() const {
  const TrafficTable::Totals totals = traffic_.totals();
  Second now;
  now.at = time_.now();
  now.stored = totals.stored.messages;
  now.given = totals.given.messages;
  now.found = found_.load(kUnordered);
  now.missed = missed_.load(kUnordered);
  now.timers_taken = timers_taken_.load(kUnordered);
  now.timers_delivered = timers_delivered_.load(kUnordered);
  return now;
}

RuntimeCounters::Buckets RuntimeCounters::put_buckets() const noexcept {
  Buckets buckets{};
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] = put_times_[i].load(kUnordered);
  return buckets;
}

void RuntimeCounters::sample_second() {
  const Second now = count_second();
  const std::lock_guard lock(mutex_);
  seconds_[second_count_++ % kSeconds] = now;
  if (second_count_ % kSecondsOfMinute == 0) {
    buckets_before_ = buckets_at_minute_;
    buckets_at_minute_ = put_buckets();
  }
  note_midnight(now);
}

void RuntimeCounters::note_midnight(const Second& now) {
  const std::int64_t today = local_day(time_.wall_millis());
  if (std::exchange(day_, today) == today) return;
  stored_yesterday_morning_ = std::exchange(stored_this_morning_, now.stored);
  given_yesterday_morning_ = std::exchange(given_this_morning_, now.given);
}

void RuntimeCounters::sample_tick(std::uint32_t tick) {
  const TrafficTable::Totals totals = traffic_.totals();
  const std::lock_guard lock(mutex_);
  stored_windows_.sample({totals.stored.messages, totals.stored.times}, tick);
  given_windows_.sample({totals.given.messages, totals.given.times}, tick);
}

RuntimeCounters::Rates RuntimeCounters::rates(std::uint64_t Second::* counter,
                                              const Second& now) const {
  constexpr std::array<std::uint64_t, 3> kSpans = {10, 60, 600};
  Rates rates{};
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const std::uint64_t back = std::min(kSpans[i], second_count_ - 1);
    const Second& before = seconds_[(second_count_ - 1 - back) % kSeconds];
    const std::chrono::duration<double> span = now.at - before.at;
    if (span.count() > 0) {
      rates[i] = static_cast<double>(now.*counter - before.*counter) / span.count();
    }
  }
  return rates;
}

double RuntimeCounters::percentile(const Buckets& buckets, double part) {
  std::uint64_t all = 0;
  for (const std::uint64_t count : buckets) all += count;
  if (all == 0) return 0;
  const double wanted = part * static_cast<double>(all);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] == 0 || static_cast<double>(below + buckets[i]) < wanted) {
      below += buckets[i];
      continue;
    }
    const double low = i == 0 ? 0 : static_cast<double>(kBounds[i - 1]);
    if (i == kBounds.size()) return low / 1000;
    const double high = static_cast<double>(kBounds[i]);
    const double inside = (wanted - static_cast<double>(below)) / static_cast<double>(buckets[i]);
    return (low + (high - low) * inside) / 1000;
  }
  return 0;
}

RuntimeCounters::Stats RuntimeCounters::stats() const {
  const Second now = count_second();
  const Buckets buckets = put_buckets();
  Stats stats;
  stats.boot_millis = boot_millis_;
  stats.runtime_millis = to_millis(now.at - boot_);
  stats.stored_messages = now.stored;
  stats.stored_bytes = traffic_.totals().stored.bytes;
  stats.given_messages = now.given;
  stats.failed_puts = failed_puts_.load(kUnordered);
  stats.longest_put_millis = to_millis(Duration(longest_put_.load(kUnordered)));
  stats.longest_get_millis = to_millis(Duration(longest_get_.load(kUnordered)));
  std::size_t next = 0;
  for (const auto& [name, limit_millis] : kPutTimes) {
    std::uint64_t count = 0;
    for (; next < buckets.size(); ++next) {
      const bool is_last = next == kBounds.size();
      if (limit_millis != 0 && (is_last || kBounds[next] > limit_millis * 1000)) break;
      count += buckets[next];
    }
    stats.put_times += fmt::format("{}:{} ", name, count);
  }
  const std::lock_guard lock(mutex_);
  stats.stored = rates(&Second::stored, now);
  stats.found = rates(&Second::found, now);
  stats.missed = rates(&Second::missed, now);
  stats.given = rates(&Second::given, now);
  stats.timers_taken = rates(&Second::timers_taken, now);
  stats.timers_delivered = rates(&Second::timers_delivered, now);
  Buckets recent = buckets;
  for (std::size_t i = 0; i < recent.size(); ++i) recent[i] -= buckets_before_[i];
  stats.put_millis_99 = percentile(recent, 0.99);
  stats.put_millis_999 = percentile(recent, 0.999);
  stats.stored_yesterday_morning = stored_yesterday_morning_;
  stats.stored_this_morning = stored_this_morning_;
  stats.given_yesterday_morning = given_yesterday_morning_;
  stats.given_this_morning = given_this_morning_;
  return stats;
}

Growth RuntimeCounters::growth_of(const AmountWindows& windows) const {
  const std::lock_guard lock(mutex_);
  const auto item = [&](Period period) {
    const Amount growth = windows.growth(period);
    return make_period_growth(growth.messages, growth.times, windows.span(period, tick_));
  };
  Growth growth;
  growth.minute = item(Period::minute);
  growth.hour = item(Period::hour);
  growth.day = item(Period::day);
  return growth;
}

Growth RuntimeCounters::stored_growth() const { return growth_of(stored_windows_); }
Growth RuntimeCounters::given_growth() const { return growth_of(given_windows_); }

}  // namespace comet::inline v0_1::broker
