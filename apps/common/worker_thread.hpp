#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "comet/base/stream.hpp"

namespace comet::inline v0_1::daemon {

// An execution context with the one thread that runs it, for work that must not hold up the
// connections.
class WorkerThread {
 public:
  WorkerThread() : thread_([this] { context_.run(); }) {}
  // What has been posted before is done first.
  ~WorkerThread() {
    work_.reset();
    thread_.join();
  }
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  [[nodiscard]] asio::any_io_executor executor() noexcept { return context_.get_executor(); }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  std::thread thread_;
};

}  // namespace comet::inline v0_1::daemon
