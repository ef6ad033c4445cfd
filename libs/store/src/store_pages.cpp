// Reading a queue without reading its messages: answers whose bytes the kernel takes out of the
// log's pages.

#include <array>
#include <optional>
#include <utility>

#include "comet/base/bytes.hpp"
#include "read_reach.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

// Of records that lie alone: copying smaller ones costs less than naming them to the kernel.
constexpr std::int32_t kWorthSending = 512;
// Bytes at a record's front that tell which one it is.
constexpr std::int32_t kRecordHead = 36;

}  // namespace

// One read of a queue's units. Nobody looks at the records, so these are such as need no look: this
// process has stored them, it is certain where they lie, and they still are in memory, so that no
// disk has had a chance to change them. At the first other one the answer ends.
class StoreCore::PagesRead {
 public:
  PagesRead(const StoreCore& core, const ConsumeQueue& queue, const ReadLimits& limits,
            const TagFilter& filter)
      : core_(core),
        queue_(queue),
        limits_(limits),
        filter_(filter),
        readable_(core.readable_end()),
        least_(std::max(
            {core.recovery_.end, core.log_.min_offset(), readable_ - core.memory_reach()})) {}

  // False: nothing can be said of the first one, and the result is as it was.
  bool run(ReadResult& result) {
    const std::int64_t begin = result.next_offset;
    offset_ = begin;
    const std::int64_t most = std::max<std::int64_t>(kMaxExamined, limits_.max_count);
    const std::int64_t until = std::min(result.max_offset, begin + most);
    std::array<QueueUnit, 64> units;
    // Filters look at more than they take.
    const std::size_t at_a_time =
        filter_ ? units.size()
                : std::min(units.size(), static_cast<std::size_t>(limits_.max_count));
    while (!full_ && offset_ < until) {
      const std::size_t n =
          queue_.read_own_units(offset_, until, std::span(units).first(at_a_time));
      if (n == 0) break;
      std::span<const QueueUnit> rest(units.data(), n);
      for (; !full_ && !rest.empty(); rest = rest.subspan(1)) take(rest);
    }
    if (offset_ == begin || (count_ > 0 && !is_in_place())) return false;
    result.next_offset = offset_;
    result.count = count_;
    result.status = count_ > 0 ? ReadStatus::found : ReadStatus::no_matched_message;
    if (bytes_) result.records = Body(std::move(*bytes_));
    return true;
  }

 private:
  // The first one.
  void take(std::span<const QueueUnit> units) {
    const QueueUnit& unit = units.front();
    if (filter_ && !filter_(unit.tags_code)) {
      ++offset_;
      return;
    }
    full_ = (bytes_ && static_cast<std::int64_t>(bytes_->size()) + unit.size > limits_.max_bytes) ||
            !may_be_sent(unit) ||
            !(bytes_ ? unit.physical_offset < end_of_file_ : begin_with(units));
    if (full_) return;
    bytes_->append(pages_->part(unit.physical_offset % core_.log_.segment_size(), unit.size));
    last_ = unit;
    last_offset_ = offset_++;
    full_ = ++count_ >= limits_.max_count;
  }

  [[nodiscard]] bool may_be_sent(const QueueUnit& unit) const noexcept {
    return !unit.is_filler() && unit.size > 0 && unit.physical_offset >= least_ &&
           unit.end() <= readable_;
  }

  bool begin_with(std::span<const QueueUnit> units) {
    const QueueUnit& unit = units.front();
    const bool has_neighbour = units.size() > 1 && units[1].physical_offset == unit.end();
    if (unit.size < kWorthSending && !has_neighbour) return false;
    pages_ = core_.log_.pages_at(unit.physical_offset);
    if (!pages_) return false;
    bytes_.emplace(pages_);
    const std::int64_t segment_size = core_.log_.segment_size();
    end_of_file_ = unit.physical_offset - unit.physical_offset % segment_size + segment_size;
    return true;
  }

  // Where somebody has cut the file, what lay behind the cut is gone, or zero by now. So the head
  // of the last record must be the one that its unit means, and its last byte be there: one read
  // tells both; for a large record the head is read, and the file's size asked for.
  [[nodiscard]] bool is_in_place() const {
    constexpr std::int32_t kMostRead = 4096;
    std::array<char, kMostRead> record;  // NOLINT: filled below
    const bool is_large = last_.size > kMostRead;
    const std::int32_t size = is_large ? kRecordHead : std::max(last_.size, kRecordHead);
    const std::span<char> read(record.data(), static_cast<std::size_t>(size));
    const bool is_there = !core_.log_.read_into(last_.physical_offset, read) &&
                          is_last(record.data()) && (!is_large || pages_->is_whole());
    if (!is_there) core_.log_.give_up_pages(last_.physical_offset);
    return is_there;
  }

  [[nodiscard]] bool is_last(const char* head) const noexcept {
    return load_be<std::int32_t>(head) == last_.size &&
           load_be<std::int32_t>(head + 12) == queue_.queue_id() &&
           load_be<std::int64_t>(head + 20) == last_offset_ &&
           load_be<std::int64_t>(head + 28) == last_.physical_offset;
  }

  const StoreCore& core_;
  const ConsumeQueue& queue_;
  const ReadLimits& limits_;
  const TagFilter& filter_;
  const std::int64_t readable_;
  const std::int64_t least_;
  std::shared_ptr<const LogPages> pages_;
  std::optional<PagedBytes> bytes_;
  std::int64_t end_of_file_ = 0;
  std::int64_t offset_ = 0;  // of the next unit
  std::int32_t count_ = 0;
  QueueUnit last_;
  std::int64_t last_offset_ = 0;
  bool full_ = false;
};

bool StoreCore::read_pages(const ConsumeQueue& queue, const ReadLimits& limits,
                           const TagFilter& filter, ReadResult& result) const {
  return PagesRead(*this, queue, limits, filter).run(result);
}

}  // namespace comet::inline v0_1::store
