#pragma once
// Appends that are in the file and wait for the disk.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"
#include "pending_append.hpp"

namespace comet::inline v0_1 {
class Timer;
}

namespace comet::inline v0_1::store {

// Thread-safe. Time is looked at on the executor and by add() only.
class FlushWaits : public std::enable_shared_from_this<FlushWaits> {
 public:
  FlushWaits(asio::any_io_executor executor, TimeSource& time, Duration timeout)
      : executor_(std::move(executor)), time_(time), timeout_(timeout) {}

  void add(PendingAppends appends);
  // Completes what lies before `synced`; with an error, all that wait.
  void release(std::int64_t synced, const error_code& error);
  // As release(); what is left or comes later completes with StoreErrc::closed.
  void finish(std::int64_t synced, const error_code& error);

 private:
  static asio::awaitable<void> watch(std::shared_ptr<FlushWaits> self);
  [[nodiscard]] std::optional<Instant> next_deadline();
  void expire();
  void stop_watching();

  asio::any_io_executor executor_;
  TimeSource& time_;
  Duration timeout_;
  Timer* timer_ = nullptr;  // of the running watch; touched on the executor only

  std::mutex mutex_;
  PendingAppends waiting_;  // in the order of their deadlines
  bool watching_ = false;
  bool finished_ = false;
  std::int64_t finished_at_ = 0;
  error_code finished_with_;
};

}  // namespace comet::inline v0_1::store
