#pragma once

#include <cstdint>
#include <functional>

#include "comet/base/async.hpp"

namespace comet::inline v0_1::replication {

// One wait on a position of the log for all who wait for it. Belongs to its executor.
class GrowthWatch {
 public:
  using Position = std::function<std::int64_t()>;
  using Wait = std::function<asio::awaitable<bool>(std::int64_t)>;  // false: the log has closed

  GrowthWatch(asio::any_io_executor executor, TimeSource& time, Position position, Wait wait)
      : position_(std::move(position)), wait_(std::move(wait)), moved_(std::move(executor), time) {}

  // Runs until it is cancelled or the log closes. The caller keeps this object.
  [[nodiscard]] asio::awaitable<void> run() {
    for (;;) {
      const std::int64_t seen = position_();
      moved_.notify_all();
      if (!co_await wait_(seen)) break;
    }
    is_over_ = true;
    moved_.notify_all();
  }

  // True when the position may have moved or notify() was called, false at the deadline. Look at
  // the position first: nothing is missed between the look and this wait.
  [[nodiscard]] asio::awaitable<bool> wait(Instant deadline) { return moved_.wait(deadline); }
  void notify() { moved_.notify_all(); }
  // The log has closed: there will be nothing more.
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }

 private:
  const Position position_;
  const Wait wait_;
  Event moved_;
  bool is_over_ = false;
};

}  // namespace comet::inline v0_1::replication
