#include "comet/replication/epochs.hpp"

#include <algorithm>
#include <utility>

namespace comet::inline v0_1::replication {
namespace {

// What lies in front of the first entry is an entry like any other: epoch 0, the same for
// everybody.
class Eras {
 public:
  explicit Eras(const LogEnds& log) : end_(log.end) {
    entries_.emplace_back(0, 0, 0);
    for (const EpochEntry& entry : log.table.entries()) {
      if (entry.start <= log.end) entries_.push_back(entry);
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] const EpochEntry& at(std::size_t index) const { return entries_[index]; }
  [[nodiscard]] std::int64_t end_of(std::size_t index) const {
    return index + 1 < entries_.size() ? entries_[index + 1].start : end_;
  }

 private:
  std::vector<EpochEntry> entries_;
  std::int64_t end_;
};

}  // namespace

bool EpochTable::is_ordered(const std::vector<EpochEntry>& entries) noexcept {
  std::int64_t epoch = 0;
  std::int64_t start = 0;
  for (const EpochEntry& entry : entries) {
    if (entry.epoch <= epoch || entry.start < start) return false;
    epoch = entry.epoch;
    start = entry.start;
  }
  return true;
}

EpochTable EpochTable::of(std::vector<EpochEntry> entries) {
  EpochTable table;
  if (entries.size() <= kMaxEntries && is_ordered(entries)) table.entries_ = std::move(entries);
  return table;
}

std::int64_t EpochTable::last_epoch() const noexcept {
  return entries_.empty() ? 0 : entries_.back().epoch;
}

void EpochTable::begin(const EpochEntry& entry) {
  entries_.push_back(entry);
  if (entries_.size() <= kMaxEntries) return;
  const auto wrote_nothing = [](const EpochEntry& one, const EpochEntry& next) {
    return one.start == next.start;
  };
  const auto empty = std::adjacent_find(entries_.begin(), entries_.end(), wrote_nothing);
  entries_.erase(empty != entries_.end() ? empty : entries_.begin());
}

void EpochTable::cut(std::int64_t end) {
  std::erase_if(entries_, [end](const EpochEntry& entry) { return entry.start > end; });
}

void EpochTable::forget_before(std::int64_t begin) {
  while (entries_.size() > 1 && entries_[1].start <= begin) entries_.erase(entries_.begin());
}

Splice find_splice(const LogEnds& replica, const LogEnds& master) {
  Splice splice;
  if (replica.begin == replica.end) {  // an empty log goes on anywhere
    splice.offset = replica.end;
    return splice;
  }
  if (replica.end < master.begin) {
    splice.kind = Splice::Kind::below;
    splice.offset = replica.end;
    return splice;
  }
  const Eras ours(replica);
  const Eras theirs(master);
  std::size_t i = ours.size() - 1;
  std::size_t j = theirs.size() - 1;
  while (!(ours.at(i) == theirs.at(j))) {  // both have the first era
    if (ours.at(i).epoch >= theirs.at(j).epoch && i > 0) {
      --i;
    } else {
      --j;
    }
  }
  splice.epoch = ours.at(i).epoch;
  splice.offset = std::min(ours.end_of(i), theirs.end_of(j));
  const bool is_whole = splice.offset == replica.end;
  if (splice.epoch == 0) {
    splice.kind = is_whole ? Splice::Kind::unproven : Splice::Kind::diverged;
  } else {
    splice.kind = is_whole ? Splice::Kind::follow : Splice::Kind::cut;
  }
  return splice;
}

}  // namespace comet::inline v0_1::replication
