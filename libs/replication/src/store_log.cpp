#include "comet/replication/store_log.hpp"

namespace comet::inline v0_1::replication {

static_assert(kNoLimit == store::RawLog::kNoLimit);

Result<Body> StoreLog::read(std::int64_t offset, std::int64_t max) const {
  return log_.read(offset, max);
}

asio::awaitable<bool> StoreLog::wait_for_end_beyond(std::int64_t offset) {
  return log_.wait_for_end_beyond(offset);
}

asio::awaitable<bool> StoreLog::wait_for_durable_beyond(std::int64_t offset) {
  return log_.wait_for_durable_beyond(offset);
}

asio::awaitable<error_code> StoreLog::append(std::int64_t offset, std::string_view bytes) {
  return log_.append(offset, bytes);
}

asio::awaitable<Result<std::int64_t>> StoreLog::cut(std::int64_t offset) {
  return log_.cut(offset);
}

std::optional<LastRecord> StoreLog::record_before(std::int64_t offset) const {
  const std::optional<store::RawRecord> record = log_.record_before(offset);
  if (!record) return std::nullopt;
  LastRecord last;
  last.offset = record->offset;
  last.size = record->size;
  last.store_timestamp = record->store_timestamp;
  last.crc = record->crc;
  return last;
}

}  // namespace comet::inline v0_1::replication
