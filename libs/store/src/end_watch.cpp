#include "end_watch.hpp"

#include <algorithm>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>
#include <utility>

namespace comet::inline v0_1::store {

// One coroutine. Its handler is constructed in its place for good: Boost 1.81 cannot assign
// any_completion_handler.
class EndWatch::Waiting {
 public:
  template <class Handler>
  Waiting(std::int64_t offset_in, const asio::any_io_executor& executor, Handler&& handler)
      : offset(offset_in),
        executor_(asio::prefer(executor, asio::execution::outstanding_work.tracked)),
        handler_(std::forward<Handler>(handler)) {}

  // Called once.
  static void complete(std::shared_ptr<Waiting> self, error_code error, bool is_beyond) {
    const asio::any_io_executor executor = self->executor_;
    asio::post(executor, [self = std::move(self), error, is_beyond] {
      auto handler = std::move(self->handler_);
      std::move(handler)(error, is_beyond);
    });
  }

  const std::int64_t offset;

 private:
  asio::any_io_executor executor_;
  asio::any_completion_handler<void(error_code, bool)> handler_;
};

// Asio's initiation; a class, because g++ 12.2 destroys capturing lambdas twice in expressions that
// are awaited.
class EndWatch::StartWait {
 public:
  StartWait(std::shared_ptr<EndWatch> watch, std::int64_t offset) noexcept
      : watch_(std::move(watch)), offset_(offset) {}
  template <class Handler>
  void operator()(Handler&& handler) {
    const asio::any_io_executor executor = asio::get_associated_executor(handler);
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto waiting = std::make_shared<Waiting>(offset_, executor, std::forward<Handler>(handler));
    if (slot.is_connected()) {
      slot.assign(
          [watch = std::weak_ptr(watch_), one = std::weak_ptr(waiting)](asio::cancellation_type) {
            const std::shared_ptr<EndWatch> there = watch.lock();
            if (there) there->cancel(one.lock());
          });
    }
    watch_->begin(waiting);
  }

 private:
  std::shared_ptr<EndWatch> watch_;
  std::int64_t offset_;
};

asio::awaitable<bool> EndWatch::wait(std::int64_t offset) {
  return wait(shared_from_this(), offset);
}

asio::awaitable<bool> EndWatch::wait(std::shared_ptr<EndWatch> self, std::int64_t offset) {
  StartWait start(std::move(self), offset);
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code, bool)>(
      std::move(start), asio::use_awaitable);
}

void EndWatch::begin(const std::shared_ptr<Waiting>& waiting) {
  bool is_too_late = false;
  {
    std::lock_guard lock(mutex_);
    is_too_late = closed_;
    if (!closed_) {
      wanted_.store(std::min(wanted_.load(std::memory_order_relaxed), waiting->offset),
                    std::memory_order_relaxed);
      waits_.push_back(waiting);
    }
  }
  if (is_too_late) return Waiting::complete(waiting, {}, false);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // see tell()
  Waits reached;
  {
    std::lock_guard lock(mutex_);
    if (!closed_) reached = take_reached(end_());
  }
  for (auto& one : reached) Waiting::complete(std::move(one), {}, true);
}

void EndWatch::cancel(const std::shared_ptr<Waiting>& waiting) {
  {
    std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(waits_, waiting);
    if (!waiting || found == waits_.end()) return;  // its completion is on its way
    waits_.erase(found);
  }
  Waiting::complete(waiting, asio::error::operation_aborted, false);
}

void EndWatch::wake(std::int64_t end) {
  Waits reached;
  {
    std::lock_guard lock(mutex_);
    reached = take_reached(end);
  }
  for (auto& one : reached) Waiting::complete(std::move(one), {}, true);
}

// Under mutex_.
EndWatch::Waits EndWatch::take_reached(std::int64_t end) {
  Waits reached;
  std::int64_t wanted = kNobody;
  for (auto one = waits_.begin(); one != waits_.end();) {
    const auto next = std::next(one);
    if ((*one)->offset < end) {
      reached.splice(reached.end(), waits_, one);
    } else {
      wanted = std::min(wanted, (*one)->offset);
    }
    one = next;
  }
  wanted_.store(wanted, std::memory_order_relaxed);
  return reached;
}

void EndWatch::close() {
  Waits rest;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    rest.swap(waits_);
    wanted_.store(kNobody, std::memory_order_relaxed);
  }
  for (auto& one : rest) Waiting::complete(std::move(one), {}, false);
}

}  // namespace comet::inline v0_1::store
