#pragma once

#include "comet/replication/replica_log.hpp"

namespace comet::inline v0_1::broker {

// An ASYNC_MASTER's log: its readers see what is stored, whatever its replicas have, as at
// Apache's.
class AsyncMasterLog final : public replication::ReplicaLog {
 public:
  explicit AsyncMasterLog(replication::ReplicaLog& log) : log_(log) {}

  [[nodiscard]] std::int64_t file_size() const override { return log_.file_size(); }
  [[nodiscard]] std::int64_t begin() const override { return log_.begin(); }
  [[nodiscard]] std::int64_t end() const override { return log_.end(); }
  [[nodiscard]] std::int64_t durable_end() const override { return log_.durable_end(); }
  [[nodiscard]] std::int64_t newest_file_begin() const override { return log_.newest_file_begin(); }
  [[nodiscard]] Result<Body> read(std::int64_t offset, std::int64_t max) const override {
    return log_.read(offset, max);
  }
  [[nodiscard]] asio::awaitable<bool> wait_for_end_beyond(std::int64_t offset) override {
    return log_.wait_for_end_beyond(offset);
  }
  [[nodiscard]] asio::awaitable<bool> wait_for_durable_beyond(std::int64_t offset) override {
    return log_.wait_for_durable_beyond(offset);
  }
  [[nodiscard]] asio::awaitable<error_code> append(std::int64_t offset,
                                                   std::string_view bytes) override {
    return log_.append(offset, bytes);
  }
  [[nodiscard]] asio::awaitable<Result<std::int64_t>> cut(std::int64_t offset) override {
    return log_.cut(offset);
  }
  [[nodiscard]] std::optional<replication::LastRecord> record_before(
      std::int64_t offset) const override {
    return log_.record_before(offset);
  }
  void set_read_limit(std::int64_t /*offset*/) override {}
  void keep_from(std::int64_t offset) override { log_.keep_from(offset); }

 private:
  replication::ReplicaLog& log_;
};

}  // namespace comet::inline v0_1::broker
