// What the disk says about open half messages, at the start of the broker.

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>

#include "comet/base/log.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/sys_flag.hpp"
#include "records/delayed_message.hpp"
#include "records/queue_scan.hpp"
#include "transaction/transaction_service.hpp"

namespace comet::inline v0_1::broker {
namespace {

// Of a queue's end: there a message may lie that was committed just before a crash. No more commits
// than maxSends are under way at a time, other messages may be between them.
constexpr std::int64_t kMostCommitsToFind = 20'000;
constexpr std::int64_t kMostToLookAt = 1'000'000;  // of all queues together

// A half message and the one that took its place differ in what the broker adds.
class LastSeen {
 public:
  std::int64_t offset = 0;
  std::int32_t times = 0;
  [[nodiscard]] bool is_before(const RecordView& half) const {
    const std::int32_t now = check_times(half);
    return now == times + 1 || (now == times && first_offset(half).has_value());
  }
};

}  // namespace

void TransactionService::load() {
  const std::int64_t half_end = store_.max_offset(kHalfTopic, kHalfQueue);
  const std::int64_t half_begin = store_.min_offset(kHalfTopic, kHalfQueue);
  const std::int64_t op_begin = store_.min_offset(kOpTopic, kHalfQueue);
  const auto saved = [this](std::string_view topic, std::int64_t otherwise) {
    return offsets_.find(kTransactionGroup, topic, kHalfQueue).value_or(otherwise);
  };
  halves_.reset(std::clamp(saved(kHalfTopic, half_begin), half_begin, half_end));
  op_offset_ = std::clamp(saved(kOpTopic, op_begin), op_begin,
                          std::max(op_begin, store_.max_offset(kOpTopic, kHalfQueue)));
  if (half_end == 0) return;
  announce_half_topic();
  load_ended(half_end);
  load_open(half_end);
  log::info("{} transactions are open", halves_.count(half_end));
}

void TransactionService::load_ended(std::int64_t half_end) {
  QueueScan ops(store_, kOpTopic, kHalfQueue, op_offset_, store_.max_offset(kOpTopic, kHalfQueue));
  while (ops.next()) {
    if (!ops.record()) continue;
    for (const std::int64_t offset : ended_offsets(*ops.record())) {
      if (offset < half_end) halves_.set_ended(offset);
    }
  }
}

void TransactionService::load_open(std::int64_t half_end) {
  std::unordered_map<std::size_t, LastSeen> seen;  // by the unique key's hash
  std::set<std::pair<std::string, std::int32_t>> queues;
  std::vector<std::int64_t> ended;
  QueueScan halves(store_, kHalfTopic, kHalfQueue, 0, half_end);
  halves.skip_to(halves_.next_open(0, half_end));
  for (; halves.next(); halves.skip_to(halves_.next_open(halves.offset() + 1, half_end))) {
    if (!halves.record()) continue;
    const RecordView& half = *halves.record();
    if (const auto real = for_real_queue(half)) {
      queues.emplace(std::string(real->topic), real->queue_id);
    }
    if (const auto first = first_offset(half); first && *first >= 0 && *first < halves.offset()) {
      halves_.set_moved(*first, halves.offset());
    }
    const std::string_view id = find_property(half.properties, property::kUniqueKey);
    if (id.empty()) continue;
    LastSeen now;
    now.offset = halves.offset();
    now.times = check_times(half);
    auto [entry, is_new] = seen.try_emplace(std::hash<std::string_view>()(id), now);
    if (is_new) continue;
    if (entry->second.is_before(half)) {
      ended.push_back(entry->second.offset);
      halves_.set_moved(entry->second.offset, halves.offset());
    }
    entry->second = now;
  }
  {
    std::lock_guard lock(owed_->mutex);
    owed_->offsets.insert(owed_->offsets.end(), ended.begin(), ended.end());
  }
  std::int64_t left = kMostToLookAt;
  for (const auto& [topic, queue_id] : queues) {
    find_committed(topic, queue_id, std::min(left, kMostCommitsToFind));
    left = std::max<std::int64_t>(left - kMostCommitsToFind, 0);
  }
}

// A crash between a commit and its op message must not make it come twice.
void TransactionService::find_committed(const std::string& topic, std::int32_t queue_id,
                                        std::int64_t most) {
  const std::int64_t end = store_.max_offset(topic, queue_id);
  const std::int64_t begin = std::max(store_.min_offset(topic, queue_id), end - most);
  QueueScan messages(store_, topic, queue_id, begin, end);
  while (messages.next()) {
    if (!messages.record()) continue;
    const std::int32_t type = messages.record()->sys_flag & sys_flag::kTransactionMask;
    if (type != sys_flag::kTransactionCommit) continue;
    const SharedBytes bytes = store_.read_record(messages.record()->prepared_transaction_offset);
    const auto half = parse_record(bytes.view(), CheckCrc::no);
    if (!half || half->topic != kHalfTopic) continue;
    auto open = halves_.claim(half->queue_offset);
    if (!open.claim) continue;
    log::info("the half message at queue offset {} was committed before the broker ended",
              half->queue_offset);
    std::lock_guard lock(owed_->mutex);
    owed_->offsets.push_back(open.claim->offset());
    open.claim->end();
  }
}

}  // namespace comet::inline v0_1::broker
