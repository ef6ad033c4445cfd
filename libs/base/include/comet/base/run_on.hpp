#pragma once
// How a call comes to the executor that its object belongs to, and its result back.
// For source files, not for public headers.

#include <boost/asio/this_coro.hpp>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "comet/base/spawn.hpp"

namespace comet::inline v0_1 {
namespace detail {

[[nodiscard]] asio::awaitable<void> run_elsewhere(asio::any_io_executor executor,
                                                  asio::awaitable<void> task);

// `result` is shared with who waits: either may go away first.
template <class T>
asio::awaitable<void> keep_result(asio::awaitable<T> task,
                                  std::shared_ptr<std::optional<T>> result) {
  result->emplace(co_await std::move(task));
}

}  // namespace detail

// Runs `task` on `executor` and returns its result on the caller's. Cancelling the caller cancels
// the task, whose end is waited for. A task of the caller's own executor runs at once.
template <class T>
[[nodiscard]] asio::awaitable<T> run_on(asio::any_io_executor executor, asio::awaitable<T> task) {
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  if (here == executor) co_return co_await std::move(task);
  if constexpr (std::is_void_v<T>) {
    co_await detail::run_elsewhere(std::move(executor), std::move(task));
  } else {
    auto result = std::make_shared<std::optional<T>>();
    auto keeping = detail::keep_result(std::move(task), result);
    co_await detail::run_elsewhere(std::move(executor), std::move(keeping));
    co_return std::move(**result);
  }
}

}  // namespace comet::inline v0_1
