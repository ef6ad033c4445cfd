#pragma once
// co_spawn, compiled once. Each type of handler and result that co_spawn itself is given costs
// about 8 KB of code and a tenth of a second to compile. For source files, not for public headers.

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <exception>

#include "comet/base/awaitable.hpp"

namespace comet::inline v0_1 {

using SpawnEnd = asio::any_completion_handler<void(std::exception_ptr)>;

// Starts `task` on `executor` and calls `on_end` there when it has ended: with what it threw, or
// null. `on_end` is destroyed without a call when the execution context goes away first. `slot`
// cancels the task; it must be emitted on `executor`.
void spawn(const asio::any_io_executor& executor, asio::awaitable<void> task, SpawnEnd on_end,
           asio::cancellation_slot slot = {});

}  // namespace comet::inline v0_1
