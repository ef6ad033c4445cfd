#pragma once
// For tests over TCP with several event loops.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "comet/base/awaitable.hpp"

namespace comet::inline v0_1::test {

// A context with its thread.
class Core {
 public:
  Core() : thread_([this] { context.run(); }) {}
  ~Core() {
    work_.reset();
    thread_.join();
  }
  asio::any_io_executor executor() { return context.get_executor(); }

  asio::io_context context{1};

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_{context.get_executor()};
  std::thread thread_;
};

template <class T>
T wait_for(std::future<T> future) {
  if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready)
    BOOST_FAIL("did not finish");
  return future.get();
}

}  // namespace comet::inline v0_1::test
