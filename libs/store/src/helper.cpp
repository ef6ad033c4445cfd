#include "helper.hpp"

#include <chrono>
#include <exception>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::store {

namespace {

using namespace std::chrono_literals;

// While there is work the thread looks for more this often, which is cheaper than to be woken.
constexpr auto kLookAgain = 5ms;

}  // namespace

Helper::Helper(std::function<bool()> work) : work_(std::move(work)) {
  thread_ = std::thread([this] { run(); });
}

void Helper::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (run_job(lock)) continue;
    if (stopping_) return;
    lock.unlock();
    bool worked = false;
    while (work_()) worked = true;
    if (!worked) {
      // Whoever makes work from here on wakes us.
      (void)asleep_.exchange(true, std::memory_order_acq_rel);
      worked = work_();
    }
    lock.lock();
    auto called = [this] {
      return stopping_ || !jobs_.empty() || !asleep_.load(std::memory_order_acquire);
    };
    if (worked) {
      wake_.wait_for(lock, kLookAgain, [this] { return stopping_ || !jobs_.empty(); });
    } else {
      wake_.wait(lock, called);
    }
    asleep_.store(false, std::memory_order_release);
  }
}

bool Helper::run_job(std::unique_lock<std::mutex>& lock) {
  if (jobs_.empty()) return false;
  std::function<void()> job = std::move(jobs_.front());
  jobs_.pop_front();
  lock.unlock();
  try {
    job();
  } catch (const std::exception& error) {
    log::error("store: {}", error.what());
  }
  lock.lock();
  return true;
}

void Helper::notify() {
  std::lock_guard lock(mutex_);
  wake_.notify_one();
}

bool Helper::post(std::function<void()> job) {
  std::lock_guard lock(mutex_);
  if (stopping_) return false;
  jobs_.push_back(std::move(job));
  wake_.notify_one();
  return true;
}

void Helper::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace comet::inline v0_1::store
