#pragma once
// The store's second thread, for what takes its time and that no append waits for.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace comet::inline v0_1::store {

// Thread-safe.
class Helper {
 public:
  // `work` does a piece of what is to be done after wake(), and says whether there was any.
  explicit Helper(std::function<bool()> work);
  ~Helper() { stop(); }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  // There may be work. Costs next to nothing while the thread is busy.
  void wake() noexcept {
    if (asleep_.exchange(false, std::memory_order_acq_rel)) notify();
  }
  // Runs `job` on the thread; false, and never, after stop().
  bool post(std::function<void()> job);
  // Runs the jobs that were posted, then ends the thread.
  void stop();

 private:
  void run();
  void notify();
  bool run_job(std::unique_lock<std::mutex>& lock);

  std::function<bool()> work_;
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;  // last: uses the others
};

}  // namespace comet::inline v0_1::store
