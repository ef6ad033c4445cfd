#pragma once
// An append that somebody awaits.

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/prefer.hpp>
#include <memory>
#include <vector>

#include "append.hpp"
#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1::store {

class PendingAppend {
 public:
  // Keeps the executor's context from running out of work. The handler is constructed in its place
  // for good: Boost 1.81 cannot assign any_completion_handler.
  template <class Handler>
  PendingAppend(Append append_in, bool wait_flush_in, const asio::any_io_executor& executor_in,
                Handler&& handler_in)
      : append(std::move(append_in)),
        wait_flush(wait_flush_in),
        executor(asio::prefer(executor_in, asio::execution::outstanding_work.tracked)),
        handler(std::forward<Handler>(handler_in)) {}

  Append append;
  bool wait_flush;
  Instant deadline{};  // of the wait for the flush
  asio::any_io_executor executor;
  asio::any_completion_handler<void(AppendResult)> handler;
};

using PendingAppends = std::vector<std::unique_ptr<PendingAppend>>;

enum class Completion {
  may_run_here,  // handlers of the calling thread's context run before complete() returns
  later,
};

// Calls the handlers with the appends' results, on their executors, with one hand-over for each.
void complete(PendingAppends appends, Completion completion);

}  // namespace comet::inline v0_1::store
