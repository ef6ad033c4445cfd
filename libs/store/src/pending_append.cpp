#include "pending_append.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <iterator>

#include "comet/base/burst.hpp"

namespace comet::inline v0_1::store {

namespace {

// Calls the handlers of one executor. When one throws, the others are called all the same.
class HandlerCalls {
 public:
  explicit HandlerCalls(PendingAppends appends) noexcept : appends_(std::move(appends)) {}
  void operator()() {
    const asio::any_io_executor executor =
        asio::prefer(appends_.front()->executor, asio::execution::outstanding_work.untracked);
    const Burst burst(executor);  // their answers leave together
    while (next_ < appends_.size()) {
      std::unique_ptr<PendingAppend> append = std::move(appends_[next_++]);
      try {
        auto handler = std::move(append->handler);
        AppendResult result = std::move(append->append.result);
        give_record_memory(std::move(append->append.bytes));
        append.reset();
        std::move(handler)(std::move(result));
      } catch (...) {
        post_rest();
        throw;
      }
    }
  }

 private:
  void post_rest() {
    appends_.erase(appends_.begin(), appends_.begin() + static_cast<std::ptrdiff_t>(next_));
    if (!appends_.empty()) complete(std::move(appends_), Completion::later);
  }

  PendingAppends appends_;
  std::size_t next_ = 0;
};

}  // namespace

void complete(PendingAppends appends, Completion completion) {
  while (!appends.empty()) {
    asio::any_io_executor executor = appends.front()->executor;
    auto others = std::ranges::stable_partition(
        appends, [&](const auto& append) { return append->executor == executor; });
    PendingAppends rest(std::make_move_iterator(others.begin()),
                        std::make_move_iterator(others.end()));
    appends.erase(others.begin(), appends.end());
    HandlerCalls calls(std::move(appends));
    if (completion == Completion::may_run_here) {
      try {
        asio::dispatch(executor, std::move(calls));
      } catch (...) {  // what a handler has thrown
        complete(std::move(rest), Completion::later);
        throw;
      }
    } else {
      asio::post(executor, std::move(calls));
    }
    appends = std::move(rest);
  }
}

}  // namespace comet::inline v0_1::store
