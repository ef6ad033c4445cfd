#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1::broker {

// A thread for work that would hold up the event loops: files, large answers. Jobs are done one
// after the other; by several threads, begun so. Under virtual time, which waits for no thread,
// they are done on `home`.
class HelperThread {
 public:
  // Requests that wait or are done, and their bytes together; beyond them clients are refused. A
  // request that is alone may have any size.
  static constexpr std::size_t kMostJobs = 256;
  static constexpr std::size_t kMostBytes = 64u << 20;

  HelperThread(asio::any_io_executor home, TimeSource& time, std::size_t threads = 1);

  // Thread-safe. `job`, which holds so many bytes of a request, throws nothing.
  template <class Job>
  void post(Job job, std::size_t bytes = 0) {
    jobs_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    auto run = [this, job = std::move(job), bytes]() mutable {
      job();
      bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      jobs_.fetch_sub(1, std::memory_order_relaxed);
    };
    asio::post(executor_, std::move(run));
  }
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    const std::size_t waiting = bytes_.load(std::memory_order_relaxed);
    return jobs_.load(std::memory_order_relaxed) < kMostJobs &&
           (waiting == 0 || waiting + bytes <= kMostBytes);
  }

  // A connection's request that is done here for its size. While it lives, small requests of the
  // same connection that depend on the order (unregister after register, delete after update)
  // follow it here, so that none overtakes another. Thread-safe.
  class LargeJob {
   public:
    LargeJob(HelperThread& helper, std::uint64_t connection_id);
    ~LargeJob();
    LargeJob(const LargeJob&) = delete;
    LargeJob& operator=(const LargeJob&) = delete;

   private:
    HelperThread& helper_;
    const std::uint64_t connection_id_;
  };
  [[nodiscard]] bool has_large_jobs(std::uint64_t connection_id) const;

  // Returns when all that was posted before is done; nothing is to be posted any more.
  [[nodiscard]] asio::awaitable<void> finish();
  // Ends the threads after the jobs at hand. For when there is nobody to wait.
  void abandon();

 private:
  std::optional<asio::thread_pool> thread_;
  asio::any_io_executor executor_;
  std::atomic<std::size_t> jobs_{0};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::size_t> large_jobs_{0};
  mutable std::mutex large_jobs_mutex_;
  std::unordered_map<std::uint64_t, std::size_t> large_jobs_of_;  // by connection id
};

}  // namespace comet::inline v0_1::broker
