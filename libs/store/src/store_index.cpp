// StoreCore and the index: finding messages by key.

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "comet/base/log.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

using namespace std::chrono_literals;

// The index is built in pieces of this much log, so that queries need not wait long.
constexpr std::int64_t kBuildPiece = 256 * 1024;
// A query finds everything that can be read when no more than this is left to be indexed.
constexpr std::int64_t kCatchUp = 16 << 20;
// How long an orderly stop goes on indexing. Real time: this is about the disk.
constexpr auto kFinishTime = 5s;
// Offsets looked at for one query, beyond those it asked for: messages whose keys have the same
// hash.
constexpr std::size_t kSpareOffsets = 1024;

}  // namespace

bool StoreCore::build_index() const {
  return config_.index_messages && index_.build(readable_end(), kBuildPiece);
}

void StoreCore::finish_index() const {
  auto deadline = std::chrono::steady_clock::now() + kFinishTime;
  while (build_index()) {
    if (std::chrono::steady_clock::now() < deadline) continue;
    log::info("store {}: {} bytes of the log are not indexed yet; the next start goes on",
              directory_.root(), readable_end() - index_.log_end());
    return;
  }
}

IndexMatches StoreCore::look_up(const KeyQuery& query, std::size_t most) const {
  if (readable_end() - index_.log_end() <= kCatchUp) {
    while (build_index()) {
    }
  }
  return index_.find(query, most);
}

KeyQueryResult StoreCore::query(const KeyQuery& query) const {
  KeyQueryResult result;
  if (!config_.index_messages || query.max_count <= 0) return result;
  const auto wanted = static_cast<std::size_t>(query.max_count);
  IndexMatches matches = look_up(query, wanted + kSpareOffsets);
  if (matches.is_damaged) {
    faults_.note("a part of the index was damaged");
    matches = look_up(query, wanted + kSpareOffsets);
  }
  result.last_update_timestamp = matches.last_timestamp;
  result.last_update_offset = matches.last_offset;
  result.is_cut = matches.is_cut;
  std::vector<SharedBytes> records;
  std::int64_t last = -1;
  for (std::int64_t offset : matches.offsets) {
    if (records.size() == wanted) break;
    // A key that a message has twice is indexed twice.
    if (offset == std::exchange(last, offset)) continue;
    SharedBytes bytes = read_record(offset);
    if (bytes.empty()) continue;
    Result<RecordView> record = parse_record(bytes.view(), CheckCrc::no);
    if (record && is_match(*record, query)) records.push_back(std::move(bytes));
  }
  result.count = static_cast<std::int32_t>(records.size());
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    result.records.append(std::move(*record));
  }
  return result;
}

}  // namespace comet::inline v0_1::store
