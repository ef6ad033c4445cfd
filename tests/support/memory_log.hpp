#pragma once
// A commit log in memory, with a disk that survives it: for tests of replication.

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/bytes.hpp"
#include "comet/message/record.hpp"
#include "comet/replication/history.hpp"
#include "comet/replication/replica_log.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::replication::test {

// What a broker's disk holds of a log. `synced` of it survives a power cut, all of it a kill.
struct Disk {
  std::int64_t begin = 0;
  std::string bytes;  // from `begin` on
  std::int64_t synced = 0;
  std::vector<std::string> kept_aside;  // what cuts dropped
  std::string state;                    // the history file
  [[nodiscard]] std::int64_t end() const { return begin + static_cast<std::int64_t>(bytes.size()); }

  // Loses a random part of what is not synced, and maybe leaves the begin of a record.
  void cut_power(std::mt19937_64& random) {
    const std::int64_t keep =
        std::uniform_int_distribution<std::int64_t>(std::min(synced, end()), end())(random);
    bytes.resize(static_cast<std::size_t>(keep - begin));
  }
};

class MemoryStateFile final : public StateFile {
 public:
  explicit MemoryStateFile(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}
  Result<std::optional<std::string>> read() override {
    if (disk_->state.empty()) return std::optional<std::string>();
    return std::optional<std::string>(disk_->state);
  }
  error_code write(std::string_view content) override {
    if (fails) return make_error_code(boost::system::errc::no_space_on_device);
    disk_->state = content;
    return {};
  }
  std::string name() const override { return "memory"; }
  bool fails = false;

 private:
  std::shared_ptr<Disk> disk_;
};

class MemoryLog final : public ReplicaLog {
 public:
  enum class Flush { async, sync };

  // Recovers what the disk has: whole records that continue each other.
  MemoryLog(asio::any_io_executor executor, TimeSource& time, std::shared_ptr<Disk> disk,
            std::int64_t file_size, Flush flush = Flush::async)
      : time_(time),
        disk_(std::move(disk)),
        file_size_(file_size),
        flush_(flush),
        changed_(executor, time) {
    std::string found = std::exchange(disk_->bytes, std::string());
    end_ = disk_->begin;
    (void)take_whole(found);
    disk_->synced = end_;
  }

  // --- As a master's store ---

  // Appends a message and returns the log's end behind it.
  std::int64_t store(std::string_view body) {
    RecordView record;
    record.topic = "t";
    record.body = body;
    record.queue_offset = static_cast<std::int64_t>(records_.size());
    record.born_timestamp = record.store_timestamp = time_.wall_millis();
    record.physical_offset = end_;
    const std::int64_t size = record.encoded_size();
    const std::int64_t room = file_size_ - end_ % file_size_;
    if (size + 8 > room) put(blank(room));
    record.physical_offset = end_;
    std::string bytes;
    encode_record(record, bytes);
    records_.emplace_back(end_, static_cast<std::int32_t>(bytes.size()));
    put(bytes);
    changed_.notify_all();
    return end_;
  }
  // Begins at a file that is not the first. Only when it is empty.
  void begin_at(std::int64_t offset) { disk_->begin = disk_->synced = end_ = offset; }
  void delete_before(std::int64_t offset) {
    disk_->bytes.erase(0, static_cast<std::size_t>(offset - disk_->begin));
    disk_->begin = offset;
    std::erase_if(records_, [offset](const auto& record) { return record.first < offset; });
  }
  void sync() {
    if (disk_->synced == end_) return;
    disk_->synced = end_;
    changed_.notify_all();
  }
  void close() {
    is_closed_ = true;
    changed_.notify_all();
  }
  void refuse_appends(error_code error) { refusal_ = error; }

  [[nodiscard]] std::string_view bytes() const { return disk_->bytes; }
  [[nodiscard]] const std::vector<std::pair<std::int64_t, std::int32_t>>& records() const {
    return records_;
  }
  [[nodiscard]] std::int64_t read_limit() const noexcept { return read_limit_; }
  [[nodiscard]] std::int64_t kept_from() const noexcept { return kept_from_; }
  [[nodiscard]] int appends() const noexcept { return appends_; }
  [[nodiscard]] const Disk& disk() const noexcept { return *disk_; }
  // The bodies, in order.
  [[nodiscard]] std::vector<std::string> bodies() const {
    std::vector<std::string> found;
    for (const auto& [offset, size] : records_) {
      found.emplace_back(parse_record(view(offset, size), CheckCrc::yes).value().body);
    }
    return found;
  }

  // --- ReplicaLog ---

  std::int64_t file_size() const override { return file_size_; }
  std::int64_t begin() const override { return disk_->begin; }
  std::int64_t end() const override { return end_; }
  std::int64_t durable_end() const override {
    return flush_ == Flush::async ? end_ : std::min(disk_->synced, end_);
  }
  std::int64_t newest_file_begin() const override {
    return std::max(disk_->begin, end_ - end_ % file_size_);
  }
  Result<Body> read(std::int64_t offset, std::int64_t max) const override {
    if (offset < disk_->begin) return make_error_code(store::StoreErrc::short_file);
    const std::int64_t room = file_size_ - offset % file_size_;
    const std::int64_t size = std::min({max, room, end_ - offset});
    return Body(std::string(view(offset, size)));
  }
  asio::awaitable<bool> wait_for_end_beyond(std::int64_t offset) override {
    while (!is_closed_ && end_ <= offset) (void)co_await changed_.wait();
    co_return !is_closed_;
  }
  asio::awaitable<bool> wait_for_durable_beyond(std::int64_t offset) override {
    while (!is_closed_ && durable_end() <= offset) (void)co_await changed_.wait();
    co_return !is_closed_;
  }
  asio::awaitable<error_code> append(std::int64_t offset, std::string_view bytes) override {
    ++appends_;
    if (refusal_) co_return refusal_;
    const bool is_empty = disk_->begin == end_ && kept_.empty();
    if (is_empty && offset % file_size_ == 0) begin_at(offset);
    if (offset == end_) kept_.clear();
    if (offset != end_ + static_cast<std::int64_t>(kept_.size())) {
      co_return make_error_code(RecordErrc::bad_length);
    }
    kept_ += bytes;
    const error_code error = take_whole(kept_);
    changed_.notify_all();
    co_return error;
  }
  asio::awaitable<Result<std::int64_t>> cut(std::int64_t offset) override {
    kept_.clear();
    if (offset == end_) co_return std::int64_t{0};
    std::int64_t messages = 0;
    while (!records_.empty() && records_.back().first >= offset) {
      records_.pop_back();
      ++messages;
    }
    const auto at = static_cast<std::size_t>(offset - disk_->begin);
    disk_->kept_aside.push_back(disk_->bytes.substr(at));
    disk_->bytes.resize(at);
    end_ = offset;
    disk_->synced = std::min(disk_->synced, offset);
    co_return messages;
  }
  std::optional<LastRecord> record_before(std::int64_t offset) const override {
    for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
      if (record->first + record->second > offset) continue;
      LastRecord last;
      last.offset = record->first;
      last.size = record->second;
      const std::string_view bytes = view(record->first, record->second);
      last.store_timestamp = parse_record(bytes, CheckCrc::no).value().store_timestamp;
      last.crc = static_cast<std::uint32_t>(std::hash<std::string_view>()(bytes));
      return last;
    }
    return std::nullopt;
  }
  void set_read_limit(std::int64_t offset) override { read_limit_ = offset; }
  void keep_from(std::int64_t offset) override { kept_from_ = offset; }

 private:
  std::string_view view(std::int64_t offset, std::int64_t size) const {
    return std::string_view(disk_->bytes)
        .substr(static_cast<std::size_t>(offset - disk_->begin), static_cast<std::size_t>(size));
  }
  static std::string blank(std::int64_t size) {
    std::string bytes;
    append_be<std::int32_t>(bytes, static_cast<std::int32_t>(size));
    append_be<std::int32_t>(bytes, kBlankMagic);
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }
  void put(std::string_view bytes) {
    disk_->bytes += bytes;
    end_ += static_cast<std::int64_t>(bytes.size());
  }
  // Moves whole records and blanks from the front of `from` to the log.
  error_code take_whole(std::string& from) {
    std::size_t done = 0;
    error_code error;
    while (!error && from.size() - done >= 8) {
      const std::string_view rest = std::string_view(from).substr(done);
      const auto size = load_be<std::int32_t>(rest.data());
      const bool is_blank = load_be<std::int32_t>(rest.data() + 4) == kBlankMagic;
      const std::int64_t room = file_size_ - end_ % file_size_;
      if (size < 8 || size > room || (is_blank && size != room)) {
        error = make_error_code(RecordErrc::bad_length);
        break;
      }
      if (rest.size() < static_cast<std::size_t>(size)) break;
      const std::string_view whole = rest.substr(0, static_cast<std::size_t>(size));
      if (!is_blank) {
        const Result<RecordView> record = parse_record(whole, CheckCrc::yes);
        if (!record || record->physical_offset != end_) {
          error = record ? make_error_code(RecordErrc::bad_length) : record.error();
          break;
        }
        records_.emplace_back(end_, size);
      }
      put(whole);
      done += whole.size();
    }
    from.erase(0, done);
    return error;
  }

  TimeSource& time_;
  std::shared_ptr<Disk> disk_;
  const std::int64_t file_size_;
  const Flush flush_;
  std::int64_t end_ = 0;
  std::string kept_;  // an incomplete record
  std::vector<std::pair<std::int64_t, std::int32_t>> records_;
  std::int64_t read_limit_ = -1;
  std::int64_t kept_from_ = kNoLimit;
  int appends_ = 0;
  error_code refusal_;
  bool is_closed_ = false;
  Event changed_;
};

}  // namespace comet::inline v0_1::replication::test
