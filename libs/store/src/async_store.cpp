#include "async_store.hpp"

#include <algorithm>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/container/small_vector.hpp>
#include <utility>

#include "comet/base/timer.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr int kInlineWrites = 64;

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
    store_->enqueue(std::move(pending), executor);
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
      waits_(std::make_shared<FlushWaits>(executor, time, core_.config().sync_flush_timeout)),
      appended_(std::make_shared<EndWatch>([this] { return core_.appended_end(); })),
      durable_(std::make_shared<EndWatch>([this] { return core_.durable_end(); })) {}

void AsyncStore::start() {
  helper_ = std::make_unique<Helper>([this] {
    bool prepared = core_.prepare_segment();
    return core_.build_index() || prepared;
  });
  core_.on_visible([this](std::span<const VisibleUnit> units) {
    if (core_.config().index_messages || core_.is_next_segment_due()) helper_->wake();
    arrivals_.add(units);
  });
  flusher_ = std::make_unique<Flusher>(core_, [this](const error_code& error) {
    durable_->tell(core_.durable_end());
    arrivals_.deliver();
    waits_->release(core_.synced_end(), error);
  });
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
  if (!error) return enqueue(std::move(pending), executor);
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

asio::awaitable<std::int64_t> AsyncStore::run_behind_appends(Work work) {
  return run_behind_appends(shared_from_this(), std::move(work));
}

asio::awaitable<std::int64_t> AsyncStore::run_behind_appends(std::shared_ptr<AsyncStore> self,
                                                             Work work) {
  (void)co_await self->await_append(Append(), false);  // of no record: it takes its turn
  co_return co_await self->run_on_helper(std::move(work));
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

void AsyncStore::enqueue(std::unique_ptr<PendingAppend> append,
                         const asio::any_io_executor& executor) {
  const bool is_put_off = Burst::has(*this) || Burst::put_off(executor, shared_from_this());
  PendingAppends refused;
  {
    std::lock_guard lock(queue_mutex_);
    if (closing_) {
      append->append.result.error = make_error_code(StoreErrc::closed);
      refused.push_back(std::move(append));
    } else {
      queue_.push_back(std::move(append));
      if (is_put_off || is_posted_to(executor)) return;
      posted_to_.push_back(executor);
    }
  }
  if (!refused.empty()) return complete(std::move(refused), Completion::later);
  post_drain(executor);
}

void AsyncStore::run_in_turn(const asio::any_io_executor& executor) {
  PendingAppends appends;
  {
    std::lock_guard lock(queue_mutex_);
    if (posted_to_.empty()) bursts_ = 0;
    ++bursts_;
    // Whoever writes looks again; whatever is posted comes soon.
    if (queue_.empty() || is_writing_ || is_posted_to(executor)) return;
    if (is_alone_ && ++inline_writes_ < kInlineWrites) {
      is_writing_ = true;
      appends.swap(queue_);
    } else {
      posted_to_.push_back(executor);
    }
  }
  if (appends.empty()) return post_drain(executor);
  write_queued(std::move(appends), executor);
}

bool AsyncStore::is_posted_to(const asio::any_io_executor& executor) const noexcept {
  return std::ranges::find(posted_to_, executor) != posted_to_.end();
}

// Posted, so that everything that this executor starts before it gets there goes down in one write.
void AsyncStore::post_drain(const asio::any_io_executor& executor) {
  asio::post(executor, [self = shared_from_this(), executor] { self->drain(executor); });
}

void AsyncStore::drain(const asio::any_io_executor& executor) {
  PendingAppends appends;
  {
    std::lock_guard lock(queue_mutex_);
    std::erase(posted_to_, executor);
    if (is_writing_ || queue_.empty()) return;
    is_alone_ = bursts_ <= 1;
    inline_writes_ = 0;
    is_writing_ = true;
    appends.swap(queue_);
  }
  const Burst burst(executor);  // the answers to all of them
  write_queued(std::move(appends), executor);
}

void AsyncStore::write_queued(PendingAppends appends, const asio::any_io_executor& executor) {
  class Role {
   public:
    explicit Role(AsyncStore& store) noexcept : store_(store) {}
    ~Role() {  // also when there was no memory
      const std::lock_guard lock(store_.queue_mutex_);
      store_.is_writing_ = false;
    }

   private:
    AsyncStore& store_;
  };
  PendingAppends done;
  try {
    const Role role(*this);
    done = write(std::move(appends));
  } catch (...) {
    write_rest(executor);
    throw;
  }
  write_rest(executor);
  complete(std::move(done), Completion::may_run_here);
}

// What other threads have queued meanwhile; this thread's other work comes first.
void AsyncStore::write_rest(const asio::any_io_executor& executor) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (queue_.empty() || is_writing_ || is_posted_to(executor)) return;
    posted_to_.push_back(executor);
  }
  post_drain(executor);
}

PendingAppends AsyncStore::write(PendingAppends appends) {
  if (appends.empty()) return appends;
  boost::container::small_vector<Append*, 64> pointers;
  for (const auto& pending : appends) {
    if (!pending->append.items.empty()) pointers.push_back(&pending->append);
  }
  core_.append(std::span(pointers.data(), pointers.size()));
  tell_ends();
  arrivals_.deliver();
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

void AsyncStore::tell_ends() {
  appended_->tell(core_.appended_end());
  if (core_.config().flush == FlushMode::async_flush) durable_->tell(core_.durable_end());
}

error_code AsyncStore::append_raw(std::int64_t offset, std::string_view bytes) {
  const error_code error = core_.append_raw(offset, bytes);
  tell_ends();
  arrivals_.deliver();
  if (core_.is_next_segment_due()) helper_->wake();  // readers may not see what was appended yet
  if (core_.config().flush == FlushMode::sync_flush) flusher_->request();
  return error;
}

void AsyncStore::set_read_limit(std::int64_t offset) {
  core_.set_read_limit(offset);
  arrivals_.deliver();
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
  durable_->tell(core_.durable_end());
  appended_->close();
  durable_->close();
  core_.close();
}

}  // namespace comet::inline v0_1::store
