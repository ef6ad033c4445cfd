#include "transaction/transaction_service.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "comet/base/log.hpp"
#include "records/append_outcome.hpp"
#include "records/queue_scan.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using store::AppendResult;
using store::StoreErrc;

namespace {

constexpr std::int64_t kOpsAtOnce = 256;  // then other work of the executor gets its turn
constexpr std::size_t kOpsPerAppend = 512;
constexpr std::size_t kOpSize = 160;  // bytes, more than any has
// How often the offsets follow what has ended: after a crash so much is read again.
constexpr Duration kLongestTick = 5s;

}  // namespace

TransactionService::TransactionService(asio::any_io_executor executor, TimeSource& time,
                                       store::MessageStore& store, const BrokerConfig& config,
                                       TopicTable& topics, OffsetTable& offsets,
                                       ClientRegistry& clients, TrafficTable& traffic)
    : executor_(std::move(executor)),
      time_(time),
      store_(store),
      config_(config),
      topics_(topics),
      offsets_(offsets),
      clients_(clients),
      traffic_(traffic) {}

void TransactionService::start(TaskGroup& tasks, const IpEndpoint& store_host) {
  store_host_ = store_host;
  const Duration interval = config_.transaction_check_interval;
  next_check_ = time_.now() + interval;
  const auto ticks = (interval + kLongestTick - 1ns) / kLongestTick;
  const Duration tick = interval / ticks;
  tasks.spawn("transactions",
              repeat_every(time_, 0ns, tick, "transactions", [this] { return serve(); }));
}

OpenHalves::Attempt TransactionService::claim(std::int64_t half_offset) {
  OpenHalves::Attempt attempt = halves_.claim(half_offset);
  if (attempt.claim || half_offset >= halves_.first() || !notice_removed_queue()) return attempt;
  return halves_.claim(half_offset);
}

bool TransactionService::notice_removed_queue() {
  if (store_.max_offset(kHalfTopic, kHalfQueue) >= halves_.first()) return false;
  log::info("the queue of {} begins anew", kHalfTopic);
  halves_.reset(store_.min_offset(kHalfTopic, kHalfQueue));
  return true;
}

asio::awaitable<void> TransactionService::serve() {
  notice_removed_queue();
  co_await write_owed_ops();
  // The ticks may be some nanoseconds short of the interval.
  if (time_.now() + 1ms >= next_check_) {
    next_check_ = time_.now() + config_.transaction_check_interval;
    co_await check_all();
  }
  co_await advance_offsets();
}

std::int64_t TransactionService::open() const {
  return halves_.count(store_.max_offset(kHalfTopic, kHalfQueue));
}

void TransactionService::announce_half_topic() {
  if (announced_.load(std::memory_order_relaxed) || announced_.exchange(true)) return;
  constexpr std::int32_t kReadWrite = routing::perm::kRead | routing::perm::kWrite;
  topics_.find_or_create(kHalfTopic, 1, kReadWrite, 0);
}

void TransactionService::write_op(std::int64_t half_offset, const asio::any_io_executor& executor) {
  const OpMessage op(half_offset);
  const RecordView record = op.record(store_host_, time_.wall_millis());
  auto done = [owed = owed_, half_offset](const AppendResult& result) {
    if (is_stored(result)) return;
    std::lock_guard lock(owed->mutex);
    owed->offsets.push_back(half_offset);
  };
  store_.append(std::span(&record, 1), false, executor, std::move(done));
}

asio::awaitable<void> TransactionService::write_ops(std::vector<std::int64_t> half_offsets) {
  const auto room = static_cast<std::size_t>(config_.store.max_message_size) / kOpSize;
  const std::size_t most = std::clamp<std::size_t>(room, 1, kOpsPerAppend);
  for (std::size_t begin = 0; begin < half_offsets.size(); begin += most) {
    const std::size_t end = std::min(begin + most, half_offsets.size());
    std::vector<OpMessage> ops;
    for (std::size_t i = begin; i < end; ++i) ops.emplace_back(half_offsets[i]);
    std::vector<RecordView> records;
    for (const OpMessage& op : ops) records.push_back(op.record(store_host_, time_.wall_millis()));
    const AppendResult result = co_await store_.append_batch(std::move(records), false);
    if (is_stored(result)) continue;
    std::lock_guard lock(owed_->mutex);
    owed_->offsets.insert(owed_->offsets.end(),
                          half_offsets.begin() + static_cast<std::ptrdiff_t>(begin),
                          half_offsets.end());
    co_return;
  }
}

asio::awaitable<void> TransactionService::write_owed_ops() {
  std::vector<std::int64_t> offsets;
  {
    std::lock_guard lock(owed_->mutex);
    offsets.swap(owed_->offsets);
  }
  if (!offsets.empty()) co_await write_ops(std::move(offsets));
}

asio::awaitable<void> TransactionService::advance_offsets() {
  const std::int64_t half_end = store_.max_offset(kHalfTopic, kHalfQueue);
  if (half_end == 0) co_return;
  const std::int64_t half_begin = store_.min_offset(kHalfTopic, kHalfQueue);
  const std::int64_t first = halves_.advance(half_begin, half_end);
  const std::int64_t op_end = store_.max_offset(kOpTopic, kHalfQueue);
  const std::int64_t op_begin = store_.min_offset(kOpTopic, kHalfQueue);
  op_offset_ = op_offset_ > op_end ? op_begin : std::max(op_offset_, op_begin);
  std::int64_t looked_at = 0;
  QueueScan ops(store_, kOpTopic, kHalfQueue, op_offset_, op_end);
  while (ops.next()) {
    bool is_needed = false;
    if (ops.record()) {
      const auto ended = ended_offsets(*ops.record());
      is_needed = std::any_of(ended.begin(), ended.end(),
                              [first](std::int64_t offset) { return offset >= first; });
    }
    if (is_needed) break;
    op_offset_ = ops.offset() + 1;
    if (++looked_at % kOpsAtOnce == 0) co_await asio::post(executor_, asio::use_awaitable);
  }
  // In this order: op messages that are read again do no harm, others that are missed would.
  offsets_.commit(kTransactionGroup, kHalfTopic, kHalfQueue, first);
  offsets_.commit(kTransactionGroup, kOpTopic, kHalfQueue, op_offset_);
}

}  // namespace comet::inline v0_1::broker
