#include "async_store.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace comet::store {

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
    : core_(std::move(config), time, files),
      arrivals_(executor),
      waits_(std::make_shared<FlushWaits>(executor, time, core_.config().sync_flush_timeout)) {}

void AsyncStore::start() {
  helper_ = std::make_unique<Helper>([this] { return core_.build_index(); });
  core_.on_visible([this](std::vector<VisibleUnit> units) {
    helper_->wake();
    arrivals_.push(std::move(units), [weak = weak_from_this()] {
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
  if (error_code error = core_.encode(records, append)) return refused(error);
  return await_append(std::move(append), wait_flush);
}

asio::awaitable<AppendResult> AsyncStore::await_append(Append append, bool wait_flush) {
  StartAppend start(shared_from_this(), std::move(append), wait_flush);
  return asio::async_initiate<const asio::use_awaitable_t<>, void(AppendResult)>(
      std::move(start), asio::use_awaitable);
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

}  // namespace comet::store
