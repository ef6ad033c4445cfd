#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/message/record.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::broker {

// The records of a queue one after the other.
class QueueScan {
 public:
  QueueScan(const store::MessageStore& store, std::string_view topic, std::int32_t queue_id,
            std::int64_t begin, std::int64_t end)
      : store_(store), topic_(topic), queue_id_(queue_id), offset_(begin - 1), end_(end) {}

  // False at the end. The record before is gone then.
  bool next() {
    if (++offset_ >= end_) return false;
    const std::int64_t index = offset_ - entries_begin_;
    if (index < 0 || index >= static_cast<std::int64_t>(entries_.size())) {
      entries_ = store_.queue_entries(topic_, queue_id_, offset_, kEntriesAtOnce);
      entries_begin_ = offset_;
      if (entries_.empty()) return false;
    }
    const auto& entry = entries_[static_cast<std::size_t>(offset_ - entries_begin_)];
    bytes_ = store_.read_record(entry.physical_offset);
    auto parsed = parse_record(bytes_.view(), CheckCrc::no);
    record_ = parsed ? std::optional<RecordView>(*parsed) : std::nullopt;
    return true;
  }
  // The next one is that at `offset`, which lies ahead.
  void skip_to(std::int64_t offset) noexcept { offset_ = offset - 1; }

  [[nodiscard]] std::int64_t offset() const noexcept { return offset_; }
  // Nullopt: it cannot be read. A view into bytes().
  [[nodiscard]] const std::optional<RecordView>& record() const noexcept { return record_; }
  [[nodiscard]] const SharedBytes& bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::int32_t kEntriesAtOnce = 64;

  const store::MessageStore& store_;
  std::string topic_;
  std::int32_t queue_id_;
  std::int64_t offset_;
  std::int64_t end_;
  std::int64_t entries_begin_ = 0;
  std::vector<store::QueueEntry> entries_;
  SharedBytes bytes_;
  std::optional<RecordView> record_;
};

}  // namespace comet::inline v0_1::broker
