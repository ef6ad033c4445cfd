#include "comet/base/run_on.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace comet::inline v0_1 {
namespace {

// Ends the task from the caller's side. With Boost 1.81 a signal must be emitted where its task
// runs, and the task may have ended when the request arrives there.
std::shared_ptr<asio::cancellation_signal> cancelled_on(const asio::any_io_executor& executor,
                                                        asio::cancellation_slot slot) {
  auto signal = std::make_shared<asio::cancellation_signal>();
  if (slot.is_connected()) {
    slot.assign([weak = std::weak_ptr(signal), executor](asio::cancellation_type type) {
      asio::post(executor, [weak, type] {
        if (const auto alive = weak.lock()) alive->emit(type);
      });
    });
  }
  return signal;
}

// Starts the task on `executor` and calls the handler on its own.
template <class Handler>
void start_on(const asio::any_io_executor& executor, asio::awaitable<void> task, Handler handler) {
  auto signal = cancelled_on(executor, asio::get_associated_cancellation_slot(handler));
  const auto back = asio::get_associated_executor(handler, executor);
  auto on_end = [signal, work = asio::make_work_guard(back),
                 handler = std::move(handler)](std::exception_ptr problem) mutable {
    auto resume = [handler = std::move(handler), problem]() mutable {
      std::move(handler)(problem);
    };
    asio::post(work.get_executor(), std::move(resume));
  };
  spawn(executor, std::move(task), std::move(on_end), signal->slot());
}

}  // namespace

asio::awaitable<void> detail::run_elsewhere(asio::any_io_executor executor,
                                            asio::awaitable<void> task) {
  auto start = [&executor, &task](auto handler) {
    start_on(executor, std::move(task), std::move(handler));
  };
  auto running = asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      start, asio::use_awaitable);
  co_await std::move(running);
}

}  // namespace comet::inline v0_1
