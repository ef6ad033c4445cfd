// StoreCore's log as bytes: a master's is read, a replica's is written with them.

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <string>
#include <utility>

#include "comet/base/bytes.hpp"
#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "dispatch.hpp"
#include "log_pages.hpp"
#include "raw_items.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

// Copying fewer bytes costs less than naming them to the kernel.
constexpr std::int64_t kFewBytes = 512;
// More missing messages in a row than this are a damaged queue offset, not a gap; a queue may have
// had so many messages more than the log had room for. As recovery has it.
constexpr std::int64_t kWidestGap = 1'000'000;
constexpr std::int64_t kFarthestAhead = std::int64_t{1} << 30;
// The same complaint is logged no more often than this.
constexpr int kMostRawComplaints = 20;

}  // namespace

std::int64_t StoreCore::durable_end() const noexcept {
  return config_.flush == FlushMode::async_flush ? log_.written()
                                                 : synced_end_.load(std::memory_order_acquire);
}

Result<Body> StoreCore::read_raw(std::int64_t offset, std::int64_t max) const {
  const std::int64_t end = log_.written();
  if (offset < log_.min_offset() || offset > end) return StoreErrc::not_kept;
  const std::int64_t in_file = offset % log_.segment_size();
  const std::int64_t size = std::min({max, end - offset, log_.segment_size() - in_file});
  if (size <= 0) return Body();
  if (size > kFewBytes) {
    if (std::shared_ptr<const LogPages> pages = log_.pages_at(offset)) {
      PagedBytes bytes(pages);
      bytes.append(pages->part(in_file, size));
      return Body(std::move(bytes));
    }
  }
  Result<SharedBytes> bytes = log_.read(offset, size);
  if (bytes) return Body(std::move(*bytes));
  // Retention may have been quicker.
  if (offset < log_.min_offset()) return StoreErrc::not_kept;
  return bytes.error();
}

// The bytes of one call, behind those that an earlier one has left. What fits into a file goes down
// with one write.
class StoreCore::RawAppend {
 public:
  RawAppend(StoreCore& core, std::string_view bytes)
      : core_(core), rest_(bytes), at_(core.log_.position()), is_partial_(!core.partial_.empty()) {
    core_.pieces_.clear();
  }

  error_code run() {
    error_code error;
    while (!error) {
      Result<RawItem> item = next();
      if (!item) {
        error = item.error();
      } else if (item->kind == RawItem::Kind::record) {
        error = take_record(item->bytes);
      } else if (item->kind == RawItem::Kind::blank) {
        error = take_blank(item->bytes);
      } else {
        break;
      }
    }
    // What precedes a bad one is in order.
    if (error_code failed = flush(false)) error = failed;
    if (error) {
      core_.partial_.clear();
    } else if (!is_partial_) {
      core_.partial_.assign(rest_);
    }
    return error;
  }

 private:
  class Item {
   public:
    ConsumeQueue* queue = nullptr;  // null: not indexed
    QueueUnit unit;
    std::int64_t queue_offset = 0;
    std::int64_t store_timestamp = 0;
  };

  [[nodiscard]] std::int64_t room() const noexcept {
    return core_.log_.segment_size() - at_ % core_.log_.segment_size();
  }

  // The next whole one.
  Result<RawItem> next() {
    if (!is_partial_) {
      Result<RawItem> item = look_at_item(rest_, room());
      if (item) rest_.remove_prefix(item->bytes.size());
      return item;
    }
    while (true) {
      Result<RawItem> item = look_at_item(core_.partial_, room());
      if (item && item->kind != RawItem::Kind::incomplete) is_partial_ = false;
      if (!item || !is_partial_) return item;
      const std::size_t more = std::min(item->missing, rest_.size());
      if (more == 0) return item;
      core_.partial_.append(rest_.substr(0, more));
      rest_.remove_prefix(more);
    }
  }

  error_code take_record(std::string_view bytes) {
    Result<RecordView> record = parse_record(bytes, CheckCrc::yes);
    if (!record) return record.error();
    if (record->physical_offset != at_) return StoreErrc::not_contiguous;
    if (record->queue_id < 0 || !is_safe_path_component(record->topic)) {
      return StoreErrc::illegal_queue;
    }
    // As check_record(): recovery takes them for a sign of a write that was not finished.
    if (record->properties.find('\0') != std::string_view::npos) {
      return StoreErrc::message_too_large;
    }
    Item item;
    item.unit.physical_offset = at_;
    item.unit.size = record->total_size;
    item.unit.tags_code = tags_code_of(*record, core_.levels_).at(record->store_timestamp);
    item.queue_offset = record->queue_offset;
    item.store_timestamp = record->store_timestamp;
    if (is_indexed(record->sys_flag)) {
      item.queue = &core_.queues_.find_or_create(record->topic, record->queue_id);
      if (error_code error = look_for_removal(item)) return error;
    }
    items_.push_back(item);
    add_piece(bytes);
    at_ += std::ssize(bytes);
    return {};
  }

  // The queue was removed where the log comes from, or has no unit, but a later file that a power
  // cut has left: it begins anew.
  error_code look_for_removal(const Item& item) {
    ConsumeQueue& queue = *item.queue;
    const bool is_without_units = queue.first_offset() == queue.next();
    const bool begins_before = is_without_units && item.queue_offset < queue.next();
    if (item.queue_offset > 0 && !begins_before) return {};
    if (error_code error = flush(false)) return error;
    if (begins_before) {
      core_.remove_queue(queue);
    } else if (queue.next() > 0) {
      return core_.begin_queue_anew(queue, at_);
    }
    return {};
  }

  // Where nothing was written, the file has zeros.
  error_code take_blank(std::string_view bytes) {
    const bool is_rest_zero =
        bytes.find_first_not_of('\0', static_cast<std::size_t>(kBlankSize)) == bytes.npos;
    add_piece(is_rest_zero ? bytes.substr(0, static_cast<std::size_t>(kBlankSize)) : bytes);
    at_ += std::ssize(bytes);
    return flush(true);
  }

  void add_piece(std::string_view bytes) {
    std::vector<iovec>& pieces = core_.pieces_;
    const auto* last = pieces.empty() ? nullptr : &pieces.back();
    if (last != nullptr &&
        static_cast<const char*>(last->iov_base) + last->iov_len == bytes.data()) {
      pieces.back().iov_len += bytes.size();
    } else {
      pieces.push_back({const_cast<char*>(bytes.data()), bytes.size()});  // NOLINT: only read
    }
  }

  error_code flush(bool finish_segment) {
    const std::int64_t size = at_ - core_.log_.position();
    if (size == 0) return {};
    error_code error;
    if (core_.log_.room() == 0) {
      error = core_.judge(core_.log_.add_segment(), "create a commit log file");
    }
    if (!error) {
      error = core_.judge(core_.log_.write(core_.pieces_, size, finish_segment),
                          "write to the commit log");
    }
    core_.pieces_.clear();
    if (error) {
      items_.clear();
      at_ = core_.log_.position();
      return error;
    }
    commit();
    return {};
  }

  void commit() {
    core_.disk_full_logged_ = false;
    core_.units_.clear();
    for (const Item& item : items_) {
      follow_time(item.store_timestamp);
      if (item.queue != nullptr && has_its_place(item)) {
        core_.add_unit(*item.queue, item.queue_offset, item.unit, item.store_timestamp);
      }
    }
    core_.clock_.start_at(core_.timestamp_);
    const std::int64_t log_end = items_.empty() ? -1 : items_.back().unit.end();
    items_.clear();
    if (log_end >= 0) core_.finish_run(log_end);
  }

  // As recovery does: no checksum covers a store time, and a single one that lies far ahead must
  // not take the clock with it.
  void follow_time(std::int64_t time) {
    const std::int64_t sure = core_.newest_time_ == 0 ? time : std::min(core_.newest_time_, time);
    core_.timestamp_ = std::max(core_.timestamp_, sure);
    core_.newest_time_ = time;
  }

  // As recovery does with what does not fit.
  bool has_its_place(const Item& item) {
    const std::int64_t due = item.queue->next();
    if (item.queue_offset == due) return true;
    const bool is_first = !item.queue->has_units();
    const std::int64_t farthest =
        is_first ? item.unit.physical_offset / kRecordOverhead + kFarthestAhead : due + kWidestGap;
    if (item.queue_offset > due && item.queue_offset <= farthest) return true;
    if (++core_.raw_complaints_ <= kMostRawComplaints) {
      log::error(
          "commit log: the record at {} says queue offset {} of {} {}, where {} is due: not "
          "indexed",
          item.unit.physical_offset, item.queue_offset, item.queue->topic(), item.queue->queue_id(),
          due);
    }
    return false;
  }

  StoreCore& core_;
  std::string_view rest_;
  std::int64_t at_;                                 // where the next one lies
  bool is_partial_;                                 // it begins with core_.partial_
  boost::container::small_vector<Item, 32> items_;  // to be written
};

error_code StoreCore::append_raw(std::int64_t offset, std::string_view bytes) {
  if (!bytes.empty() && begins_elsewhere(offset)) {
    if (error_code error = begin_log_at(offset)) return error;
  }
  std::lock_guard removal_lock(removal_mutex_);
  std::lock_guard lock(write_mutex_);
  if (error_code error = before_append()) return error;
  if (offset == log_.position()) {
    partial_.clear();
  } else if (offset != log_.position() + std::ssize(partial_)) {
    return StoreErrc::not_contiguous;
  }
  return RawAppend(*this, bytes).run();
}

// Under removal_mutex_ and write_mutex_. Its messages before `log_end`, which is the log's end, are
// removed, as remove_queues() does.
error_code StoreCore::begin_queue_anew(ConsumeQueue& queue, std::int64_t log_end) {
  if (error_code error = sync()) return error;
  removed_queues_.add(queue.topic(), queue.queue_id(), log_end);
  if (error_code error = removed_queues_.save()) {
    return judge(error, "write the list of removed queues");
  }
  remove_queue(queue);
  return {};
}

std::vector<QueueEnd> StoreCore::silent_queues() const {
  std::vector<QueueEnd> ends;
  const std::int64_t log_min = log_.min_offset();
  queues_.for_each([&](const ConsumeQueue& queue) {
    const std::int64_t end = queue.added_end();
    if (end <= 0 || queue.max_offset() < end || queue.min_offset(log_min) < end) return;
    QueueEnd one;
    one.topic = queue.topic();
    one.queue_id = queue.queue_id();
    one.queue_offset = end;
    ends.push_back(std::move(one));
  });
  return ends;
}

error_code StoreCore::raise_silent_queues(std::span<const QueueEnd> ends) {
  {
    std::lock_guard lock(write_mutex_);
    if (error_code error = before_append()) return error;
    for (const QueueEnd& end : ends) raise(end);
  }
  auto nothing = [] {};
  if (error_code error = write_queue_units()) return error;
  return sync_queues(0, nothing);
}

// Under write_mutex_.
void StoreCore::raise(const QueueEnd& end) {
  if (end.queue_id < 0 || !is_safe_path_component(end.topic)) return;
  ConsumeQueue& queue = queues_.find_or_create(end.topic, end.queue_id);
  const bool is_empty = !queue.has_units();
  const std::int64_t farthest =
      is_empty ? log_.position() / kRecordOverhead + kFarthestAhead : queue.next() + kWidestGap;
  if (end.queue_offset <= queue.next() || end.queue_offset > farthest) return;
  if (!queue.has_pending()) touched_.push_back(&queue);
  queue.skip_to(end.queue_offset, is_empty ? 0 : log_.position());
  std::lock_guard lock(visible_mutex_);
  queue.publish(end.queue_offset);
}

// Where a record begins in front of `offset`, near it as far as the queues tell; -1: they do not.
std::int64_t StoreCore::record_near(std::int64_t offset) const {
  std::int64_t best = -1;
  queues_.for_each([&](const ConsumeQueue& queue) {
    const Result<std::int64_t> behind = queue.first_behind(offset, queue.added_end());
    if (!behind || *behind <= queue.first_offset()) return;
    QueueUnit unit;
    const Result<std::size_t> n =
        queue.read_units(*behind - 1, *behind, std::span<QueueUnit>(&unit, 1));
    if (n && *n == 1 && !unit.is_filler()) best = std::max(best, unit.physical_offset);
  });
  const Result<SharedBytes> bytes = log_.read_record(best, offset);
  if (!bytes) return -1;
  const Result<RecordView> record = parse_record(bytes->view(), CheckCrc::no);
  return record && record->physical_offset == best ? best : -1;
}

std::optional<RawRecord> StoreCore::last_record(std::int64_t from, std::int64_t end) const {
  std::optional<RawRecord> last;
  WalkRules rules;
  rules.limit = rules.known_end = end;
  (void)walk_log(log_, from, rules, [&](const RecordView& record, RecordState state) {
    const bool is_before = record.physical_offset + record.total_size <= end;
    if (!is_before || state != RecordState::whole) return;
    last.emplace();
    last->offset = record.physical_offset;
    last->size = record.total_size;
    last->store_timestamp = record.store_timestamp;
  });
  if (!last) return last;
  const Result<SharedBytes> bytes = log_.read(last->offset, last->size);
  if (!bytes) return std::nullopt;
  last->crc = crc_of_bytes(bytes->view());
  return last;
}

std::optional<RawRecord> StoreCore::record_before(std::int64_t offset) const {
  const std::int64_t end = std::min(offset, log_.written());
  const std::int64_t begin = log_.min_offset();
  if (end <= begin) return std::nullopt;
  if (const std::int64_t near = record_near(end); near >= begin) {
    if (auto found = last_record(near, end)) return found;
  }
  const std::int64_t last = end - 1;
  for (std::int64_t file = last - last % log_.segment_size(); file >= begin;
       file -= log_.segment_size()) {
    if (auto found = last_record(file, end)) return found;
  }
  return std::nullopt;
}

}  // namespace comet::inline v0_1::store
