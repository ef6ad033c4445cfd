#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace comet::inline v0_1::broker {

// A record of the timer topic that waits: where it lies and when it is due. Ordered by due time;
// at the same time recalls come first, then records in the order of the log.
class TimerEntry {
 public:
  TimerEntry() = default;
  TimerEntry(std::int64_t due_millis, std::int64_t physical_offset, bool is_recall) noexcept
      : due_(due_millis),
        place_(static_cast<std::uint64_t>(physical_offset) | (is_recall ? 0 : kMessage)) {}
  [[nodiscard]] std::int64_t due_millis() const noexcept { return due_; }
  [[nodiscard]] std::int64_t physical_offset() const noexcept {
    return static_cast<std::int64_t>(place_ & ~kMessage);
  }
  [[nodiscard]] bool is_recall() const noexcept { return (place_ & kMessage) == 0; }
  friend auto operator<=>(const TimerEntry&, const TimerEntry&) = default;

 private:
  static constexpr std::uint64_t kMessage = std::uint64_t{1} << 63;
  std::int64_t due_ = 0;
  std::uint64_t place_ = 0;
};
static_assert(sizeof(TimerEntry) == 16);

// The earliest of any number of entries: a binary heap in one piece of memory, 16 bytes an entry
// and at most twice that while it grows. Nothing in it happens by itself: what waits costs nothing.
class TimerIndex {
 public:
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  [[nodiscard]] const TimerEntry& first() const noexcept { return heap_.front(); }

  void add(const TimerEntry& entry) {
    heap_.push_back(entry);
    std::ranges::push_heap(heap_, std::greater());
  }
  // All at once, when there is none yet.
  void fill(std::vector<TimerEntry> entries) {
    heap_ = std::move(entries);
    std::ranges::make_heap(heap_, std::greater());
  }
  TimerEntry take_first() {
    std::ranges::pop_heap(heap_, std::greater());
    const TimerEntry entry = heap_.back();
    heap_.pop_back();
    if (heap_.capacity() > kKept && heap_.size() < heap_.capacity() / 4) heap_.shrink_to_fit();
    return entry;
  }
  // Forgets the records that lie before `physical_offset`.
  void forget_before(std::int64_t physical_offset) {
    std::erase_if(heap_, [physical_offset](const TimerEntry& entry) {
      return entry.physical_offset() < physical_offset;
    });
    std::ranges::make_heap(heap_, std::greater());
  }

 private:
  static constexpr std::size_t kKept = 65536;  // entries for which memory is kept
  std::vector<TimerEntry> heap_;
};

}  // namespace comet::inline v0_1::broker
