#include "comet/store/raw_log.hpp"

#include "async_store.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::store {

namespace {

asio::awaitable<error_code> append_raw(std::shared_ptr<AsyncStore> store, std::int64_t offset,
                                       std::string_view bytes) {
  co_return store->append_raw(offset, bytes);
}

asio::awaitable<error_code> raise_queues(std::shared_ptr<AsyncStore> store,
                                         std::vector<QueueEnd> ends) {
  AsyncStore::Work work = [ends = std::move(ends)](StoreCore& core) {
    if (error_code error = core.raise_silent_queues(ends)) throw Error(error, "raise queues");
    return std::int64_t{0};
  };
  try {
    (void)co_await store->run_on_helper(std::move(work));
  } catch (const Error& error) {
    co_return error.code();
  }
  co_return error_code();
}

asio::awaitable<Result<std::int64_t>> cut_log(std::shared_ptr<AsyncStore> store,
                                              std::int64_t offset) {
  AsyncStore::Work work = [offset](StoreCore& core) {
    Result<std::int64_t> dropped = core.cut(offset);
    if (!dropped) throw Error(dropped.error(), "cut the commit log");
    return *dropped;
  };
  try {
    co_return co_await store->run_on_helper(std::move(work));
  } catch (const Error& error) {
    co_return error.code();
  }
}

}  // namespace

std::int64_t RawLog::file_size() const { return store_->core().config().commit_log_file_size; }

std::int64_t RawLog::begin() const { return store_->core().min_physical_offset(); }

std::int64_t RawLog::end() const { return store_->core().appended_end(); }

std::int64_t RawLog::durable_end() const { return store_->core().durable_end(); }

std::int64_t RawLog::newest_file_begin() const {
  const std::int64_t at = end();
  return at - at % file_size();
}

Result<Body> RawLog::read(std::int64_t offset, std::int64_t max) const {
  return store_->core().read_raw(offset, max);
}

asio::awaitable<bool> RawLog::wait_for_end_beyond(std::int64_t offset) const {
  return store_->wait_for_end_beyond(offset);
}

asio::awaitable<bool> RawLog::wait_for_durable_beyond(std::int64_t offset) const {
  return store_->wait_for_durable_beyond(offset);
}

asio::awaitable<error_code> RawLog::append(std::int64_t offset, std::string_view bytes) {
  return append_raw(store_, offset, bytes);
}

asio::awaitable<Result<std::int64_t>> RawLog::cut(std::int64_t offset) {
  return cut_log(store_, offset);
}

std::optional<RawRecord> RawLog::record_before(std::int64_t offset) const {
  return store_->core().record_before(offset);
}

std::vector<QueueEnd> RawLog::silent_queues() const { return store_->core().silent_queues(); }

asio::awaitable<error_code> RawLog::raise_silent_queues(std::vector<QueueEnd> ends) {
  return raise_queues(store_, std::move(ends));
}

void RawLog::set_read_limit(std::int64_t offset) { store_->set_read_limit(offset); }

void RawLog::keep_from(std::int64_t offset) { store_->keep_from(offset); }

}  // namespace comet::inline v0_1::store
