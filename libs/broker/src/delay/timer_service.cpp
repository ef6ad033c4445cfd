#include "delay/timer_service.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>

#include "comet/base/log.hpp"
#include "delay/delivered_before.hpp"
#include "records/append_outcome.hpp"
#include "records/delayed_message.hpp"
#include "records/half_message.hpp"
#include "records/timer_message.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;

namespace {

constexpr std::int32_t kEntriesAtOnce = 1024;
constexpr std::size_t kBatch = 128;  // then other work of the executor gets its turn
constexpr std::size_t kMostInFlight = 4096;
constexpr std::size_t kMostBytesInFlight = 32u << 20;
constexpr Duration kLongestSleep = 1s;  // by the monotonic clock; the wall clock may be set
constexpr Duration kRetryPause = 1s;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::string recall_key(std::string_view topic, std::string_view unique_key) {
  return std::string(topic).append(1, ' ').append(unique_key);
}

// The properties as they are delivered: with the time of delivery, if there is room.
std::string delivered_properties(std::string_view stored, std::int64_t now_millis) {
  std::string text;
  text.reserve(stored.size() + 40);
  text.append(stored);
  if (!text.empty() && text.back() != '\x02') text += '\x02';
  text.append(property::kTimerDequeueMs).append(1, '\x01');
  text.append(std::to_string(now_millis)).append(1, '\x02');
  if (text.size() > kMaxPropertiesSize) text = stored;
  return text;
}

}  // namespace

// What follows when the store has taken a message. A class, not a lambda, so that it says what it
// keeps alive.
class TimerService::Delivered {
 public:
  Delivered(std::weak_ptr<TimerService> service, const TimerEntry& entry, BatchPtr batch,
            const RecordView& record)
      : service_(std::move(service)),
        entry_(entry),
        batch_(std::move(batch)),
        bytes_(static_cast<std::size_t>(record.encoded_size())),
        content_(record.body.size() + record.properties.size()),
        topic_(record.topic) {}
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  void operator()(const store::AppendResult& result) {
    if (const auto service = service_.lock()) {
      service->on_delivered(entry_, *batch_, bytes_, topic_, content_, result);
    }
  }

 private:
  std::weak_ptr<TimerService> service_;
  TimerEntry entry_;
  BatchPtr batch_;
  std::size_t bytes_;
  std::size_t content_;
  std::string topic_;
};

TimerService::TimerService(asio::any_io_executor executor, TimeSource& time,
                           store::MessageStore& store, const TopicTable& topics,
                           TrafficTable& traffic, RuntimeCounters& runtime,
                           DroppedMessages& dropped, const BrokerConfig& config)
    : executor_(executor),
      time_(time),
      store_(store),
      topics_(topics),
      traffic_(traffic),
      runtime_(runtime),
      dropped_(dropped),
      config_(config),
      saved_(std::make_shared<Saved>(timer_progress_path(config.store.root))),
      wake_(executor, time),
      tell_(executor, [this] { wake_.notify_all(); }) {}

void TimerService::load() {
  const Instant begin = time_.now();
  const TimerProgress saved = load_timer_progress(config_.store.root);
  TimerProgress done = saved;
  TimerProgress done_by_apache = load_timer_progress_of_apache(config_.store.root);
  for (TimerProgress* one : {&done, &done_by_apache}) {
    one->delivered_until += config_.timer_precision_millis;
  }
  const std::int64_t first = store_.min_offset(kTimerTopic, 0);
  arrived_ = store_.max_offset(kTimerTopic, 0);
  if (done.first < first && done.taken > done.first) {
    log::error(
        "timer messages that were due later were in log files that have expired or were deleted: "
        "those at offsets {} to {} of {} that waited are lost",
        done.first, first - 1, kTimerTopic);
  }
  taken_ = first_ = std::clamp(done.first, first, std::max(first, arrived_.load()));
  done.taken = std::min(done.taken, arrived_.load());
  delivered_until_ = std::max(done.delivered_until, done_by_apache.delivered_until);
  std::vector<TimerEntry> waiting;
  while (taken_ < arrived_) {
    const auto entries = store_.queue_entries(kTimerTopic, 0, taken_, kEntriesAtOnce);
    if (entries.empty() && !skip_unreadable()) break;
    for (const store::QueueEntry& queue_entry : entries) {
      const TimerEntry entry = entry_of(queue_entry);
      const bool is_done = done.is_done(taken_, entry) || done_by_apache.is_done(taken_, entry);
      if (!is_done) waiting.push_back(entry);
      ++taken_;
    }
  }
  leave_out_delivered(waiting);
  if (taken_ > first_) {
    log::info("{} of {} timer messages wait, {} ms", waiting.size(), taken_ - first_,
              to_millis(time_.now() - begin));
  }
  index_.fill(std::move(waiting));
  saved_->progress = saved;
  if (std::max(saved.first, saved.taken) > arrived_) save();  // what comes next is not done
  publish();
}

void TimerService::leave_out_delivered(std::vector<TimerEntry>& waiting) const {
  DeliveredBefore delivered(store_);
  const std::int64_t end = store_.newest_store_time_at_start();
  for (const TimerEntry& entry : waiting) {
    if (entry.is_recall() || entry.due_millis() > end) continue;
    delivered.consider(entry.physical_offset(), entry.due_millis());
  }
  delivered.find();
  if (delivered.size() == 0) return;
  log::info("{} timer messages were delivered after {} was saved; they do not come again",
            delivered.size(), saved_->file.path());
  std::erase_if(waiting, [&delivered](const TimerEntry& entry) {
    return delivered.take(entry.physical_offset());
  });
}

void TimerService::start(TaskGroup& tasks, const IpEndpoint& store_host,
                         std::function<void(std::function<void()>)> write) {
  store_host_ = store_host;
  write_ = std::move(write);
  tasks.spawn("timers", serve());
  tasks.spawn("old timers", roll());
  tasks.spawn("timer progress", save_in_background());
}

void TimerService::on_arrival(std::int64_t queue_offset) {
  arrived_.store(queue_offset + 1, std::memory_order_release);
  tell_();
}

asio::awaitable<void> TimerService::serve() {
  for (;;) {
    take_in();
    const std::int64_t now = time_.wall_millis();
    if (!is_blocked() && !index_.empty() && index_.first().due_millis() <= now) {
      deliver_due(now);
      co_await asio::post(executor_, asio::use_awaitable);
      continue;
    }
    publish();
    co_await wake_.wait(next_wake());
  }
}

void TimerService::take_in() {
  while (taken_ < arrived_) {
    const auto entries = store_.queue_entries(kTimerTopic, 0, taken_, kEntriesAtOnce);
    if (entries.empty() && !skip_unreadable()) return;
    for (const store::QueueEntry& entry : entries) index_.add(entry_of(entry));
    runtime_.count_timers_taken(entries.size());
    taken_ += static_cast<std::int64_t>(entries.size());
  }
}

// False: there is nothing to read yet.
bool TimerService::skip_unreadable() {
  if (taken_ >= store_.max_offset(kTimerTopic, 0)) return false;
  const std::int64_t next = std::max(taken_ + 1, store_.min_offset(kTimerTopic, 0));
  log::error("offsets {} to {} of {} cannot be read; what waits there is lost", taken_, next - 1,
             kTimerTopic);
  taken_ = next;
  return true;
}

// The queue says when it is due; of records that Apache's broker has written, the record.
TimerEntry TimerService::entry_of(const store::QueueEntry& queue_entry) const {
  const std::int64_t code = queue_entry.tags_code;
  const std::int64_t offset = queue_entry.physical_offset;
  constexpr std::int64_t kHighestHash = std::numeric_limits<std::int32_t>::max();
  constexpr std::int64_t kLowestHash = std::numeric_limits<std::int32_t>::min();
  if (code > kHighestHash) return {due_of(code), offset, false};
  if (code < kLowestHash) return {due_of(-code), offset, true};
  const SharedBytes bytes = store_.read_record(offset);
  const auto record = parse_record(bytes.view(), CheckCrc::no);
  if (!record) return {0, offset, false};  // deliver() says what is wrong
  return {due_of(timer_out_of(record->properties)), offset,
          !find_property(record->properties, property::kTimerDeleteUniqueKey).empty()};
}

bool TimerService::is_blocked() const {
  return in_flight_ >= kMostInFlight || bytes_in_flight_ >= kMostBytesInFlight ||
         time_.now() < refused_until_;
}

Instant TimerService::next_wake() const {
  const Instant now = time_.now();
  if (now < refused_until_) return refused_until_;
  if (is_blocked()) return Instant::max();  // somebody will notify, so below
  if (index_.empty()) return taken_ < arrived_ ? now + kLongestSleep : Instant::max();
  const std::int64_t left = index_.first().due_millis() - time_.wall_millis();
  if (left > to_millis(kLongestSleep)) return now + kLongestSleep;
  return now + std::chrono::milliseconds(std::max<std::int64_t>(left, 0));
}

void TimerService::deliver_due(std::int64_t now_millis) {
  auto batch = std::make_shared<Batch>();
  batches_.push_back(batch);
  for (std::size_t i = 0; i < kBatch && !index_.empty() && !is_blocked(); ++i) {
    if (index_.first().due_millis() > now_millis) break;
    const TimerEntry entry = index_.take_first();
    delivered_until_ = std::max(delivered_until_, entry.due_millis());
    if (entry.physical_offset() >= rolled_before_) deliver(entry, batch);
  }
  if (batch->open == 0) batches_.pop_back();
  const std::int64_t next = index_.empty() ? kNever : index_.first().due_millis();
  recalls_.erase(recalls_.begin(), recalls_.lower_bound(next));
}

void TimerService::deliver(const TimerEntry& entry, const BatchPtr& batch) {
  const SharedBytes bytes = store_.read_record(entry.physical_offset());
  const auto stored = parse_record(bytes.view(), CheckCrc::no);
  if (!stored || stored->topic != kTimerTopic) {
    log::error("the timer message at {} of the commit log cannot be read and is lost",
               entry.physical_offset());
    return;
  }
  std::optional<RecordView> record = for_real_queue(*stored);
  if (!record || record->topic == kHalfTopic) {
    log::error(
        "the timer message at {} of the commit log says no topic that it may go to; it is "
        "left there",
        entry.physical_offset());
    return;
  }
  if (entry.is_recall()) return note_recall(entry, *record);
  if (take_recall(entry, *record)) return;
  if (!topics_.find(record->topic)) return dropped_.add(record->topic, entry.physical_offset());
  const std::string properties = delivered_properties(record->properties, time_.wall_millis());
  record->properties = properties;
  record->store_host = store_host_;
  record->prepared_transaction_offset = entry.physical_offset();  // see DeliveredBefore
  Delivered delivered(weak_from_this(), entry, batch, *record);
  ++in_flight_;
  bytes_in_flight_ += delivered.bytes();
  if (batch->open++ == 0) batch->first = entry;
  store_.append(std::span(&*record, 1), false, executor_, std::move(delivered));
}

void TimerService::note_recall(const TimerEntry& entry, const RecordView& record) {
  const std::string_view key = find_property(record.properties, property::kTimerDeleteUniqueKey);
  recalls_[entry.due_millis()].insert(recall_key(record.topic, key));
}

bool TimerService::take_recall(const TimerEntry& entry, const RecordView& record) {
  const auto found = recalls_.find(entry.due_millis());
  if (found == recalls_.end()) return false;
  const std::string_view key = find_property(record.properties, property::kUniqueKey);
  if (!found->second.contains(recall_key(record.topic, key))) return false;
  recalled_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void TimerService::on_delivered(const TimerEntry& entry, Batch& batch, std::size_t bytes,
                                const std::string& topic, std::size_t content,
                                const store::AppendResult& result) {
  const bool was_blocked = is_blocked();
  --in_flight_;
  bytes_in_flight_ -= bytes;
  if (is_stored(result)) {
    complained_ = false;
    delivered_.fetch_add(1, std::memory_order_relaxed);
    runtime_.count_timer_delivered();
    traffic_.count(topic, 1, content, MessageType::delay);
  } else if (is_final(result.error)) {
    log::error(
        "the timer message at {} of the commit log, for topic {}, cannot be stored there: "
        "{}; it is left there",
        entry.physical_offset(), topic, result.error.message());
  } else {
    index_.add(entry);
    refused_until_ = time_.now() + kRetryPause;
    if (!complained_) log::error("timer messages wait: {}", result.error.message());
    complained_ = true;
  }
  --batch.open;
  while (!batches_.empty() && batches_.front()->open == 0) batches_.pop_front();
  if (was_blocked || in_flight_ == 0) wake_.notify_all();
}

asio::awaitable<void> TimerService::finish() {
  while (in_flight_ > 0) co_await wake_.wait();
}

std::optional<TimerEntry> TimerService::earliest() const {
  std::optional<TimerEntry> first;
  const auto consider = [&first](const TimerEntry& entry) {
    if (!first || entry < *first) first = entry;
  };
  if (!index_.empty()) consider(index_.first());
  for (const BatchPtr& batch : batches_) {
    if (batch->open > 0) consider(batch->first);
  }
  return first;
}

void TimerService::publish() {
  pending_.store(index_.size(), std::memory_order_relaxed);
  unread_.store(arrived_.load() - taken_, std::memory_order_relaxed);
  const std::optional<TimerEntry> first = earliest();
  next_due_.store(first ? first->due_millis() : kNever, std::memory_order_relaxed);
}

TimerStats TimerService::stats() const {
  TimerStats stats;
  stats.pending = pending_.load(std::memory_order_relaxed);
  stats.unread = unread_.load(std::memory_order_relaxed);
  stats.delivered = delivered_.load(std::memory_order_relaxed);
  stats.recalled = recalled_.load(std::memory_order_relaxed);
  stats.rolled = rolled_.load(std::memory_order_relaxed);
  const std::int64_t next = next_due_.load(std::memory_order_relaxed);
  const std::int64_t now = time_.wall_millis();
  stats.behind_millis = next < now ? now - next : 0;
  return stats;
}

}  // namespace comet::inline v0_1::broker
