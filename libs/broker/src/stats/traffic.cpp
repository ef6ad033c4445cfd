#include "stats/traffic.hpp"

#include <algorithm>
#include <limits>

namespace comet::inline v0_1::broker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::size_t size_bucket(std::uint64_t size) {
  const auto& bounds = TrafficStats::kSizeBounds;
  return static_cast<std::size_t>(std::ranges::lower_bound(bounds, size) - bounds.begin());
}

std::uint32_t narrow(std::uint64_t value) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(value, kMost));
}

std::uint64_t to_micros(Duration took) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count(), 0));
}

PeriodGrowth latency_item(std::uint64_t micros, std::uint64_t times, std::chrono::seconds span) {
  PeriodGrowth item = make_period_growth(micros, times, span);
  item.sum /= 1000;
  item.tps /= 1000;
  item.avgpt /= 1000;
  return item;
}

}  // namespace

TrafficCounters operator-(const TrafficCounters& a, const TrafficCounters& b) {
  return {a.messages - b.messages, a.bytes - b.bytes, a.times - b.times,
          a.send_backs - b.send_backs, a.micros - b.micros};
}

TrafficTable::TrafficSample::TrafficSample(const TrafficCounters& counters)
    : bytes_(counters.bytes),
      messages_(narrow(counters.messages)),
      times_(narrow(counters.times)),
      send_backs_(narrow(counters.send_backs)),
      micros_(narrow(counters.micros)) {}

TrafficTable::PullTimesSample::PullTimesSample(const PullTimes& counters)
    : times_(narrow(counters.times)), micros_(narrow(counters.micros)) {}

// The messages of a batch count with their average size.
void TrafficTable::OfType::count(std::uint64_t messages, std::uint64_t of_bytes) noexcept {
  bytes.fetch_add(of_bytes, kRelaxed);
  const std::size_t bucket = size_bucket(of_bytes / std::max<std::uint64_t>(messages, 1));
  sizes[bucket].fetch_add(messages, kRelaxed);
}

void TrafficTable::OfType::add_to(TrafficCounters& all) const noexcept {
  for (const auto& size : sizes) all.messages += size.load(kRelaxed);
  all.bytes += bytes.load(kRelaxed);
}

TrafficStats::OfType TrafficTable::OfType::stats(MessageType type) const noexcept {
  TrafficStats::OfType copy;
  copy.type = type;
  copy.bytes = bytes.load(kRelaxed);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    copy.sizes[i] = sizes[i].load(kRelaxed);
    copy.messages += copy.sizes[i];
  }
  return copy;
}

TrafficCounters TrafficTable::Entry::counters() const noexcept {
  TrafficCounters all;
  normal.add_to(all);
  {
    const std::lock_guard lock(mutex);
    for (const auto& other : others) {
      if (other) other->add_to(all);
    }
  }
  all.times = times.load(kRelaxed);
  all.send_backs = send_backs.load(kRelaxed);
  all.micros = micros.load(kRelaxed);
  return all;
}

template <class Use>
void TrafficTable::with_entry(Part& part, const View& key, Use use) {
  {
    const std::shared_lock lock(part.mutex);
    const auto found = part.entries.find(key);
    if (found != part.entries.end()) return use(found->second);
  }
  if (size_.load(kRelaxed) >= kMostEntries) return;
  const std::unique_lock lock(part.mutex);
  const auto [entry, is_new] =
      part.entries.try_emplace(Key(key.first, key.second), tick_.load(kRelaxed));
  if (is_new) size_.fetch_add(1, kRelaxed);
  use(entry->second);
}

template <class Use>
void TrafficTable::find_entry(const View& key, Use use) const {
  const Part& part = part_of(key);
  const std::shared_lock lock(part.mutex);
  const auto found = part.entries.find(key);
  if (found != part.entries.end()) use(found->second);
}

void TrafficTable::count(std::string_view topic, std::uint64_t messages, std::uint64_t bytes,
                         MessageType type) {
  const View key(topic, {});
  Part& part = part_of(key);
  part.stored_messages.fetch_add(messages, kRelaxed);
  part.stored_bytes.fetch_add(bytes, kRelaxed);
  part.stored_times.fetch_add(1, kRelaxed);
  with_entry(part, key, [&](Entry& entry) {
    entry.times.fetch_add(1, kRelaxed);
    if (type == MessageType::normal) return entry.normal.count(messages, bytes);
    const std::lock_guard lock(entry.mutex);
    std::unique_ptr<OfType>& other = entry.others[static_cast<std::size_t>(type)];
    if (!other) other = std::make_unique<OfType>();
    other->count(messages, bytes);
  });
}

void TrafficTable::count_pull(std::string_view topic, std::string_view group,
                              std::uint64_t messages, std::uint64_t bytes, std::int32_t queue_id,
                              std::int64_t next_offset, Duration took) {
  const View key(topic, group);
  const std::uint64_t micros = to_micros(took);
  Part& part = part_of(key);
  part.given_messages.fetch_add(messages, kRelaxed);
  part.given_bytes.fetch_add(bytes, kRelaxed);
  part.given_times.fetch_add(1, kRelaxed);
  with_entry(part, key, [&](Entry& entry) {
    entry.normal.bytes.fetch_add(bytes, kRelaxed);
    entry.normal.sizes[0].fetch_add(messages, kRelaxed);
    entry.times.fetch_add(1, kRelaxed);
    entry.micros.fetch_add(micros, kRelaxed);
    const std::lock_guard lock(entry.mutex);
    Queue& queue = entry.queues[queue_id];
    queue.next_offset = next_offset;
    ++queue.pulls.times;
    queue.pulls.micros += micros;
  });
}

void TrafficTable::count_send_back(std::string_view topic, std::string_view group) {
  const View key(topic, group);
  with_entry(part_of(key), key, [](Entry& entry) { entry.send_backs.fetch_add(1, kRelaxed); });
}

void TrafficTable::count_transaction(std::string_view topic, bool is_committed) {
  const View key(topic, {});
  with_entry(part_of(key), key, [is_committed](Entry& entry) {
    (is_committed ? entry.committed : entry.rolled_back).fetch_add(1, kRelaxed);
  });
}

std::int64_t TrafficTable::pulled(std::string_view topic, std::string_view group,
                                  std::int32_t queue_id) const {
  std::int64_t offset = 0;
  find_entry(View(topic, group), [&](const Entry& entry) {
    const std::lock_guard lock(entry.mutex);
    const auto queue = entry.queues.find(queue_id);
    if (queue != entry.queues.end()) offset = queue->second.next_offset;
  });
  return offset;
}

std::vector<TrafficStats> TrafficTable::stats() const {
  std::vector<TrafficStats> all;
  all.reserve(size_.load(kRelaxed));
  for (const Part& part : parts_) {
    const std::shared_lock lock(part.mutex);
    for (const auto& [key, entry] : part.entries) {
      TrafficStats& one = all.emplace_back();
      one.topic = key.first;
      one.consumer_group = key.second;
      const TrafficCounters counters = entry.counters();
      one.messages = counters.messages;
      one.bytes = counters.bytes;
      one.committed = entry.committed.load(kRelaxed);
      one.rolled_back = entry.rolled_back.load(kRelaxed);
      if (!one.consumer_group.empty()) continue;
      const auto add = [&one](const OfType& of_type, MessageType type) {
        const TrafficStats::OfType stats = of_type.stats(type);
        if (stats.messages > 0) one.types.push_back(stats);
      };
      add(entry.normal, MessageType::normal);
      const std::lock_guard entry_lock(entry.mutex);
      for (std::size_t i = 0; i < kMessageTypes; ++i) {
        if (entry.others[i]) add(*entry.others[i], static_cast<MessageType>(i));
      }
    }
  }
  return all;
}

void TrafficTable::forget_topic(std::string_view topic) {
  forget_if([topic](const Key& key, const Entry&) { return key.first == topic; });
}

void TrafficTable::forget_group(std::string_view group) {
  forget_if(
      [group](const Key& key, const Entry&) { return !group.empty() && key.second == group; });
}

void TrafficTable::forget_if(const std::function<bool(const Key&, const Entry&)>& goes) {
  for (Part& part : parts_) {
    const std::unique_lock lock(part.mutex);
    erase_if(part, goes);
  }
}

void TrafficTable::erase_if(Part& part, const std::function<bool(const Key&, const Entry&)>& goes) {
  for (auto at = part.entries.begin(); at != part.entries.end();) {
    if (!goes(at->first, at->second)) {
      ++at;
      continue;
    }
    for (const auto& [queue_id, queue] : at->second.queues) {
      if (queue.windows) queue_windows_.fetch_sub(1, kRelaxed);
    }
    at = part.entries.erase(at);
    size_.fetch_sub(1, kRelaxed);
  }
}

TrafficTable::Totals TrafficTable::totals() const {
  Totals all;
  for (const Part& part : parts_) {
    all.stored.messages += part.stored_messages.load(kRelaxed);
    all.stored.bytes += part.stored_bytes.load(kRelaxed);
    all.stored.times += part.stored_times.load(kRelaxed);
    all.given.messages += part.given_messages.load(kRelaxed);
    all.given.bytes += part.given_bytes.load(kRelaxed);
    all.given.times += part.given_times.load(kRelaxed);
  }
  return all;
}

std::size_t TrafficTable::sample(std::size_t part_number, std::uint32_t tick) {
  tick_.store(tick, kRelaxed);
  Part& part = parts_[part_number];
  bool has_idle = false;
  std::size_t size = 0;
  {
    const std::shared_lock lock(part.mutex);
    size = part.entries.size();
    for (auto& [key, entry] : part.entries) {
      const TrafficCounters counters = entry.counters();
      const std::lock_guard entry_lock(entry.mutex);
      entry.windows.sample(counters, tick);
      sample_queues(entry, tick);
      has_idle |= entry.windows.is_idle();
    }
  }
  if (!has_idle || size_.load(kRelaxed) <= kManyEntries) return size;
  const std::unique_lock lock(part.mutex);
  erase_if(part, [](const Key&, const Entry& entry) { return entry.windows.is_idle(); });
  return size;
}

void TrafficTable::sample_queues(Entry& entry, std::uint32_t tick) {
  if (entry.windows.is_idle() && entry.queues.empty()) return;
  for (auto& [queue_id, queue] : entry.queues) {
    if (!queue.windows) {
      if (entry.windows.is_idle() || queue_windows_.load(kRelaxed) >= kMostQueueWindows) continue;
      queue.windows = std::make_unique<QueueWindows>(tick - 1);
      queue_windows_.fetch_add(1, kRelaxed);
    }
    queue.windows->sample(queue.pulls, tick);
    if (!queue.windows->is_idle()) continue;
    queue.windows.reset();
    queue.pulls = PullTimes();
    queue_windows_.fetch_sub(1, kRelaxed);
  }
}

std::optional<Growth> TrafficTable::growth(std::string_view topic, std::string_view group,
                                           Kind kind) const {
  std::optional<Growth> data;
  const std::uint32_t tick = tick_.load(kRelaxed);
  find_entry(View(topic, group), [&](const Entry& entry) {
    const TrafficCounters now = entry.counters();
    if (kind == Kind::send_backs ? now.send_backs == 0 : now.times == 0) return;
    const std::lock_guard lock(entry.mutex);
    const auto item = [&](Period period) {
      const TrafficCounters growth = entry.windows.growth(period);
      const std::chrono::seconds span = entry.windows.span(period, tick);
      switch (kind) {
        case Kind::messages:
          return make_period_growth(growth.messages, growth.times, span);
        case Kind::bytes:
          return make_period_growth(growth.bytes, growth.times, span);
        case Kind::send_backs:
          return make_period_growth(growth.send_backs, growth.send_backs, span);
        case Kind::latency:
          return latency_item(growth.micros, growth.times, span);
      }
      return PeriodGrowth();
    };
    data.emplace();
    data->minute = item(Period::minute);
    data->hour = item(Period::hour);
    data->day = item(Period::day);
  });
  return data;
}

std::optional<Growth> TrafficTable::queue_latency(std::string_view topic, std::string_view group,
                                                  std::int32_t queue_id) const {
  std::optional<Growth> data;
  const std::uint32_t tick = tick_.load(kRelaxed);
  find_entry(View(topic, group), [&](const Entry& entry) {
    const std::lock_guard lock(entry.mutex);
    const auto queue = entry.queues.find(queue_id);
    if (queue == entry.queues.end() || queue->second.pulls.times == 0) return;
    data.emplace();
    const QueueWindows* windows = queue->second.windows.get();
    if (windows == nullptr) return;  // not sampled yet
    const auto item = [&](Period period) {
      const PullTimes growth = windows->growth(period);
      return latency_item(growth.micros, growth.times, windows->span(period, tick));
    };
    data->minute = item(Period::minute);
    data->hour = item(Period::hour);
    data->day = item(Period::day);
  });
  return data;
}

double TrafficTable::given_per_second(std::string_view topic, std::string_view group) const {
  const auto data = growth(topic, group, Kind::messages);
  return data ? data->minute.tps : 0.0;
}

}  // namespace comet::inline v0_1::broker
