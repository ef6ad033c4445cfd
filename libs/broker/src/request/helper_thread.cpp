#include "request/helper_thread.hpp"

#include <boost/asio/use_awaitable.hpp>

#include "comet/base/timer.hpp"

namespace comet::inline v0_1::broker {

HelperThread::HelperThread(asio::any_io_executor home, TimeSource& time, std::size_t threads)
    : executor_(std::move(home)) {
  if (dynamic_cast<VirtualTime*>(&time) != nullptr) return;
  thread_.emplace(threads);
  executor_ = thread_->get_executor();
}

HelperThread::LargeJob::LargeJob(HelperThread& helper, std::uint64_t connection_id)
    : helper_(helper), connection_id_(connection_id) {
  const std::scoped_lock lock(helper_.large_jobs_mutex_);
  ++helper_.large_jobs_of_[connection_id_];
  ++helper_.large_jobs_;
}

HelperThread::LargeJob::~LargeJob() {
  const std::scoped_lock lock(helper_.large_jobs_mutex_);
  const auto jobs = helper_.large_jobs_of_.find(connection_id_);
  if (--jobs->second == 0) helper_.large_jobs_of_.erase(jobs);
  --helper_.large_jobs_;
}

bool HelperThread::has_large_jobs(std::uint64_t connection_id) const {
  if (large_jobs_ == 0) return false;
  const std::scoped_lock lock(large_jobs_mutex_);
  return large_jobs_of_.contains(connection_id);
}

asio::awaitable<void> HelperThread::finish() {
  if (thread_) {
    thread_->join();
    co_return;
  }
  // Behind what was posted before.
  co_await asio::post(executor_, asio::use_awaitable);
}

void HelperThread::abandon() {
  if (!thread_) return;
  thread_->stop();
  thread_->join();
}

}  // namespace comet::inline v0_1::broker
