#pragma once
// How a call comes to the executor that its object belongs to, and its result back. A template with
// the weight of co_spawn: for source files, not for public headers.

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1 {
namespace detail {

// Ends the task from the caller's side. With Boost 1.81 a signal must be emitted where its task
// runs, and the task may have ended when the request arrives there.
template <class Slot>
std::shared_ptr<asio::cancellation_signal> cancelled_on(const asio::any_io_executor& executor,
                                                        Slot slot) {
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
template <class... Value, class Task, class Handler>
void start_on(const asio::any_io_executor& executor, Task task, Handler handler) {
  auto signal = cancelled_on(executor, asio::get_associated_cancellation_slot(handler));
  const auto back = asio::get_associated_executor(handler, executor);
  auto on_end = [signal, work = asio::make_work_guard(back), handler = std::move(handler)](
                    std::exception_ptr problem, Value... value) mutable {
    auto resume = [handler = std::move(handler), problem, ... value = std::move(value)]() mutable {
      std::move(handler)(problem, std::move(value)...);
    };
    asio::post(work.get_executor(), std::move(resume));
  };
  asio::co_spawn(executor, std::move(task),
                 asio::bind_cancellation_slot(signal->slot(), std::move(on_end)));
}

}  // namespace detail

// Runs `task` on `executor` and returns its result on the caller's. Cancelling the caller cancels
// the task, whose end is waited for. A task of the caller's own executor runs at once.
template <class T>
[[nodiscard]] asio::awaitable<T> run_on(asio::any_io_executor executor, asio::awaitable<T> task) {
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  if (here == executor) co_return co_await std::move(task);
  if constexpr (std::is_void_v<T>) {
    auto start = [&executor, &task](auto handler) {
      detail::start_on<>(executor, std::move(task), std::move(handler));
    };
    auto running = asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
        start, asio::use_awaitable);
    co_await std::move(running);
  } else {
    auto start = [&executor, &task](auto handler) {
      detail::start_on<T>(executor, std::move(task), std::move(handler));
    };
    auto running = asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, T)>(
        start, asio::use_awaitable);
    co_return co_await std::move(running);
  }
}

}  // namespace comet::inline v0_1
