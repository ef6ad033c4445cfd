#pragma once
// A MessageStore's log for replication.

#include <utility>

#include "comet/replication/replica_log.hpp"
#include "comet/store/raw_log.hpp"

namespace comet::inline v0_1::replication {

// Keeps the store's inside alive. What RawLog says of each call holds here, too.
class StoreLog final : public ReplicaLog {
 public:
  explicit StoreLog(store::RawLog log) noexcept : log_(std::move(log)) {}

  std::int64_t file_size() const override { return log_.file_size(); }
  std::int64_t begin() const override { return log_.begin(); }
  std::int64_t end() const override { return log_.end(); }
  std::int64_t durable_end() const override { return log_.durable_end(); }
  std::int64_t newest_file_begin() const override { return log_.newest_file_begin(); }
  Result<Body> read(std::int64_t offset, std::int64_t max) const override;
  asio::awaitable<bool> wait_for_end_beyond(std::int64_t offset) override;
  asio::awaitable<bool> wait_for_durable_beyond(std::int64_t offset) override;
  asio::awaitable<error_code> append(std::int64_t offset, std::string_view bytes) override;
  asio::awaitable<Result<std::int64_t>> cut(std::int64_t offset) override;
  std::optional<LastRecord> record_before(std::int64_t offset) const override;
  void set_read_limit(std::int64_t offset) override { log_.set_read_limit(offset); }
  void keep_from(std::int64_t offset) override { log_.keep_from(offset); }

 private:
  store::RawLog log_;
};

}  // namespace comet::inline v0_1::replication
