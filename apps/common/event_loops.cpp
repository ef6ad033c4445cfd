#include "event_loops.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <csignal>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::daemon {
namespace {

// While it lives, this thread takes no signals, and neither do the threads that it starts; those
// that an instruction raises in a thread are that thread's.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t set;
    ::sigfillset(&set);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT})
      ::sigdelset(&set, own);
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

std::size_t default_event_loops() noexcept {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  const std::size_t halves = (static_cast<std::size_t>(CPU_COUNT(&cores)) + 1) / 2;
  return std::clamp<std::size_t>(halves, 1, kMostByDefault);
}

// A context that can be emptied before it is destroyed. It does not end for want of work.
class EventLoops::Loop : public asio::io_context {
 public:
  Loop() : asio::io_context(1), work_(asio::make_work_guard(*this)) {}
  // Destroys what is still to be done; objects of this context may be destroyed afterwards.
  void empty() { shutdown(); }

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
};

EventLoops::EventLoops(std::size_t count) {
  loops_.reserve(count);
  while (loops_.size() < count) loops_.push_back(std::make_unique<Loop>());
}

EventLoops::~EventLoops() {
  for (const auto& loop : loops_) loop->empty();
}

asio::io_context& EventLoops::main() noexcept { return *loops_.front(); }

std::vector<asio::any_io_executor> EventLoops::executors() {
  std::vector<asio::any_io_executor> all;
  all.reserve(loops_.size());
  for (const auto& loop : loops_) all.emplace_back(loop->get_executor());
  return all;
}

void EventLoops::stop() {
  for (const auto& loop : loops_) loop->stop();
}

void EventLoops::run_one(std::size_t index) noexcept {
  try {
    loops_[index]->run();
  } catch (...) {
    const std::string text = exception_text(std::current_exception());
    const std::scoped_lock lock(mutex_);
    if (problem_.empty()) problem_ = fmt::format("event loop {} has failed: {}", index + 1, text);
  }
  stop();
}

void EventLoops::start_others() {
  const SignalsBlocked blocked;
  threads_.reserve(loops_.size() - 1);
  for (std::size_t index = 1; index < loops_.size(); ++index) {
    threads_.emplace_back([this, index] {
      ::pthread_setname_np(::pthread_self(), fmt::format("loop {}", index + 1).c_str());
      run_one(index);
    });
  }
}

void EventLoops::join_others() {
  while (!threads_.empty()) {
    threads_.back().join();
    threads_.pop_back();
  }
}

std::string EventLoops::run() {
  try {
    start_others();
    run_one(0);
  } catch (const std::exception& problem) {
    stop();
    const std::scoped_lock lock(mutex_);
    problem_ =
        fmt::format("there is no thread for each of {} event loops: {}", size(), problem.what());
  }
  join_others();
  return problem_;
}

}  // namespace comet::inline v0_1::daemon
