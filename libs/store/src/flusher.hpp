#pragma once
// The store's own thread: brings the log to the disk, and now and then the queues and a checkpoint.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "store_core.hpp"

namespace comet::inline v0_1::store {

class Flusher {
 public:
  // `on_synced` hears of every attempt to sync the log, on the thread.
  Flusher(StoreCore& core, std::function<void(const error_code&)> on_synced);
  ~Flusher() { stop(); }
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  // sync_flush: there is something to sync. One sync serves all requests before it. Thread-safe.
  void request();
  // Returns when the thread has ended; nothing is synced any more.
  void stop();

 private:
  // Real time: how long a disk takes is not a matter of the injected clock.
  using Clock = std::chrono::steady_clock;

  void run();
  void sync_log();
  void sync_log_if_requested();
  void do_housekeeping(Clock::time_point now);

  StoreCore& core_;
  std::function<void(const error_code&)> on_synced_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool requested_ = false;
  bool stopping_ = false;
  Clock::time_point next_sync_;
  Clock::time_point next_queue_sync_;
  Clock::time_point next_checkpoint_;
  std::thread thread_;  // last: uses the others
};

}  // namespace comet::inline v0_1::store
