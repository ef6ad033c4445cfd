#pragma once
// For tests over TCP with several event loops.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <list>
#include <thread>
#include <vector>

#include "comet/base/stream.hpp"

namespace comet::inline v0_1::test {

// An io_context with the one thread that runs it.
class Loop {
 public:
  Loop() : thread_([this] { context.run(); }) {}
  ~Loop() {
    guard_.reset();
    thread_.join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  asio::any_io_executor executor() { return context.get_executor(); }
  template <class T>
  std::future<T> spawn(asio::awaitable<T> task) {
    return asio::co_spawn(context, std::move(task), asio::use_future);
  }

  asio::io_context context{1};

 private:
  asio::executor_work_guard<asio::io_context::executor_type> guard_ =
      asio::make_work_guard(context);
  std::thread thread_;
};

inline std::vector<asio::any_io_executor> executors_of(std::list<Loop>& loops) {
  std::vector<asio::any_io_executor> executors;
  for (Loop& loop : loops) executors.push_back(loop.executor());
  return executors;
}

template <class T>
T wait_for(std::future<T> future) {
  if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready)
    BOOST_FAIL("did not finish");
  return future.get();
}

}  // namespace comet::inline v0_1::test
