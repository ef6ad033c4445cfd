#include "comet/store/message_store.hpp"

#include <algorithm>

#include "async_store.hpp"
#include "comet/store/raw_log.hpp"

namespace comet::inline v0_1::store {

struct MessageStore::Impl final : AsyncStore {
  using AsyncStore::AsyncStore;
};

MessageStore::MessageStore(StoreConfig config, asio::any_io_executor executor, TimeSource& time)
    : MessageStore(std::move(config), std::move(executor), time, posix_files()) {}

MessageStore::MessageStore(StoreConfig config, asio::any_io_executor executor, TimeSource& time,
                           FileSystem& files)
    : impl_(std::make_shared<Impl>(std::move(config), std::move(executor), time, files)) {
  impl_->start();
}

MessageStore::~MessageStore() {
  impl_->close();
  impl_->forget_observers();
}

asio::awaitable<AppendResult> MessageStore::append(RecordView record, bool wait_flush) {
  return impl_->submit(std::span(&record, 1), wait_flush);
}

asio::awaitable<AppendResult> MessageStore::append_batch(std::vector<RecordView> records,
                                                         bool wait_flush) {
  return impl_->submit(records, wait_flush);
}

void MessageStore::append(std::span<const RecordView> records, bool wait_flush,
                          const asio::any_io_executor& executor, AppendHandler done) {
  impl_->submit(records, wait_flush, executor, std::move(done));
}

void MessageStore::append(RecordSource& records, bool wait_flush,
                          const asio::any_io_executor& executor, AppendHandler done) {
  impl_->submit(records, wait_flush, executor, std::move(done));
}

ReadResult MessageStore::read(std::string_view topic, std::int32_t queue_id, std::int64_t offset,
                              const ReadLimits& limits, const TagFilter& filter,
                              const RecordFilter& exact_filter) const {
  return impl_->core().read(topic, queue_id, offset, limits, filter, exact_filter);
}

SharedBytes MessageStore::read_record(std::int64_t physical_offset) const {
  return impl_->core().read_record(physical_offset);
}

std::int64_t MessageStore::min_offset(std::string_view topic, std::int32_t queue_id) const {
  return impl_->core().min_offset(topic, queue_id);
}

std::int64_t MessageStore::max_offset(std::string_view topic, std::int32_t queue_id) const {
  return impl_->core().max_offset(topic, queue_id);
}

bool MessageStore::probably_in_memory(std::string_view topic, std::int32_t queue_id,
                                      std::int64_t offset) const {
  return impl_->core().probably_in_memory(topic, queue_id, offset);
}

std::int64_t MessageStore::offset_by_time(std::string_view topic, std::int32_t queue_id,
                                          std::int64_t timestamp, TimeBoundary boundary) const {
  return impl_->core().offset_by_time(topic, queue_id, timestamp, boundary);
}

std::int64_t MessageStore::store_time(std::string_view topic, std::int32_t queue_id,
                                      std::int64_t offset) const {
  return impl_->core().store_time(topic, queue_id, offset);
}

std::int64_t MessageStore::earliest_store_time(std::string_view topic,
                                               std::int32_t queue_id) const {
  return impl_->core().earliest_store_time(topic, queue_id);
}

std::int64_t MessageStore::earliest_store_time() const {
  return impl_->core().earliest_store_time();
}

std::vector<QueueEntry> MessageStore::queue_entries(std::string_view topic, std::int32_t queue_id,
                                                    std::int64_t offset,
                                                    std::int32_t max_count) const {
  return impl_->core().queue_entries(topic, queue_id, offset, max_count);
}

KeyQueryResult MessageStore::query(const KeyQuery& query) const {
  return impl_->core().query(query);
}

std::map<std::string, std::int32_t, std::less<>> MessageStore::queue_counts() const {
  return impl_->core().queue_counts();
}

std::int64_t MessageStore::now_millis() const { return impl_->core().now_millis(); }

std::int64_t MessageStore::newest_store_time_at_start() const {
  return impl_->core().recovery_report().newest_timestamp;
}

std::int64_t MessageStore::min_physical_offset() const {
  return impl_->core().min_physical_offset();
}

std::int64_t MessageStore::max_physical_offset() const { return impl_->core().readable_end(); }

std::int64_t MessageStore::unsynced_bytes() const {
  const StoreCore& core = impl_->core();
  return std::max<std::int64_t>(core.readable_end() - core.synced_end(), 0);
}

std::int64_t MessageStore::appended_end() const { return impl_->core().appended_end(); }

std::int64_t MessageStore::synced_end() const { return impl_->core().synced_end(); }

std::string MessageStore::read_only_reason() const { return impl_->core().read_only_reason(); }

asio::awaitable<void> MessageStore::run_retention() { return impl_->run_retention(); }

void MessageStore::request_deletion() { impl_->request_deletion(); }

DiskState MessageStore::disk_state() const { return impl_->core().disk_state(); }

DamageStats MessageStore::damage_stats() const { return impl_->core().damage_stats(); }

std::int64_t MessageStore::lent_bytes() const noexcept { return impl_->core().lent_bytes(); }

asio::awaitable<std::int64_t> MessageStore::remove_topic(std::string topic) {
  return impl_->run_behind_appends(
      [topic = std::move(topic)](StoreCore& core) { return core.remove_topic(topic); });
}

asio::awaitable<std::int64_t> MessageStore::remove_unused_topics(TopicTest is_used) {
  return impl_->run_behind_appends([is_used = std::move(is_used)](StoreCore& core) {
    return core.remove_unused_topics(is_used);
  });
}

asio::awaitable<std::int64_t> MessageStore::remove_expired_queues() {
  return impl_->run_on_helper([](StoreCore& core) { return core.remove_expired_queues(); });
}

RawLog MessageStore::raw_log() { return RawLog(impl_); }

void MessageStore::observe_arrivals(ArrivalObserver observer) {
  impl_->observe(std::move(observer));
}

void MessageStore::forget_observers() { impl_->forget_observers(); }

void MessageStore::close() { impl_->close(); }

}  // namespace comet::inline v0_1::store
