#pragma once
// Sums over the newest units of a queue that this process has written to files: whether what is
// read back is what was written.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace comet::inline v0_1::store {

// Not thread-safe. Units are named by their queue offsets.
class UnitSums {
 public:
  // Units that have a sum together: those from a multiple of it on.
  static constexpr std::int64_t kTogether = 32;
  // Of so many groups of units sums are kept, with 4 bytes each.
  static constexpr std::size_t kMost = 8192;
  // Groups that can be told at a time.
  static constexpr std::size_t kGroups = 4;

  // What the units of some groups have to be.
  class Expected {
   public:
    // `units`: of the groups that were asked for, all that have been written.
    [[nodiscard]] bool is(std::string_view units) const noexcept;

   private:
    friend class UnitSums;
    std::array<std::uint32_t, kGroups> sums_{};
    std::size_t groups_ = 0;     // 0: of one of them nothing is known
    std::size_t last_size_ = 0;  // of the last one, units
  };

  // Nothing is written before `next`.
  void begin_at(std::int64_t next) noexcept;
  // The next units.
  void add(std::string_view units);
  // For what lies in [begin, end): multiples of kTogether, but `end` may be next(), too.
  [[nodiscard]] Expected expect(std::int64_t begin, std::int64_t end) const noexcept;
  [[nodiscard]] std::int64_t next() const noexcept { return next_; }

 private:
  std::vector<std::uint32_t> sums_;  // of whole groups, consecutive
  std::int64_t first_ = 0;           // the first group's number
  std::int64_t next_ = 0;
  std::uint64_t sum_ = 0;  // of the group that next_ lies in
  bool is_whole_ = true;   // that began at the group's begin
};

}  // namespace comet::inline v0_1::store
