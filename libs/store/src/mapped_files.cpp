#include "mapped_files.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace comet::inline v0_1::store {

namespace {

// Consumers are mostly at the log's end.
constexpr std::size_t kMostMapped = 4;

}  // namespace

std::shared_ptr<LogPages> MappedFiles::find(std::int64_t start, const Map& map) {
  std::shared_ptr<LogPages> unmapped;  // when the lock is gone
  std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(files_, start, &Mapped::start);
  if (found != files_.end()) {
    found->is_used = true;
    std::rotate(found, found + 1, files_.end());
    return files_.back().pages;
  }
  Result<std::shared_ptr<LogPages>> pages = map();
  if (!pages) return nullptr;
  if (files_.size() >= kMostMapped) {
    unmapped = std::move(files_.front().pages);
    files_.erase(files_.begin());
  }
  files_.push_back({start, *pages, true});
  return std::move(*pages);
}

void MappedFiles::drop(std::int64_t start) {
  drop_those([start](const Mapped& one) { return one.start == start; });
}

void MappedFiles::drop_idle() {
  drop_those([](Mapped& one) { return !std::exchange(one.is_used, false); });
}

template <class Condition>
void MappedFiles::drop_those(Condition condition) {
  std::vector<Mapped> unmapped;  // when the lock is gone: readers need not wait for that
  std::lock_guard lock(mutex_);
  const auto kept = std::ranges::stable_partition(files_, std::not_fn(condition)).begin();
  unmapped.assign(std::make_move_iterator(kept), std::make_move_iterator(files_.end()));
  files_.erase(kept, files_.end());
}

std::size_t MappedFiles::count() const {
  std::lock_guard lock(mutex_);
  return files_.size();
}

}  // namespace comet::inline v0_1::store
