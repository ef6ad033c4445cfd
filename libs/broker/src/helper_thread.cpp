#include "helper_thread.hpp"

#include <boost/asio/use_awaitable.hpp>

#include "comet/base/timer.hpp"

namespace comet::inline v0_1::broker {

HelperThread::HelperThread(asio::any_io_executor home, TimeSource& time)
    : executor_(std::move(home)) {
  if (dynamic_cast<VirtualTime*>(&time) != nullptr) return;
  thread_.emplace(1U);
  executor_ = thread_->get_executor();
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
