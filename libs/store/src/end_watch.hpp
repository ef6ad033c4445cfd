#pragma once
// Coroutines that wait until the log, or what of it is on disk, has gone on.

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"

namespace comet::inline v0_1::store {

// Thread-safe.
class EndWatch : public std::enable_shared_from_this<EndWatch> {
 public:
  // `end` says how far it is; thread-safe; not called after close().
  explicit EndWatch(std::function<std::int64_t()> end) : end_(std::move(end)) {}

  // True when the end is beyond `offset`, at once if it is; false when the store closes. Throws
  // operation_aborted when it is cancelled, which is done on the coroutine's executor.
  [[nodiscard]] asio::awaitable<bool> wait(std::int64_t offset);
  // The end has moved to `end`. A fence and a load while nobody waits for that; else one post for
  // each that does.
  void tell(std::int64_t end) {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // either this sees who waits, or that
                                                          // one sees the end
    if (end > wanted_.load(std::memory_order_relaxed)) wake(end);
  }
  void close();

 private:
  class Waiting;
  class StartWait;
  using Waits = std::list<std::shared_ptr<Waiting>>;
  static constexpr std::int64_t kNobody = std::numeric_limits<std::int64_t>::max();

  static asio::awaitable<bool> wait(std::shared_ptr<EndWatch> self, std::int64_t offset);
  void begin(const std::shared_ptr<Waiting>& waiting);
  void cancel(const std::shared_ptr<Waiting>& waiting);
  void wake(std::int64_t end);
  [[nodiscard]] Waits take_reached(std::int64_t end);

  const std::function<std::int64_t()> end_;
  std::atomic<std::int64_t> wanted_{kNobody};  // the least offset that somebody waits behind
  std::mutex mutex_;
  Waits waits_;
  bool closed_ = false;
};

}  // namespace comet::inline v0_1::store
