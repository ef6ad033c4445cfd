#include "accumulator.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>

#include "comet/base/task_asio.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/batch.hpp"
#include "comet/message/reply_properties.hpp"
#include "producer_impl.hpp"
#include "send_outcome.hpp"

namespace comet::inline v0_1 {

// One gathered message, in the frame of its send.
class Accumulator::Entry {
 public:
  explicit Entry(const Turns& turns) : waiter(turns) {}
  ~Entry();
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  Waiter waiter;
  std::shared_ptr<Batch> batch;
  std::size_t index = 0;  // in its batch
  std::string unique_id;
};

class Accumulator::Batch {
 public:
  Batch(const Producer::Impl& producer, const Message& first)
      : send_at(producer.time.now() + producer.config.auto_batch_hold()),
        hold(producer.client->executor(), producer.time) {
    topic = content.topic = first.topic();
    content.wait_store_ok = waits(first);
    content.body.reserve(producer.config.auto_batch_size() + 512);
  }
  static bool waits(const Message& message) {
    return message.properties().get(property::kWait) != "false";
  }
  [[nodiscard]] bool fits(const Message& message) const {
    return content.topic == message.topic() && content.wait_store_ok == waits(message);
  }
  // The outcome of all, from which each one's is made.
  void ended(SendOutcome all) {
    outcome = std::move(all);
    if (!outcome.ok()) return;
    std::string_view rest = outcome.result().offset_message_id;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      offset_ids.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  [[nodiscard]] SendOutcome outcome_of(Entry& entry) const {
    if (!outcome.ok()) return with_id(outcome, std::move(entry.unique_id));
    const SendResult& result = outcome.result();
    SendResult own;
    own.status = result.status;
    own.message_id = std::move(entry.unique_id);
    const bool one_each = offset_ids.size() == entries.size();
    own.offset_message_id = one_each ? offset_ids[entry.index] : result.offset_message_id;
    own.queue = result.queue;
    own.queue_offset = result.queue_offset + static_cast<std::int64_t>(entry.index);
    own.region_id = result.region_id;
    own.trace_on = result.trace_on;
    return stored_send(std::move(own));
  }
  void wake_all() {
    for (Entry* entry : entries) {
      if (entry != nullptr) entry->waiter.wake();
    }
  }
  // The execution context goes away: those who wait are destroyed, as they own themselves.
  void abandon_all() noexcept {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i] != nullptr) entries[i]->waiter.abandon();
    }
  }

  std::string topic;
  GatheredBatch content;              // gone when it is being sent
  Instant deadline = Instant::max();  // the first of all messages' deadlines
  Instant send_at;
  Timer hold;
  bool full = false;
  std::vector<Entry*> entries;  // null: its send has been cancelled
  // When it has been sent:
  bool done = false;
  SendOutcome outcome;
  std::vector<std::string_view> offset_ids;
};

Accumulator::Entry::~Entry() {
  if (batch != nullptr) batch->entries[index] = nullptr;
}

Accumulator::Accumulator(asio::any_io_executor executor) : turns_(std::move(executor)) {}
Accumulator::~Accumulator() = default;

bool Accumulator::takes(const Message& message, const ProducerConfig& config) {
  if (!config.auto_batch()) return false;
  if (message.body().size() >= config.compress_over()) return false;
  if (message.body().size() >= config.auto_batch_size()) return false;
  if (message.topic().starts_with(kRetryTopicPrefix)) return false;
  for (const auto& [name, value] : message.properties()) {
    if (name == property::kDelay || name.starts_with("TIMER_") || name.starts_with("__") ||
        name == property::kTransactionPrepared || name == property::kMessageType) {
      return false;
    }
  }
  return true;
}

Task<SendOutcome> Accumulator::send(std::shared_ptr<Producer::Impl> producer, Message message) {
  Producer::Impl& p = *producer;
  SendInProgress in_progress(p, *plain_send());
  validate(message, p.config);
  const Instant deadline = p.time.now() + p.config.send_timeout();
  FlowShare share(p.flow, 1, message.body().size());
  Entry entry(turns_);
  entry.unique_id = id_of(message, p.time.wall_millis());
  std::exception_ptr no_room;
  try {
    if (!share.try_take()) co_await p.from_asio(wait_for_room(p, share, deadline));
  } catch (...) {
    no_room = std::current_exception();
  }
  if (no_room) co_return with_id(refused_send(no_room), std::move(entry.unique_id));
  const std::shared_ptr<Batch> batch = add(producer, std::move(message), entry);
  batch->deadline = std::min(batch->deadline, deadline);
  if (deadline <= batch->send_at) close(*batch);  // it has waited for room; no time to gather more
  const error_code cancelled = co_await entry.waiter.wait();
  // The batch goes on with its message.
  if (cancelled) co_return cancelled_send(batch->topic, std::move(entry.unique_id), true);
  co_return batch->outcome_of(entry);
}

std::shared_ptr<Accumulator::Batch> Accumulator::add(
    const std::shared_ptr<Producer::Impl>& producer, Message message, Entry& entry) {
  Producer::Impl& p = *producer;
  const auto fits = [&](const std::shared_ptr<Batch>& batch) { return batch->fits(message); };
  const auto found = std::find_if(open_.begin(), open_.end(), fits);
  std::shared_ptr<Batch> batch;
  if (found != open_.end()) {
    batch = *found;
  } else {
    batch = std::make_shared<Batch>(p, message);
    open_.push_back(batch);
    p.tasks.spawn("batch of messages", deliver(producer, batch));
  }
  GatheredBatch& content = batch->content;
  properties_.clear();
  append_properties(message, p.config, entry.unique_id, properties_);
  encode_batch_item(message.flag(), message.body(), properties_, content.body);
  ++content.count;
  entry.index = batch->entries.size();
  entry.batch = batch;
  batch->entries.push_back(&entry);
  if (p.settings.has_hooks) {
    content.ids.append(content.ids.empty() ? "" : ",").append(entry.unique_id);
    message.properties().set(property::kUniqueKey, entry.unique_id);
    content.messages.push_back(std::move(message));
  }
  if (content.body.size() >= p.config.auto_batch_size()) close(*batch);
  return batch;
}

asio::awaitable<void> Accumulator::deliver(std::shared_ptr<Producer::Impl> producer,
                                           std::shared_ptr<Batch> batch) {
  struct Guard {
    explicit Guard(Batch& guarded_in) : guarded(guarded_in) {}
    ~Guard() {
      if (!guarded.done) guarded.abandon_all();
    }
    Batch& guarded;
  };
  const Guard guard(*batch);
  try {
    if (!batch->full) (void)co_await batch->hold.wait_until(batch->send_at);
    std::erase(open_, batch);
    auto plan = std::make_shared<SendPlan>();
    plan->part_deadline = batch->deadline;
    GatheredBatch content = std::move(batch->content);
    SendOutcome outcome = co_await to_asio(
        producer->executor(), try_to_send(producer, std::move(content), std::move(plan)));
    batch->ended(std::move(outcome));
  } catch (...) {
    batch->outcome = refused_send(std::current_exception());
  }
  batch->done = true;
  batch->wake_all();
}

void Accumulator::close(Batch& batch) {
  if (batch.full) return;
  batch.full = true;
  batch.hold.cancel();
  std::erase_if(open_, [&](const auto& open) { return open.get() == &batch; });
}

void Accumulator::flush() {
  while (!open_.empty()) close(*open_.front());
}

}  // namespace comet::inline v0_1
