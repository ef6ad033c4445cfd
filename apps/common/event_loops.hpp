#pragma once
// The event loops of a daemon: execution contexts that one thread each runs.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "comet/base/stream.hpp"

namespace comet::inline v0_1::daemon {

// How many a daemon has unless it is told: one for two of the cores that it may use (the kernel's
// network, the disk's threads and the clients beside it want the others), at most kMostByDefault.
inline constexpr std::size_t kMostByDefault = 4;
[[nodiscard]] std::size_t default_event_loops() noexcept;

// The first loop is run by whoever calls run(), main's thread; the others by threads of their own
// ("loop 2", ...), which take none of the signals that are sent to the process. What an object of
// one loop holds may belong to another one: all of them are emptied before the first is destroyed.
class EventLoops {
 public:
  // `count`: at least one.
  explicit EventLoops(std::size_t count);
  ~EventLoops();  // run() must have returned, or never been called
  EventLoops(const EventLoops&) = delete;
  EventLoops& operator=(const EventLoops&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return loops_.size(); }
  // Of the loop that run() runs.
  [[nodiscard]] asio::io_context& main() noexcept;
  // Of all, the main one's first.
  [[nodiscard]] std::vector<asio::any_io_executor> executors();

  // Starts the threads and runs all loops until stop(); when it returns the threads have ended, the
  // last one first. An exception that leaves a loop ends them all, too: returns what has happened
  // in which loop, else nothing. Call once.
  [[nodiscard]] std::string run();
  // Ends run(), whatever is still to be done. Thread-safe.
  void stop();

 private:
  class Loop;
  void run_one(std::size_t index) noexcept;
  void start_others();
  void join_others();

  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;  // of the others
  std::mutex mutex_;
  std::string problem_;  // the first one
};

}  // namespace comet::inline v0_1::daemon
