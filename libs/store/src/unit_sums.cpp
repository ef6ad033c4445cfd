#include "unit_sums.hpp"

#include <algorithm>
#include <cstring>

#include "consume_queue.hpp"

namespace comet::inline v0_1::store {

namespace {

template <class Number>
std::uint64_t load(const char* from) noexcept {
  Number number;
  std::memcpy(&number, from, sizeof number);
  return number;
}

// A change of any bit changes about half of the result's.
std::uint64_t with_unit(std::uint64_t sum, const char* unit) noexcept {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15U;
  for (const std::uint64_t part :
       {load<std::uint64_t>(unit), load<std::uint64_t>(unit + 8), load<std::uint32_t>(unit + 16)}) {
    sum = (sum ^ part) * kOdd;
    sum ^= sum >> 32U;
  }
  return sum;
}

std::uint32_t folded(std::uint64_t sum) noexcept {
  return static_cast<std::uint32_t>(sum ^ (sum >> 32U));
}

}  // namespace

bool UnitSums::Expected::is(std::string_view units) const noexcept {
  constexpr std::size_t kGroupBytes = kTogether * QueueUnit::kSize;
  if (groups_ == 0) return false;
  if (units.size() != (groups_ - 1) * kGroupBytes + last_size_ * QueueUnit::kSize) return false;
  for (std::size_t i = 0; i < groups_; ++i) {
    const std::string_view group = units.substr(0, kGroupBytes);
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < group.size(); at += QueueUnit::kSize) {
      sum = with_unit(sum, group.data() + at);
    }
    if (folded(sum) != sums_[i]) return false;
    units.remove_prefix(group.size());
  }
  return true;
}

void UnitSums::begin_at(std::int64_t next) noexcept {
  sums_.clear();
  next_ = next;
  sum_ = 0;
  is_whole_ = next % kTogether == 0;
  first_ = next / kTogether + (is_whole_ ? 0 : 1);
}

void UnitSums::add(std::string_view units) {
  for (; !units.empty(); units.remove_prefix(QueueUnit::kSize)) {
    sum_ = with_unit(sum_, units.data());
    if (++next_ % kTogether != 0) continue;
    if (is_whole_) sums_.push_back(folded(sum_));
    sum_ = 0;
    is_whole_ = true;
  }
  if (sums_.size() < 2 * kMost) return;
  const std::size_t old = sums_.size() - kMost;
  sums_.erase(sums_.begin(), sums_.begin() + static_cast<std::ptrdiff_t>(old));
  first_ += static_cast<std::int64_t>(old);
}

UnitSums::Expected UnitSums::expect(std::int64_t begin, std::int64_t end) const noexcept {
  Expected expected;
  const std::int64_t first = begin / kTogether;
  const std::int64_t groups = (end - begin + kTogether - 1) / kTogether;
  const std::int64_t known = first_ + static_cast<std::int64_t>(sums_.size());
  const bool has_rest = end % kTogether != 0;
  if (begin % kTogether != 0 || groups <= 0 || groups > static_cast<std::int64_t>(kGroups) ||
      first < first_ || (has_rest && (end != next_ || !is_whole_)) ||
      first + groups - (has_rest ? 1 : 0) > known) {
    return expected;
  }
  for (std::int64_t i = 0; i < groups; ++i) {
    const bool is_rest = has_rest && i + 1 == groups;
    expected.sums_[static_cast<std::size_t>(i)] =
        is_rest ? folded(sum_) : sums_[static_cast<std::size_t>(first + i - first_)];
  }
  expected.groups_ = static_cast<std::size_t>(groups);
  expected.last_size_ = static_cast<std::size_t>(has_rest ? end % kTogether : kTogether);
  return expected;
}

}  // namespace comet::inline v0_1::store
