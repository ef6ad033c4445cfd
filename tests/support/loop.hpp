#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <list>
#include <thread>
#include <vector>

#include "comet/base/stream.hpp"

namespace comet::inline v0_1::test {

// An io_context with the one thread that runs it.
class Loop {
 public:
  Loop() : thread_([this] { context_.run(); }) {}
  ~Loop() {
    guard_.reset();
    thread_.join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  asio::any_io_executor executor() { return context_.get_executor(); }
  template <class T>
  std::future<T> spawn(asio::awaitable<T> task) {
    return asio::co_spawn(context_, std::move(task), asio::use_future);
  }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_ =
      asio::make_work_guard(context_);
  std::thread thread_;
};

inline std::vector<asio::any_io_executor> executors_of(std::list<Loop>& loops) {
  std::vector<asio::any_io_executor> executors;
  for (Loop& loop : loops) executors.push_back(loop.executor());
  return executors;
}

}  // namespace comet::inline v0_1::test
