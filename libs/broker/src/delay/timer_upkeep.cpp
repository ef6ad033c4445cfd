// The part of TimerService that keeps its state on the disk: how far it has come, and records that
// wait longer than their log files are kept.

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "comet/base/log.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/base/timer.hpp"
#include "delay/timer_service.hpp"
#include "records/append_outcome.hpp"
#include "records/timer_message.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kLookedAtPerSave = 16'384;  // entries; they have been delivered
constexpr std::int32_t kUpkeepEntriesAtOnce = 1024;
constexpr Duration kSyncPoll = 50ms;
constexpr Duration kRollPeriod = 60s;
constexpr std::int64_t kSoonMillis = 120'000;  // is delivered before it would be worth the trouble

}  // namespace

// Steps over what is done at the queue's front, so that a start has less to look at.
void TimerService::advance_first(std::size_t most) {
  const TimerProgress done = delivered();
  if (done.first == done.taken) {
    first_ = taken_;
    return;
  }
  const std::int64_t end = std::min(taken_, first_ + static_cast<std::int64_t>(most));
  while (first_ < end) {
    const auto entries = store_.queue_entries(
        kTimerTopic, 0, first_,
        static_cast<std::int32_t>(std::min<std::int64_t>(end - first_, kUpkeepEntriesAtOnce)));
    if (entries.empty()) return;
    for (const store::QueueEntry& entry : entries) {
      if (!done.is_done(first_, entry_of(entry))) return;
      ++first_;
    }
  }
}

TimerProgress TimerService::delivered() const {
  TimerProgress progress;
  progress.first = first_;
  progress.taken = taken_;
  progress.delivered_until = delivered_until_;
  if (const std::optional<TimerEntry> next = earliest()) {
    progress.delivered_until = next->due_millis() - 1;
    if (!next->is_recall()) progress.delivered_before = next->physical_offset();
  } else {
    progress.first = taken_;
  }
  return progress;
}

// As it is saved: by TIMER_OUT_MS, which stays when timerPrecisionMs is changed.
TimerProgress TimerService::progress() {
  advance_first(kLookedAtPerSave);
  TimerProgress progress = delivered();
  progress.delivered_until =
      std::max<std::int64_t>(progress.delivered_until - config_.timer_precision_millis, 0);
  return progress;
}

// It is written when the log is on the disk as far as it was when the progress was noted: otherwise
// a power cut could take the delivered messages, and leave the note that they were delivered.
asio::awaitable<void> TimerService::save_in_background() {
  Timer timer(executor_, time_);
  TimerProgress last;
  for (;;) {
    co_await timer.wait_for(config_.timer_flush_interval);
    publish();
    const TimerProgress noted = progress();
    if (noted == last && !saved_->failed.exchange(false)) continue;
    const std::int64_t log_end = store_.appended_end();
    while (store_.synced_end() < log_end || saved_->writing.load()) {
      co_await timer.wait_for(kSyncPoll);
    }
    last = noted;
    saved_->writing = true;
    // It keeps what it needs: the service may be gone when it runs.
    write_([noted, saved = saved_] {
      const std::lock_guard lock(saved->mutex);
      const bool is_saved = saved->file.save(noted.to_json());
      if (is_saved) saved->progress = noted;
      saved->failed = !is_saved;
      saved->writing = false;
    });
  }
}

std::string TimerService::saved_progress() const {
  const std::unique_lock lock(saved_->mutex, std::try_to_lock);
  if (!lock) return {};
  return saved_->progress.to_json();
}

void TimerService::save() {
  const std::lock_guard lock(saved_->mutex);
  const TimerProgress now = progress();
  if (saved_->progress == now) return;
  if (saved_->file.save(now.to_json())) saved_->progress = now;
}

asio::awaitable<void> TimerService::roll() {
  Timer timer(executor_, time_);
  for (;;) {
    co_await timer.wait_for(kRollPeriod);
    co_await roll_old_records();
  }
}

// In the order of the queue, so that how far it has come (first_) says which are done.
asio::awaitable<void> TimerService::roll_old_records() {
  // Log files are kept for a time (Apache: fileReservedTime) after the last record in them.
  const Duration kept = config_.store.file_reserved_time;
  const Duration window = std::min(config_.timer_roll_window, kept / 3 * 2);
  const std::int64_t now = time_.wall_millis();
  const std::int64_t end = std::min(
      taken_,
      store_.offset_by_time(kTimerTopic, 0, now - to_millis(window), store::TimeBoundary::lower));
  const std::uint64_t rolled_before = rolled_.load(std::memory_order_relaxed);
  while (first_ < end) {
    advance_first(kUpkeepEntriesAtOnce);
    if (first_ >= end) break;
    const auto entries = store_.queue_entries(kTimerTopic, 0, first_, 1);
    if (entries.empty()) break;
    const TimerEntry waiting = entry_of(entries.front());
    const std::int64_t due = waiting.due_millis();
    // Time has been there once: it may be on its way, or have been refused.
    if (due <= delivered_until_ || due <= now + kSoonMillis) {
      const bool is_done = delivered().is_done(first_, waiting);
      if (!is_done) break;
      continue;  // a turn of advance_first() ended before it
    }
    const store::QueueEntry entry = entries.front();
    const bool is_kept = co_await store_again(entry);
    if (!is_kept) break;
    rolled_before_ = entry.physical_offset + 1;
    ++first_;
  }
  if (rolled_.load(std::memory_order_relaxed) == rolled_before) co_return;
  index_.forget_before(rolled_before_);
  publish();
}

asio::awaitable<bool> TimerService::store_again(store::QueueEntry entry) {
  const SharedBytes bytes = store_.read_record(entry.physical_offset);
  const auto stored = parse_record(bytes.view(), CheckCrc::no);
  if (!stored || stored->topic != kTimerTopic) {
    log::error("the timer message at {} of the commit log cannot be read and is lost",
               entry.physical_offset);
    co_return true;
  }
  MessageProperties properties = MessageProperties::decode(stored->properties);
  const int times = parse_number<int>(properties.get(property::kTimerRollTimes)).value_or(0);
  properties.set(property::kTimerRollTimes, std::to_string(times + 1));
  const std::string encoded = properties.encode();
  RecordView record = *stored;
  record.properties = encoded;
  record.store_host = store_host_;
  const store::AppendResult result = co_await store_.append(record, false);
  if (is_stored(result)) {
    rolled_.fetch_add(1, std::memory_order_relaxed);
  } else {
    log::error(
        "a timer message at {} of the commit log cannot be stored anew before its file "
        "expires: {}",
        entry.physical_offset, result.error.message());
  }
  co_return is_stored(result);
}

}  // namespace comet::inline v0_1::broker
