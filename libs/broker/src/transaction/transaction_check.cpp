// The rounds of checks (Apache: TransactionalMessageServiceImpl.check).

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "comet/base/log.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "comet/remoting/transaction_headers.hpp"
#include "records/append_outcome.hpp"
#include "records/delayed_message.hpp"
#include "records/queue_scan.hpp"
#include "transaction/transaction_service.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using remoting::RemotingCommand;
using store::AppendResult;
using store::StoreErrc;

namespace {

constexpr std::int64_t kHalvesAtOnce = 64;  // then other work of the executor gets its turn
constexpr std::size_t kHalvesPerAppend = 64;
constexpr std::int64_t kBytesPerAppend = 1 << 20;
// Producers get this much at once. RocketMQ's clients keep 2000 checks and drop further ones.
constexpr std::size_t kChecksAtOnce = 1000;
constexpr std::size_t kCheckBytesAtOnce = 16u << 20;
constexpr Duration kPause = 200ms;
// The number of checks and the first offset, with their names.
constexpr std::int64_t kMoreProperties = 128;

}  // namespace

// Half messages that go to the end of the half topic together.
class TransactionService::PutBack {
 public:
  class Item {
   public:
    Item(OpenHalves::Claim claim_in, SharedBytes bytes_in, const RecordView& half_in,
         std::string properties_in, bool ask_in)
        : claim(std::move(claim_in)),
          bytes(std::move(bytes_in)),
          half(half_in),
          properties(std::move(properties_in)),
          ask(ask_in) {}
    OpenHalves::Claim claim;
    SharedBytes bytes;
    RecordView half;  // a view into `bytes`
    std::string properties;
    bool ask;
  };

  std::vector<std::unique_ptr<Item>> items;
  std::int64_t bytes = 0;
  std::size_t asked = 0;  // since the last pause
  std::size_t asked_bytes = 0;

  [[nodiscard]] bool has_room(std::int64_t more, std::int64_t most) const noexcept {
    return items.empty() || (items.size() < kHalvesPerAppend && bytes + more <= most);
  }
};

asio::awaitable<void> TransactionService::check_all() {
  const std::int64_t begin = store_.now_millis();
  const std::int64_t end = store_.max_offset(kHalfTopic, kHalfQueue);
  const std::int64_t first = halves_.advance(store_.min_offset(kHalfTopic, kHalfQueue), end);
  const std::int64_t most_bytes = std::min<std::int64_t>(
      {kBytesPerAppend, config_.store.max_message_size, config_.store.commit_log_file_size / 4});
  PutBack batch;
  QueueScan scan(store_, kHalfTopic, kHalfQueue, first, end);
  std::int64_t looked_at = 0;
  bool goes_on = true;
  scan.skip_to(halves_.next_open(first, end));
  while (goes_on && scan.next()) {
    auto claim = halves_.claim_exactly(scan.offset());  // else a producer is ending it
    if (claim && !scan.record()) {
      log::error("the half message at queue offset {} cannot be read and is left out",
                 scan.offset());
      claim->end();
    } else if (claim) {
      const RecordView& half = *scan.record();
      const Verdict verdict = judge(half, begin);
      if (verdict == Verdict::wait) break;
      if (verdict == Verdict::give_up) {
        goes_on = co_await give_up(std::move(*claim), half);
      } else {
        const bool ask = verdict == Verdict::ask;
        // Also without a question: nothing is put back for ever.
        std::string properties = with_check_times(half.properties, check_times(half) + 1);
        if (!ask) {
          properties = with_first_offset(properties, first_offset(half).value_or(scan.offset()));
        }
        const std::int64_t size = half.total_size + kMoreProperties;
        if (!batch.has_room(size, most_bytes)) goes_on = co_await put_back(batch);
        batch.bytes += size;
        batch.items.push_back(std::make_unique<PutBack::Item>(std::move(*claim), scan.bytes(), half,
                                                              std::move(properties), ask));
      }
    }
    if (++looked_at % kHalvesAtOnce == 0) co_await asio::post(executor_, asio::use_awaitable);
    scan.skip_to(halves_.next_open(scan.offset() + 1, end));
  }
  if (goes_on) goes_on = co_await put_back(batch);
  if (!goes_on && !complained_) log::error("transactions are not checked: the store takes nothing");
  complained_ = !goes_on;
}

TransactionService::Verdict TransactionService::judge(const RecordView& half,
                                                      std::int64_t round_begin) const {
  const std::int64_t age = age_of(half);
  const std::int64_t reserved = to_millis(config_.store.file_reserved_time);
  if (check_times(half) >= config_.transaction_check_max || age > reserved) return Verdict::give_up;
  if (half.store_timestamp >= round_begin) return Verdict::wait;
  const std::int64_t timeout = to_millis(config_.transaction_timeout);
  if (const auto immunity = immunity_millis(half, timeout)) {
    return age < std::min(*immunity, reserved) ? Verdict::put_back : Verdict::ask;
  }
  return age < timeout ? Verdict::wait : Verdict::ask;
}

// By its producer's clock, and at least what it has been here. One that is born in the future is as
// old as that: its producer's clock says nothing.
std::int64_t TransactionService::age_of(const RecordView& half) const {
  const std::int64_t since_stored =
      std::max<std::int64_t>(store_.now_millis() - half.store_timestamp, 0);
  const std::int64_t since_born =
      time_.wall_millis() - std::max<std::int64_t>(half.born_timestamp, 0);
  return std::max(since_stored, since_born);
}

asio::awaitable<bool> TransactionService::put_back(PutBack& batch) {
  if (batch.items.empty()) co_return true;
  std::vector<RecordView> records;
  for (const auto& item : batch.items) {
    RecordView& record = records.emplace_back(item->half);
    record.properties = item->properties;
    record.store_host = store_host_;
  }
  const AppendResult result = co_await store_.append_batch(std::move(records), false);
  if (!is_stored(result)) {
    if (is_final(result.error)) co_return co_await put_back_singly(batch);
    batch.items.clear();
    batch.bytes = 0;
    co_return false;
  }
  std::vector<std::int64_t> old_places;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    PutBack::Item& item = *batch.items[i];
    RecordView half = item.half;
    half.properties = item.properties;
    half.queue_offset = result.queue_offset + static_cast<std::int64_t>(i);
    half.physical_offset =
        result.batch_offsets.empty() ? result.physical_offset : result.batch_offsets[i];
    half.store_timestamp = result.store_timestamp;
    half.store_host = store_host_;
    old_places.push_back(item.claim.offset());
    item.claim.move_to(half.queue_offset);
    if (!item.ask) continue;
    ++batch.asked;
    batch.asked_bytes += ask_producer(half);
  }
  batch.items.clear();
  batch.bytes = 0;
  co_await write_ops(std::move(old_places));
  if (batch.asked >= kChecksAtOnce || batch.asked_bytes >= kCheckBytesAtOnce) {
    batch.asked = 0;
    batch.asked_bytes = 0;
    Timer timer(executor_, time_);
    co_await timer.wait_for(kPause);
  }
  co_return true;
}

// One of them has become too large; the others need not suffer.
asio::awaitable<bool> TransactionService::put_back_singly(PutBack& batch) {
  std::vector<std::unique_ptr<PutBack::Item>> items = std::move(batch.items);
  batch.items.clear();
  batch.bytes = 0;
  if (items.size() == 1) {
    co_return co_await give_up(std::move(items.front()->claim), items.front()->half);
  }
  for (auto& item : items) {
    batch.items.push_back(std::move(item));
    const bool goes_on = co_await put_back(batch);
    if (!goes_on) co_return false;
  }
  co_return true;
}

asio::awaitable<bool> TransactionService::give_up(OpenHalves::Claim claim, RecordView half) {
  constexpr std::int32_t kReadWrite = routing::perm::kRead | routing::perm::kWrite;
  RecordView record = half;
  record.topic = kGivenUpTopic;
  record.queue_id = kHalfQueue;
  record.store_host = store_host_;
  topics_.find_or_create(kGivenUpTopic, 1, kReadWrite, 0);
  const AppendResult result = co_await store_.append(record, false);
  if (!is_stored(result) && !is_final(result.error)) co_return false;
  log::warn("the half message {} for topic {}, of producer group {}, is given up after {} checks{}",
            find_property(half.properties, property::kUniqueKey),
            find_property(half.properties, property::kRealTopic),
            find_property(half.properties, property::kProducerGroup), check_times(half),
            is_stored(result) ? "" : " and cannot be stored elsewhere");
  if (is_stored(result)) traffic_.count(kGivenUpTopic, 1, record.body.size());
  std::vector<std::int64_t> ended(1, claim.offset());
  claim.end();
  co_await write_ops(std::move(ended));
  co_return true;
}

std::size_t TransactionService::ask_producer(const RecordView& half) {
  const std::optional<RecordView> real = for_real_queue(half);
  const std::string_view group = find_property(half.properties, property::kProducerGroup);
  const auto producer = clients_.next_producer(group);
  if (!producer || !real) {
    log::debug("nobody of producer group {} is there to be asked", group);
    return 0;
  }
  remoting::CheckTransactionStateHeader header;
  header.tran_state_table_offset = half.queue_offset;
  header.commit_log_offset = half.physical_offset;
  const std::string_view id = find_property(half.properties, property::kUniqueKey);
  if (!id.empty()) {
    header.msg_id = id;
    header.transaction_id = id;
  }
  const std::string offset_id = make_offset_message_id(store_host_, half.physical_offset);
  header.offset_msg_id = offset_id;
  std::string body;
  encode_record(*real, body);
  const std::size_t size = body.size();
  RemotingCommand request = RemotingCommand::request(remoting::RequestCode::check_transaction_state,
                                                     header, Body(std::move(body)));
  request.mark_oneway();
  producer->send(std::move(request));
  return size;
}

}  // namespace comet::inline v0_1::broker
