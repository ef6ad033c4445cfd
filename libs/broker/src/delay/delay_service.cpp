#include "delay/delay_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/log.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/message/validate.hpp"
#include "records/append_outcome.hpp"
#include "records/delayed_message.hpp"
#include "records/half_message.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;

namespace {

constexpr std::int32_t kLevelEntriesAtOnce = 64;  // then other work of the executor gets its turn
constexpr Duration kLevelRetryPause = 10s;        // Apache: DELAY_FOR_A_PERIOD
// Store time may follow a wall clock that is set while we sleep by the monotonic one.
constexpr Duration kLongestLevelSleep = 10s;

std::string offsets_json(const std::map<std::int32_t, std::int64_t>& offsets,
                         routing::IntegerKeys keys) {
  JsonWriter json;
  json.begin_object();
  json.key("offsetTable");
  json.begin_object();
  for (const auto& [level, offset] : offsets) {
    if (offset == 0) continue;  // as if it were not there
    json.key(level, keys == routing::IntegerKeys::quoted);
    json.value(offset);
  }
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace

DelayService::DelayService(asio::any_io_executor executor, TimeSource& time,
                           store::MessageStore& store, const store::DelayLevels& levels,
                           const TopicTable& topics, TrafficTable& traffic,
                           DroppedMessages& dropped, const std::string& store_root)
    : executor_(executor),
      time_(time),
      store_(store),
      topics_(topics),
      traffic_(traffic),
      dropped_(dropped),
      file_(store_root + "/config/delayOffset.json"),
      delivered_before_(store) {
  for (std::int32_t number = 1; number <= levels.count(); ++number) {
    auto& level = levels_.emplace_back(std::make_unique<Level>(executor, time));
    level->number = number;
    level->delay_millis = levels.delay_of(number);
  }
}

void DelayService::load() {
  std::lock_guard lock(mutex_);
  file_.load([this](std::string_view json) { return parse(json); });
  for (const auto& level : levels_) {
    std::int64_t& offset = offsets_[level->number];
    const std::int64_t first = store_.min_offset(kScheduleTopic, level->queue_id());
    offset = std::clamp(offset, first,
                        std::max(first, store_.max_offset(kScheduleTopic, level->queue_id())));
    consider_delivered(*level);
  }
  delivered_before_.find();
  if (delivered_before_.size() > 0) {
    log::info("{} delayed messages were delivered after {} was saved; they do not come again",
              delivered_before_.size(), file_.path());
  }
}

// Those that were due when the broker ended. Blocking; with the lock held.
void DelayService::consider_delivered(const Level& level) {
  const std::int64_t end = store_.newest_store_time_at_start();
  std::int64_t offset = offsets_.at(level.number);
  for (;;) {
    const auto entries =
        store_.queue_entries(kScheduleTopic, level.queue_id(), offset, kLevelEntriesAtOnce);
    if (entries.empty()) return;
    for (const store::QueueEntry& entry : entries) {
      if (entry.tags_code > end) return;
      delivered_before_.consider(entry.physical_offset, entry.tags_code);
    }
    offset += static_cast<std::int64_t>(entries.size());
  }
}

error_code DelayService::parse(std::string_view json) {
  const auto offsets = offsets_of(json);
  if (!offsets) return offsets.error();
  for (const auto& [level, offset] : *offsets) offsets_[level] = offset;
  return {};
}

// A level never goes back: what was delivered once does not come again.
Result<bool> DelayService::take_over(std::string_view json) {
  const auto offsets = offsets_of(json);
  if (!offsets) return offsets.error();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [level, offset] : *offsets) {
      std::int64_t& present = offsets_[level];
      changed_ |= present < offset;
      present = std::max(present, offset);
    }
  }
  save();
  return problem().empty();
}

Result<DelayService::Offsets> DelayService::offsets_of(std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  Offsets offsets;
  const boost::json::value* table = root->if_contains("offsetTable");
  if (table == nullptr || !table->is_object()) return offsets;
  for (const auto& [key, offset] : table->get_object()) {
    const auto level = parse_number<std::int32_t>(key);
    if (!level || !offset.is_int64()) return BaseErrc::bad_value;
    offsets[*level] = std::max<std::int64_t>(offset.get_int64(), 0);
  }
  return offsets;
}

void DelayService::start(TaskGroup& tasks, const IpEndpoint& store_host) {
  store_host_ = store_host;
  for (const auto& level : levels_) {
    tasks.spawn(fmt::format("delay level {}", level->number), serve(*level));
  }
}

void DelayService::on_arrival(std::int32_t queue_id) {
  if (queue_id < 0 || static_cast<std::size_t>(queue_id) >= levels_.size()) return;
  levels_[static_cast<std::size_t>(queue_id)]->tell();
}

asio::awaitable<void> DelayService::serve(Level& level) {
  bool complained = false;
  for (;;) {
    const std::int64_t offset = first_offset(level);
    const auto entries =
        store_.queue_entries(kScheduleTopic, level.queue_id(), offset, kLevelEntriesAtOnce);
    if (entries.empty()) {
      co_await level.arrival.wait();
      continue;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      co_await wait_until_due(level, entries[i].tags_code);
      // One wait for the disk serves all that are delivered together.
      const bool is_last =
          i + 1 == entries.size() || entries[i + 1].tags_code > store_.now_millis();
      const Outcome outcome = co_await deliver(entries[i], is_last);
      if (outcome == Outcome::refused) {
        if (!complained)
          log::error("delayed messages of level {} wait: the store takes none", level.number);
        complained = true;
        co_await level.timer.wait_for(kLevelRetryPause);
        break;
      }
      complained = false;
      advance(level, offset + static_cast<std::int64_t>(i) + 1);
    }
    co_await asio::post(executor_, asio::use_awaitable);
  }
}

asio::awaitable<void> DelayService::wait_until_due(Level& level, std::int64_t delivery_millis) {
  for (;;) {
    const std::int64_t left = delivery_millis - store_.now_millis();
    // Longer than the level's delay: the level was longer once.
    if (left <= 0 || left > level.delay_millis) co_return;
    co_await level.timer.wait_for(
        std::min<Duration>(std::chrono::milliseconds(left), kLongestLevelSleep));
  }
}

asio::awaitable<DelayService::Outcome> DelayService::deliver(store::QueueEntry entry,
                                                             bool wait_flush) {
  if (delivered_before_.take(entry.physical_offset)) co_return Outcome::done;
  const SharedBytes bytes = store_.read_record(entry.physical_offset);
  const auto scheduled = parse_record(bytes.view(), CheckCrc::no);
  if (!scheduled) {
    log::error("the delayed message at {} of the commit log cannot be read and is lost",
               entry.physical_offset);
    co_return Outcome::done;
  }
  std::optional<RecordView> record = for_real_queue(*scheduled);
  if (!record || record->topic == kHalfTopic) {
    log::error(
        "the delayed message at {} of the commit log says no topic that it may go to; it is left "
        "there",
        entry.physical_offset);
    co_return Outcome::done;
  }
  if (!topics_.find(record->topic)) {
    dropped_.add(record->topic, entry.physical_offset);
    co_return Outcome::done;
  }
  record->store_host = store_host_;
  record->prepared_transaction_offset = entry.physical_offset;  // see DeliveredBefore
  const store::AppendResult result = co_await store_.append(*record, wait_flush);
  if (is_stored(result)) {
    traffic_.count(record->topic, 1, record->body.size() + record->properties.size(),
                   MessageType::delay);
    co_return Outcome::done;
  }
  if (!is_final(result.error)) co_return Outcome::refused;
  log::error(
      "the delayed message at {} of the commit log, for topic {}, cannot be stored there: {}; it "
      "is left there",
      entry.physical_offset, record->topic, result.error.message());
  co_return Outcome::done;
}

std::int64_t DelayService::first_offset(const Level& level) {
  const std::int64_t offset = offset_of(level);
  const std::int64_t first = store_.min_offset(kScheduleTopic, level.queue_id());
  if (offset >= first) return offset;
  advance(level, first);
  return first;
}

std::int64_t DelayService::offset_of(const Level& level) const {
  std::lock_guard lock(mutex_);
  return offsets_.at(level.number);
}

void DelayService::advance(const Level& level, std::int64_t offset) {
  std::lock_guard lock(mutex_);
  offsets_[level.number] = offset;
  changed_ = true;
}

void DelayService::save_if_changed() {
  std::optional<Offsets> due;
  {
    const std::lock_guard lock(mutex_);
    if (noted_ && store_.synced_end() >= noted_log_end_) due.swap(noted_);
    if (!noted_ && changed_) {
      noted_ = offsets_;
      noted_log_end_ = store_.appended_end();
      changed_ = false;
    }
  }
  if (!due || file_.save(offsets_json(*due, routing::IntegerKeys::quoted))) return;
  const std::lock_guard lock(mutex_);
  changed_ = true;
}

void DelayService::save() {
  Offsets now;
  {
    const std::lock_guard lock(mutex_);
    if (!changed_ && !noted_) return;
    now = offsets_;
    changed_ = false;
    noted_.reset();
  }
  if (file_.save(offsets_json(now, routing::IntegerKeys::quoted))) return;
  const std::lock_guard lock(mutex_);
  changed_ = true;
}

std::map<std::int32_t, std::int64_t> DelayService::offsets() const {
  const std::lock_guard lock(mutex_);
  return offsets_;
}

std::string DelayService::to_json(routing::IntegerKeys keys) const {
  return offsets_json(offsets(), keys);
}

}  // namespace comet::inline v0_1::broker
