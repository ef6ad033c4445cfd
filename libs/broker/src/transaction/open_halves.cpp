#include "transaction/open_halves.hpp"

#include <algorithm>
#include <bit>

namespace comet::inline v0_1::broker {

void OpenHalves::Claim::end() {
  owner_->end(offset_);
  owner_ = nullptr;
}

void OpenHalves::Claim::move_to(std::int64_t offset) {
  owner_->move(offset_, offset);
  owner_ = nullptr;
}

void OpenHalves::reset(std::int64_t first) {
  std::lock_guard lock(mutex_);
  first_ = first;
  base_ = first / kBits * kBits;
  ended_.clear();
  claimed_.clear();
  moved_.clear();
  earlier_.clear();
}

void OpenHalves::set_ended(std::int64_t offset) {
  std::lock_guard lock(mutex_);
  mark(offset);
}

void OpenHalves::set_moved(std::int64_t from, std::int64_t to) { move(from, to); }

OpenHalves::Attempt OpenHalves::claim(std::int64_t offset) {
  std::lock_guard lock(mutex_);
  Attempt attempt;
  if (is_ended(offset)) {
    const auto found = moved_.find(offset);
    if (found == moved_.end() || is_ended(found->second)) return attempt;
    offset = found->second;
  }
  if (claimed_.insert(offset).second) {
    attempt.claim.emplace(*this, offset);
  } else {
    attempt.refusal = Refusal::busy;
  }
  return attempt;
}

std::optional<OpenHalves::Claim> OpenHalves::claim_exactly(std::int64_t offset) {
  std::lock_guard lock(mutex_);
  if (is_ended(offset) || !claimed_.insert(offset).second) return std::nullopt;
  return std::optional<Claim>(std::in_place, *this, offset);
}

std::int64_t OpenHalves::next_open(std::int64_t offset, std::int64_t end) const {
  std::lock_guard lock(mutex_);
  return find_open(offset, end);
}

std::int64_t OpenHalves::first() const {
  std::lock_guard lock(mutex_);
  return first_;
}

std::int64_t OpenHalves::advance(std::int64_t begin, std::int64_t end) {
  std::lock_guard lock(mutex_);
  first_ = std::max(first_, find_open(begin, end));
  while (!ended_.empty() && base_ + kBits <= first_) {
    ended_.pop_front();
    base_ += kBits;
  }
  if (ended_.empty()) base_ = first_ / kBits * kBits;
  return first_;
}

std::int64_t OpenHalves::count(std::int64_t end) const {
  std::lock_guard lock(mutex_);
  std::int64_t ended = 0;
  for (const std::uint64_t word : ended_) ended += std::popcount(word);
  // Bits below the first one are not all set.
  for (std::int64_t offset = base_; offset < first_; ++offset) {
    const auto word = static_cast<std::size_t>((offset - base_) / kBits);
    if (word >= ended_.size()) break;
    ended -= static_cast<std::int64_t>(ended_[word] >> (offset % kBits) & 1);
  }
  return std::max<std::int64_t>(end - first_ - ended, 0);
}

void OpenHalves::release(std::int64_t offset) {
  std::lock_guard lock(mutex_);
  claimed_.erase(offset);
}

bool OpenHalves::is_ended(std::int64_t offset) const noexcept {
  if (offset < first_) return true;
  const auto word = static_cast<std::size_t>((offset - base_) / kBits);
  return word < ended_.size() && (ended_[word] >> (offset % kBits) & 1) != 0;
}

void OpenHalves::mark(std::int64_t offset) {
  if (offset < first_) return;
  const auto word = static_cast<std::size_t>((offset - base_) / kBits);
  if (word >= ended_.size()) ended_.resize(word + 1);
  ended_[word] |= std::uint64_t{1} << (offset % kBits);
}

void OpenHalves::end(std::int64_t offset) {
  std::lock_guard lock(mutex_);
  claimed_.erase(offset);
  mark(offset);
  const auto found = earlier_.find(offset);
  if (found == earlier_.end()) return;
  moved_.erase(found->second.first);
  moved_.erase(found->second.previous);
  earlier_.erase(found);
}

void OpenHalves::move(std::int64_t from, std::int64_t to) {
  std::lock_guard lock(mutex_);
  claimed_.erase(from);
  mark(from);
  Earlier earlier{from, from};
  if (const auto found = earlier_.find(from); found != earlier_.end()) {
    earlier.first = found->second.first;
    if (found->second.previous != earlier.first) moved_.erase(found->second.previous);
    earlier_.erase(found);
  }
  if (earlier_.size() >= kMostMoved) {
    moved_.erase(earlier.first);
    return;
  }
  moved_[earlier.first] = to;
  moved_[earlier.previous] = to;
  earlier_.emplace(to, earlier);
}

std::int64_t OpenHalves::find_open(std::int64_t offset, std::int64_t end) const noexcept {
  offset = std::max(offset, first_);
  while (offset < end) {
    const auto word = static_cast<std::size_t>((offset - base_) / kBits);
    if (word >= ended_.size()) return offset;
    const std::uint64_t open = ~ended_[word] >> (offset % kBits);
    if (open != 0) {
      return std::min(offset + static_cast<std::int64_t>(std::countr_zero(open)), end);
    }
    offset = (offset / kBits + 1) * kBits;
  }
  return end;
}

}  // namespace comet::inline v0_1::broker
