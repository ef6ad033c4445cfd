// StoreCore and what is appended: records get their places in the log and in the queues, and become
// visible to readers.

#include <algorithm>

#include "comet/base/bytes.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/validate.hpp"
#include "dispatch.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

// Apache's allowance for topic, properties and fixed fields on top of maxMessageSize.
constexpr std::int64_t kRecordAllowance = 64 * 1024;

// Units of a queue are written in pieces of this size, or every second.
constexpr std::size_t kWriteUnitsAt = 200 * QueueUnit::kSize;
// More queues than this have no units in memory for long.
constexpr std::size_t kMaxTouched = 4096;
// So many queues are written before an append gets its turn.
constexpr std::size_t kQueuesAtOnce = 16;

}  // namespace

error_code StoreCore::check_record(const RecordView& record) const {
  if (record.queue_id < 0 || !is_safe_path_component(record.topic)) {
    return make_error_code(StoreErrc::illegal_queue);
  }
  // Recovery takes them for a sign of a write that was not finished.
  if (record.properties.find('\0') != std::string_view::npos) {
    return make_error_code(StoreErrc::message_too_large);
  }
  std::int64_t limit = config_.max_message_size;
  if (static_cast<std::int64_t>(record.body.size()) > limit ||
      record.properties.size() > kMaxPropertiesSize ||
      record.encoded_size() > limit + kRecordAllowance) {
    return make_error_code(StoreErrc::message_too_large);
  }
  return {};
}

error_code StoreCore::encode(RecordSource& records, Append& append) {
  std::int64_t total = 0;
  std::size_t count = 0;
  records.rewind();
  while (const RecordView* record = records.next()) {
    if (error_code error = check_record(*record)) return error;
    total += record->encoded_size();
    ++count;
  }
  if (count == 0) return make_error_code(BaseErrc::bad_value);
  bool too_long = count > 1 && total > config_.max_message_size;  // as Apache
  if (too_long || total + kBlankSize > config_.commit_log_file_size) {
    return make_error_code(StoreErrc::message_too_large);
  }
  append.bytes.reserve(static_cast<std::size_t>(total));
  append.items.reserve(count);
  records.rewind();
  while (const RecordView* record = records.next()) {
    Append::Item item;
    item.begin = static_cast<std::int32_t>(append.bytes.size());
    item.size = record->encoded_size();
    if (is_indexed(record->sys_flag)) {
      item.queue = &queues_.find_or_create(record->topic, record->queue_id);
    }
    item.tags_code = tags_code_of(*record, levels_);
    encode_record(*record, append.bytes);
    append.items.push_back(item);
  }
  return {};
}

void StoreCore::append(std::span<Append* const> appends) {
  std::lock_guard lock(write_mutex_);
  error_code error = before_append();
  if (!error && config_.replica) error = StoreErrc::only_a_replica;
  partial_.clear();  // a replica that has become master
  newest_time_ = timestamp_ = std::max(timestamp_, clock_.now_millis());
  while (!error && !appends.empty()) {
    if (log_.room() == 0) {
      error = judge(log_.add_segment(), "create a commit log file");
      if (error) break;
    }
    bool finish_segment = false;
    std::size_t count = place_run(appends, finish_segment);
    std::span<Append* const> run = appends.first(count);
    std::int64_t size = count == 0 ? 0 : run.back()->log_end - log_.position();
    error = judge(log_.write(pieces_, size, finish_segment), "write to the commit log");
    if (error) {
      take_back(run);
    } else {
      commit_run(run);
      appends = appends.subspan(count);
    }
  }
  for (Append* append : appends) append->result.error = error;
}

error_code StoreCore::before_append() {
  if (refusing_) return make_error_code(StoreErrc::closed);
  if (is_poisoned()) return make_error_code(StoreErrc::read_only);
  if (disk_too_full_.load(std::memory_order_acquire)) return make_error_code(StoreErrc::disk_full);
  return write_stuck_units();
}

// Units that found no space. While there are some, nothing is appended: they would pile up.
error_code StoreCore::write_stuck_units() {
  while (stuck_ && !touched_.empty()) {
    if (error_code error = write_units_of(*touched_.back())) return error;
    touched_.pop_back();
  }
  stuck_ = false;
  return {};
}

error_code StoreCore::write_units_of(ConsumeQueue& queue) {
  error_code error = judge(queue.write_pending(), "write to a consume queue");
  if (error) stuck_ = true;
  return error;
}

// Places as many appends as the segment has room for. When the next does not fit, a blank record
// ends the segment.
std::size_t StoreCore::place_run(std::span<Append* const> appends, bool& finish_segment) {
  pieces_.clear();
  std::int64_t at = log_.position();
  std::int64_t room = log_.room();
  std::size_t count = 0;
  for (Append* append : appends) {
    auto size = static_cast<std::int64_t>(append->bytes.size());
    if (size + kBlankSize > room) {
      finish_segment = true;
      break;
    }
    place(*append, at);
    pieces_.push_back({append->bytes.data(), append->bytes.size()});
    at += size;
    room -= size;
    ++count;
  }
  if (finish_segment && room >= kBlankSize) {
    store_be<std::int32_t>(blank_.data(), static_cast<std::int32_t>(room));
    store_be<std::int32_t>(blank_.data() + 4, kBlankMagic);
    pieces_.push_back({blank_.data(), blank_.size()});
  }
  return count;
}

void StoreCore::place(Append& append, std::int64_t at) {
  append.log_end = at + static_cast<std::int64_t>(append.bytes.size());
  append.result.physical_offset = at;
  append.result.end = append.log_end;
  append.result.store_timestamp = timestamp_;
  for (Append::Item& item : append.items) {
    item.queue_offset = item.queue != nullptr ? item.queue->reserve() : 0;
    patch_record(append.bytes.data() + item.begin, item.queue_offset, at + item.begin, timestamp_);
  }
  append.result.queue_offset = append.items.front().queue_offset;
}

void StoreCore::take_back(std::span<Append* const> run) {
  for (Append* append : run) {
    for (const Append::Item& item : append->items) {
      if (item.queue != nullptr) item.queue->give_back();
    }
  }
}

void StoreCore::commit_run(std::span<Append* const> run) {
  if (run.empty()) return;
  disk_full_logged_ = false;
  units_.clear();
  for (Append* append : run) {
    index(*append);
    if (append->items.size() < 2) continue;
    for (const Append::Item& item : append->items) {
      append->result.batch_offsets.push_back(append->result.physical_offset + item.begin);
    }
  }
  finish_run(run.back()->log_end);
}

// What was written up to `log_end` is in the queues; units_ are its units.
void StoreCore::finish_run(std::int64_t log_end) {
  write_due_units();
  std::lock_guard lock(visible_mutex_);
  if (waiting_.empty() && log_end <= visible_limit()) return show(units_, log_end);
  waiting_.push_back({units_, log_end});
  show_what_may_be_seen();
}

void StoreCore::index(const Append& append) {
  for (const Append::Item& item : append.items) {
    if (item.queue == nullptr) continue;
    QueueUnit unit;
    unit.physical_offset = append.result.physical_offset + item.begin;
    unit.size = item.size;
    unit.tags_code = item.tags_code.at(timestamp_);
    add_unit(*item.queue, item.queue_offset, unit, timestamp_);
  }
}

void StoreCore::add_unit(ConsumeQueue& queue, std::int64_t queue_offset, const QueueUnit& unit,
                         std::int64_t store_timestamp) {
  if (!queue.has_pending()) touched_.push_back(&queue);
  queue.add(queue_offset, unit);
  if (queue.pending_size() >= kWriteUnitsAt) due_.push_back(&queue);
  units_.push_back({&queue, queue_offset, unit.tags_code, store_timestamp, unit.end()});
}

// The records are in the log and will be acknowledged whatever happens to the queues: what cannot
// be written now is written later or rebuilt at the next start.
void StoreCore::write_due_units() {
  for (std::size_t i = 0; i < kQueuesAtOnce && touched_.size() > kMaxTouched; ++i) {
    due_.push_back(touched_.back());
    touched_.pop_back();
  }
  while (!due_.empty()) {
    ConsumeQueue& queue = *due_.back();
    due_.pop_back();
    if (write_units_of(queue)) touched_.push_back(&queue);
  }
}

// Everything that was appended when this begins; in pieces, so that no append waits for long.
error_code StoreCore::write_queue_units() {
  std::lock_guard one_at_a_time(units_mutex_);
  if (is_poisoned()) return make_error_code(StoreErrc::read_only);
  std::vector<ConsumeQueue*> queues;
  Progress progress;
  {
    std::lock_guard lock(write_mutex_);
    queues.swap(touched_);
    progress.log_end = log_.position();
    progress.timestamp = timestamp_;
  }
  while (!queues.empty()) {
    std::lock_guard lock(write_mutex_);
    for (std::size_t i = 0; i < kQueuesAtOnce && !queues.empty(); ++i) {
      ConsumeQueue& queue = *queues.back();
      if (error_code error = write_units_of(queue)) {
        touched_.insert(touched_.end(), queues.begin(), queues.end());
        return error;
      }
      queue.release_memory();
      queues.pop_back();
    }
  }
  std::lock_guard lock(progress_mutex_);
  progress_ = progress;
  return {};
}

// Under visible_mutex_, so that the sink sees the order of the log.
void StoreCore::show(std::span<const VisibleUnit> units, std::int64_t log_end) {
  readable_end_.store(log_end, std::memory_order_release);
  for (const VisibleUnit& unit : units) unit.queue->publish(unit.queue_offset + 1);
  if (sink_ && !units.empty()) sink_(units);
}

// Under visible_mutex_: what is safe by the flush mode, and confirmed where somebody confirms.
std::int64_t StoreCore::visible_limit() const noexcept {
  if (config_.flush == FlushMode::async_flush) return read_limit_;
  return std::min(read_limit_, synced_end_.load(std::memory_order_relaxed));
}

// Under visible_mutex_.
void StoreCore::show_what_may_be_seen() {
  const std::int64_t limit = visible_limit();
  while (!waiting_.empty()) {
    Waiting& first = waiting_.front();
    if (first.log_end <= limit) {
      show(first.units, first.log_end);
      waiting_.pop_front();
      continue;
    }
    const auto rest = std::ranges::partition_point(
        first.units, [limit](const VisibleUnit& unit) { return unit.log_end <= limit; });
    if (rest == first.units.begin()) return;
    show({first.units.begin(), rest}, std::prev(rest)->log_end);
    first.units.erase(first.units.begin(), rest);
    return;
  }
}

void StoreCore::make_synced_visible(std::int64_t log_end) {
  std::lock_guard lock(visible_mutex_);
  synced_end_.store(log_end, std::memory_order_release);
  show_what_may_be_seen();
}

}  // namespace comet::inline v0_1::store
