#include "async_store.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "comet/base/timer.hpp"

namespace comet::inline v0_1::store {

namespace {

asio::awaitable<AppendResult> refused(error_code error) {
  AppendResult result;
  result.error = error;
  co_return result;
}

}  // namespace

// Asio's initiation; a class, because g++ 12.2 destroys capturing lambdas twice in expressions that
// are awaited.
class AsyncStore::StartAppend {
 public:
  StartAppend(std::shared_ptr<AsyncStore> store, Append append, bool wait_flush) noexcept
      : store_(std::move(store)), append_(std::move(append)), wait_flush_(wait_flush) {}
  template <class Handler>
  void operator()(Handler&& handler) {
    asio::any_io_executor executor = asio::get_associated_executor(handler);
    auto pending = std::make_unique<PendingAppend>(std::move(append_), wait_flush_, executor,
                                                   std::forward<Handler>(handler));
    store_->enqueue(std::move(pending));
  }

 private:
  std::shared_ptr<AsyncStore> store_;
  Append append_;
  bool wait_flush_;
};

AsyncStore::AsyncStore(StoreConfig config, asio::any_io_executor executor, TimeSource& time,
                       FileSystem& files)
    : time_(time),
      core_(std::move(config), time, files),
      arrivals_(executor),
      waits_(std::make_shared<FlushWaits>(executor, time, core_.config().sync_flush_timeout)) {}

void AsyncStore::start() {
  helper_ = std::make_unique<Helper>([this] {
    bool prepared = core_.prepare_segment();
    return core_.build_index() || prepared;
  });
  core_.on_visible([this](std::span<const VisibleUnit> units) {
    if (core_.config().index_messages || core_.is_next_segment_due()) helper_->wake();
    arrivals_.push(units, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->arrivals_.deliver();
    });
  });
  flusher_ = std::make_unique<Flusher>(
      core_, [this](const error_code& error) { waits_->release(core_.synced_end(), error); });
}

asio::awaitable<AppendResult> AsyncStore::submit(std::span<const RecordView> records,
                                                 bool wait_flush) {
  Append append;
  append.bytes = take_record_memory();
  SpanSource source(records);
  if (error_code error = core_.encode(source, append)) return refused(error);
  return await_append(std::move(append), wait_flush);
}

void AsyncStore::submit(std::span<const RecordView> records, bool wait_flush,
                        const asio::any_io_executor& executor, AppendHandler done) {
  SpanSource source(records);
  submit(source, wait_flush, executor, std::move(done));
}

void AsyncStore::submit(RecordSource& records, bool wait_flush,
                        const asio::any_io_executor& executor, AppendHandler done) {
  Append append;
  append.bytes = take_record_memory();
  error_code error = core_.encode(records, append);
  auto pending =
      std::make_unique<PendingAppend>(std::move(append), wait_flush, executor, std::move(done));
  if (!error) return enqueue(std::move(pending));
  pending->append.result.error = error;
  PendingAppends refused;
  refused.push_back(std::move(pending));
  complete(std::move(refused), Completion::later);
}

asio::awaitable<AppendResult> AsyncStore::await_append(Append append, bool wait_flush) {
  StartAppend start(shared_from_this(), std::move(append), wait_flush);
  return asio::async_initiate<const asio::use_awaitable_t<>, void(AppendResult)>(
      std::move(start), asio::use_awaitable);
}

// A piece of work for the helper, and who waits for it.
class AsyncStore::StartWork {
 public:
  StartWork(std::shared_ptr<AsyncStore> store, Work work) noexcept
      : store_(std::move(store)), work_(std::move(work)) {}
  template <class Handler>
  void operator()(Handler&& handler) {
    asio::any_io_executor executor = asio::get_associated_executor(handler);
    auto call = std::make_shared<Call>(executor, std::forward<Handler>(handler));
    auto finish = [call](std::exception_ptr problem, std::int64_t result) {
      asio::post(call->executor, [call, problem, result] {
        auto completion = std::move(call->handler);
        std::move(completion)(problem, result);
      });
    };
    auto job = [store = store_, work = std::move(work_), finish] {
      std::exception_ptr problem;
      std::int64_t result = 0;
      try {
        result = work(store->core_);
      } catch (...) {
        problem = std::current_exception();
      }
      finish(problem, result);
    };
    if (store_->helper_->post(std::move(job))) return;
    finish(std::make_exception_ptr(Error(make_error_code(StoreErrc::closed), "store")), 0);
  }

 private:
  class Call {
   public:
    template <class Handler>
    Call(const asio::any_io_executor& executor_in, Handler&& handler_in)
        : executor(asio::prefer(executor_in, asio::execution::outstanding_work.tracked)),
          handler(std::forward<Handler>(handler_in)) {}
    asio::any_io_executor executor;
    asio::any_completion_handler<void(std::exception_ptr, std::int64_t)> handler;
  };

  std::shared_ptr<AsyncStore> store_;
  Work work_;
};

asio::awaitable<std::int64_t> AsyncStore::run_on_helper(Work work) {
  StartWork start(shared_from_this(), std::move(work));
  return asio::async_initiate<const asio::use_awaitable_t<>,
                              void(std::exception_ptr, std::int64_t)>(std::move(start),
                                                                      asio::use_awaitable);
}

asio::awaitable<void> AsyncStore::run_retention() { return run_retention(shared_from_this()); }

asio::awaitable<void> AsyncStore::run_retention(std::shared_ptr<AsyncStore> self) {
  auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, self->time_);
  while (true) {
    // Not awaited: how long the disk takes must not move other timers of virtual time.
    if (!self->cleaning_.exchange(true)) {
      std::int64_t now = self->time_.wall_millis();
      auto clean = [store = self.get(), now] {
        store->core_.clean(now);
        store->cleaning_ = false;
      };
      if (!self->helper_->post(clean)) co_return;
    }
    (void)co_await timer.wait_for(self->core_.config().clean_interval);
  }
}

void AsyncStore::enqueue(std::unique_ptr<PendingAppend> append) {
  asio::any_io_executor executor = append->executor;
  PendingAppends refused;
  {
    std::lock_guard lock(queue_mutex_);
    if (closing_) {
      append->append.result.error = make_error_code(StoreErrc::closed);
      refused.push_back(std::move(append));
    } else {
      queue_.push_back(std::move(append));
      if (std::exchange(drain_posted_, true)) return;
    }
  }
  if (!refused.empty()) return complete(std::move(refused), Completion::later);
  post_drain(executor);
}

// Posted, so that everything that this executor starts before it gets there goes down in one write.
void AsyncStore::post_drain(const asio::any_io_executor& executor) {
  asio::post(executor, [self = shared_from_this()] { self->drain(); });
}

void AsyncStore::drain() {
  PendingAppends appends;
  {
    std::lock_guard lock(queue_mutex_);
    appends.swap(queue_);
    drain_posted_ = !appends.empty();
  }
  if (appends.empty()) return;
  asio::any_io_executor executor = appends.front()->executor;
  PendingAppends done = write(std::move(appends));
  bool more = false;
  {
    std::lock_guard lock(queue_mutex_);
    drain_posted_ = more = !queue_.empty();
  }
  // What other threads have queued meanwhile; this thread's other work comes first.
  if (more) post_drain(executor);
  complete(std::move(done), Completion::may_run_here);
}

PendingAppends AsyncStore::write(PendingAppends appends) {
  if (appends.empty()) return appends;
  std::vector<Append*> pointers;
  pointers.reserve(appends.size());
  for (const auto& pending : appends) pointers.push_back(&pending->append);
  core_.append(pointers);
  if (core_.config().flush == FlushMode::async_flush) return appends;
  PendingAppends waiting;
  for (auto& pending : appends) {
    bool wait = pending->wait_flush && !pending->append.result.error;
    if (wait) waiting.push_back(std::move(pending));
  }
  std::erase(appends, nullptr);
  waits_->add(std::move(waiting));
  flusher_->request();
  return appends;
}

void AsyncStore::close() {
  std::lock_guard close_lock(close_mutex_);
  if (std::exchange(closed_, true)) return;
  PendingAppends rest;
  {
    std::lock_guard lock(queue_mutex_);
    closing_ = true;
    rest.swap(queue_);
  }
  complete(write(std::move(rest)), Completion::later);
  core_.refuse_appends();
  flusher_->stop();
  helper_->stop();
  error_code error = core_.sync();
  waits_->finish(core_.synced_end(), error);
  core_.close();
}

}  // namespace comet::inline v0_1::store
