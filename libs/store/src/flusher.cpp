#include "flusher.hpp"

#include <algorithm>

namespace comet::inline v0_1::store {

namespace {

using namespace std::chrono_literals;

constexpr auto kQueueInterval = 1s;  // Apache: flushIntervalConsumeQueue
// Bounds what the next start reads again after a crash.
constexpr auto kCheckpointInterval = 10s;

}  // namespace

Flusher::Flusher(StoreCore& core, std::function<void(const error_code&)> on_synced)
    : core_(core), on_synced_(std::move(on_synced)) {
  Clock::time_point now = Clock::now();
  next_sync_ = now;
  next_queue_sync_ = now + kQueueInterval;
  next_checkpoint_ = now + kQueueInterval;  // soon, to make recovery's work last
  thread_ = std::thread([this] { run(); });
}

void Flusher::request() {
  {
    std::lock_guard lock(mutex_);
    requested_ = true;
  }
  wake_.notify_one();
}

void Flusher::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Flusher::run() {
  auto interval = std::chrono::duration_cast<Clock::duration>(core_.config().flush_interval);
  interval = std::max<Clock::duration>(interval, 1ms);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Clock::time_point wake_at = std::min({next_sync_, next_queue_sync_, next_checkpoint_});
    wake_.wait_until(lock, wake_at, [this] { return stopping_ || requested_; });
    if (stopping_) return;
    bool requested = std::exchange(requested_, false);
    lock.unlock();
    Clock::time_point now = Clock::now();
    if (requested || now >= next_sync_) {
      sync_log();
      next_sync_ = now + interval;
    }
    do_housekeeping(now);
    lock.lock();
  }
}

void Flusher::sync_log() { on_synced_(core_.sync()); }

// Between the files of a long round: somebody may be waiting for the log.
void Flusher::sync_log_if_requested() {
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(requested_, false)) return;
  }
  sync_log();
}

void Flusher::do_housekeeping(Clock::time_point now) {
  auto between = [this] { sync_log_if_requested(); };
  error_code error;
  if (now >= next_queue_sync_) {
    error = core_.sync_busy_queues(between);
    next_queue_sync_ = now + kQueueInterval;
  }
  if (now >= next_checkpoint_) {
    if (!error) error = core_.write_checkpoint(between);
    next_checkpoint_ = now + kCheckpointInterval;
  }
  if (error) sync_log();  // tells those who wait, if the store has become read-only
}

}  // namespace comet::inline v0_1::store
