#pragma once
// An append on its way into the log.

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <span>
#include <string>

#include "comet/store/message_store.hpp"
#include "consume_queue.hpp"
#include "dispatch.hpp"

namespace comet::inline v0_1::store {

// One or several encoded records that go down together or not at all. Encoded by the caller, so
// that the writer only fills in what depends on the place.
class Append {
 public:
  class Item {
   public:
    std::int32_t begin = 0;  // in `bytes`
    std::int32_t size = 0;
    ConsumeQueue* queue = nullptr;  // null: not indexed
    TagsCode tags_code;
    std::int64_t queue_offset = 0;  // assigned by the writer
  };

  std::string bytes;
  boost::container::small_vector<Item, 1> items;
  AppendResult result;
  std::int64_t log_end = 0;  // where it ends in the log
};

class SpanSource final : public RecordSource {
 public:
  explicit SpanSource(std::span<const RecordView> records) noexcept : records_(records) {}
  void rewind() override { next_ = 0; }
  const RecordView* next() override {
    return next_ == records_.size() ? nullptr : &records_[next_++];
  }

 private:
  std::span<const RecordView> records_;
  std::size_t next_ = 0;
};

// Memory of appends that are done serves the next ones of its thread: an allocator takes long for
// so large a piece when many are under way.
[[nodiscard]] std::string take_record_memory();
void give_record_memory(std::string memory) noexcept;

// A unit that readers may see.
class VisibleUnit {
 public:
  ConsumeQueue* queue = nullptr;
  std::int64_t queue_offset = 0;
  std::int64_t tags_code = 0;
  std::int64_t store_timestamp = 0;
  std::int64_t log_end = 0;  // of its record
};

}  // namespace comet::inline v0_1::store
