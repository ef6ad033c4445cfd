#include "comet/base/async.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
// parallel_group.hpp of Boost 1.81 needs the headers above.
#include <boost/asio/experimental/parallel_group.hpp>

#include "comet/base/error.hpp"
#include "comet/base/log.hpp"
#include "comet/base/spawn.hpp"
#include "comet/base/timer.hpp"

namespace comet::inline v0_1 {
namespace {

bool is_cancellation(const std::exception_ptr& problem) {
  return exception_code(problem) == asio::error::operation_aborted;
}

}  // namespace

Event::Event(asio::any_io_executor executor, TimeSource& time)
    : executor_(std::move(executor)), time_(time) {}

Event::~Event() = default;

asio::awaitable<bool> Event::wait(Instant deadline) {
  struct Registration {
    explicit Registration(std::list<Timer*>& list_in, Timer* timer)
        : list(list_in), position(list.insert(list.end(), timer)) {}
    ~Registration() { list.erase(position); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    std::list<Timer*>& list;
    std::list<Timer*>::iterator position;
  };
  Timer timer(executor_, time_);
  Registration registration(waiting_, &timer);
  bool reached_deadline = co_await timer.wait_until(deadline);
  co_return !reached_deadline;
}

void Event::notify_all() {
  for (Timer* timer : waiting_) timer->cancel();
}

struct TaskGroup::State {
  State(asio::any_io_executor executor_in, TimeSource& time)
      : executor(executor_in), ended(executor_in, time) {}
  asio::any_io_executor executor;
  Event ended;
  std::list<asio::cancellation_signal> running;
};

TaskGroup::TaskGroup(asio::any_io_executor executor, TimeSource& time)
    : state_(std::make_shared<State>(std::move(executor), time)) {}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
  auto signal = state_->running.emplace(state_->running.end());
  auto on_end = [state = state_, signal, name = std::move(name)](std::exception_ptr problem) {
    state->running.erase(signal);
    state->ended.notify_all();
    if (problem && !is_cancellation(problem))
      log::error("{} ended: {}", name, exception_text(problem));
  };
  comet::spawn(state_->executor, std::move(task), std::move(on_end), signal->slot());
}

void TaskGroup::cancel() {
  // Ending tasks leave the list while it is walked.
  for (auto signal = state_->running.begin(); signal != state_->running.end();) {
    auto next = std::next(signal);
    signal->emit(asio::cancellation_type::terminal);
    signal = next;
  }
}

asio::awaitable<void> TaskGroup::join() {
  std::shared_ptr<State> state = state_;
  while (!state->running.empty()) co_await state->ended.wait();
}

std::size_t TaskGroup::size() const noexcept { return state_->running.size(); }

asio::awaitable<void> with_deadline(asio::awaitable<void> operation, Instant deadline,
                                    TimeSource& time, std::string what) {
  auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, time);
  auto run_operation = asio::co_spawn(executor, std::move(operation), asio::deferred);
  auto run_timer = asio::co_spawn(executor, timer.wait_until(deadline), asio::deferred);
  auto group =
      asio::experimental::make_parallel_group(std::move(run_operation), std::move(run_timer));
  auto [order, problem, timer_problem, expired] =
      co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] == 1 && expired) {
    // The operation may have finished in the same instant; its result wins.
    if (!problem) co_return;
    if (is_cancellation(problem)) throw Error(asio::error::timed_out, what);
  }
  if (problem) std::rethrow_exception(problem);
}

asio::awaitable<void> repeat_every(TimeSource& time, Duration first, Duration period,
                                   std::string name,
                                   std::function<asio::awaitable<void>()> action) {
  auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, time);
  Duration pause = first;
  while (co_await timer.wait_for(pause)) {
    pause = period;
    try {
      co_await action();
    } catch (const std::exception& problem) {
      if (is_cancellation(std::current_exception())) throw;
      log::warn("{}: {}", name, problem.what());
    }
  }
}

}  // namespace comet::inline v0_1
