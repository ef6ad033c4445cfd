#include "ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/base/log.hpp"
#include "comet/message/message.hpp"
#include "comet/message/record.hpp"

namespace comet::inline v0_1::store::test {

void require(bool promise, const std::string& what) {
  if (!promise) throw Broken(what);
}

void Ledger::add(std::vector<Entry> entries) {
  for (Entry& entry : entries) {
    add_to_queue(entry, entries_.size());
    entries_.push_back(std::move(entry));
  }
}

void Ledger::add_to_queue(const Entry& entry, std::size_t index) {
  const auto [place, is_new] = queues_.try_emplace({entry.topic, entry.queue_id});
  Queue& queue = place->second;
  // Its last file may have been left without a message; the store goes on where that begins.
  if (is_new) queue.end = entry.queue_offset;
  require(entry.queue_offset == queue.end,
          fmt::format("{} {}: offset {} was given where {} is due", entry.topic, entry.queue_id,
                      entry.queue_offset, queue.end));
  queue.entries.emplace(entry.queue_offset, index);
  queue.end = entry.queue_offset + 1;
}

void Ledger::damage(std::int64_t log_offset) {
  has_damage_ = true;
  bool is_in_entry = false;
  for (std::vector<Entry>* all : {&entries_, &refused_}) {
    for (Entry& entry : *all) {
      if (log_offset < entry.log_begin || log_offset >= entry.log_end) continue;
      is_in_entry = true;
      entry.damaged_at = log_offset - entry.log_begin;
      log::info("that is byte {} of {} {} offset {} at {}", entry.damaged_at, entry.topic,
                entry.queue_id, entry.queue_offset, entry.log_begin);
    }
  }
  if (!is_in_entry) damage_elsewhere_.insert(log_offset);
}

void Ledger::note_units(const std::function<bool(const Entry&)>& has_unit) {
  for (Entry& entry : entries_) entry.has_unit = has_unit(entry);
}

bool Ledger::is_damaged(std::int64_t log_begin) const {
  auto found = std::ranges::find(entries_, log_begin, &Entry::log_begin);
  return found != entries_.end() && found->damaged_at >= 0;
}

void Ledger::show(const std::string& topic, std::int32_t queue_id, std::int64_t max_offset) {
  std::int64_t& shown = shown_[{topic, queue_id}];
  shown = std::max(shown, max_offset);
}

void Ledger::forget_before(std::int64_t log_min) noexcept {
  forgotten_before_ = std::max(forgotten_before_, log_min);
}

const Entry* Ledger::find(const QueueName& name, std::int64_t queue_offset) const {
  auto queue = queues_.find(name);
  if (queue == queues_.end()) return nullptr;
  auto found = queue->second.entries.find(queue_offset);
  return found == queue->second.entries.end() ? nullptr : &entries_[found->second];
}

void Ledger::promise(std::int64_t log_end) {
  safe_end_ = log_end;
  std::erase_if(refused_, [&](const Entry& entry) { return entry.log_begin < log_end; });
}

// Behind what was promised the log may have anything that was written there, also by a call that
// was refused, as long as it is whole and in order; before it, all but what is damaged.
void Ledger::find_out_what_is_left(const StoreCore& core) {
  std::multimap<std::int64_t, Entry> candidates;
  std::vector<Entry> left;
  // Only what is safe is removed with its log file.
  const std::int64_t kept = std::max(safe_end_, core.min_physical_offset());
  for (Entry& entry : entries_) {
    if (entry.log_end <= kept) {
      left.push_back(std::move(entry));
    } else {
      candidates.emplace(entry.log_begin, std::move(entry));
    }
  }
  for (Entry& entry : refused_) candidates.emplace(entry.log_begin, std::move(entry));
  refused_.clear();
  std::int64_t at = left.empty() ? 0 : left.back().log_end;
  while (at < core.readable_end()) {
    SharedBytes bytes = core.read_record(at);
    if (bytes.empty()) {  // a blank, damage, or what a power cut has left of something
      // A bit may change back.
      auto damaged = candidates.find(at);
      if (damaged != candidates.end() && damaged->second.damaged_at >= 0) {
        left.push_back(std::move(damaged->second));
      }
      auto next = candidates.upper_bound(at);
      if (next == candidates.end()) break;
      at = next->first;
      continue;
    }
    Result<RecordView> record = parse_record(bytes.view(), CheckCrc::yes);
    auto [begin, end] = candidates.equal_range(at);
    auto found = std::find_if(
        begin, end, [&](const auto& candidate) { return candidate.second.body == record->body; });
    require(found != end, fmt::format("nobody wrote what lies at {}", at));
    Entry& entry = found->second;
    at = entry.log_end;
    // Of what was not promised a power cut may have left any bytes, also of fields that no checksum
    // covers.
    const bool is_whole = record->topic == entry.topic && record->queue_id == entry.queue_id &&
                          record->queue_offset == entry.queue_offset;
    if (!is_whole) entry.damaged_at = 0;
    left.push_back(std::move(entry));
  }
  entries_ = std::move(left);
}

// Nothing that was promised gives its offset to another message. `exact`: nor was one skipped.
void Ledger::rebuild_queues(const StoreCore& core, bool exact) {
  std::map<QueueName, Queue> before;
  before.swap(queues_);
  for (const auto& [name, queue] : before) queues_[name];
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    if (entry.is_unknown) continue;
    Queue& queue = queues_[{entry.topic, entry.queue_id}];
    const auto [place, is_free] = queue.entries.emplace(entry.queue_offset, i);
    if (!is_free) {
      // A power cut may have mixed one with another that had its offset, or left one that was
      // refused beside the one that got its offset then.
      if (entries_[place->second].perhaps_torn && is_shown(core, entry)) place->second = i;
      continue;
    }
    queue.end = std::max(queue.end, entry.queue_offset + 1);
  }
  for (auto& [name, queue] : queues_) {
    const std::int64_t max = core.max_offset(name.first, name.second);
    auto last = std::ranges::find_if(
        queue.entries.rbegin(), queue.entries.rend(),
        [&](const auto& one) { return entries_[one.second].log_end <= safe_end_; });
    const std::int64_t promised = last == queue.entries.rend() ? 0 : last->first + 1;
    const bool nothing_tells =
        promised > 0 && entries_[last->second].damaged_at >= 0 && !entries_[last->second].has_unit;
    if (max + 1 == promised && nothing_tells) {
      Entry& unknown = entries_[last->second];
      unknown.is_unknown = true;
      ++unknown_offsets_;
      log::info("offset {} of {} {} is given again: byte {} of its record is damaged",
                unknown.queue_offset, unknown.topic, unknown.queue_id, unknown.damaged_at);
    } else {
      require(max >= promised,
              fmt::format("{} {}: ends at {}, behind its message {} at {} in the log", name.first,
                          name.second, max, promised - 1,
                          promised > 0 ? entries_[last->second].log_begin : -1));
      const std::int64_t due = std::max(queue.end, before[name].end);
      require(!exact || max == due,
              fmt::format("{} {}: ends at {}, should at {}", name.first, name.second, max, due));
    }
    queue.end = max;
    std::erase_if(queue.entries, [&](const auto& one) {
      if (one.first < max) return false;
      return entries_[one.second].is_unknown = true;
    });
  }
}

std::int64_t Ledger::end_of_undamaged(std::int64_t due) const {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->log_end > due) continue;
    // A blank lies behind it, which ends a file and promises nothing.
    const auto blank = damage_elsewhere_.lower_bound(entry->log_end);
    if (blank != damage_elsewhere_.end() && *blank < due) due = entry->log_end;
    if (entry->damaged_at < 0) break;
    due = entry->log_begin;
  }
  return due;
}

void Ledger::check_after_start(const StoreCore& core, Loss loss, bool visible_is_safe,
                               Random& random) {
  const std::int64_t end = core.readable_end();
  const std::vector<Entry> before = entries_;
  const std::int64_t written = before.empty() ? 0 : before.back().log_end;
  std::int64_t due = loss == Loss::nothing ? written : std::min(safe_end_, written);
  // After a power cut nothing may tell that damage at the very end was no write that was cut off.
  if (loss == Loss::unsynced) due = end_of_undamaged(due);
  require(end >= due, fmt::format("the log ends at {}; what was promised, at {}", end, due));
  safe_end_ = due;
  find_out_what_is_left(core);
  for (Entry& entry : entries_) {
    if (loss == Loss::unsynced) entry.perhaps_torn |= entry.log_end > safe_end_;
  }
  rebuild_queues(core, loss == Loss::nothing && !has_damage_);
  safe_end_ = end;
  for (const auto& [name, max_offset] : shown_) {
    require(
        !visible_is_safe || has_damage_ || core.max_offset(name.first, name.second) >= max_offset,
        fmt::format("{} {}: a message that was seen is gone", name.first, name.second));
  }
  shown_.clear();
  for (const auto& [name, queue] : queues_) check_queue(core, name);
  for (std::size_t i = 0; i < before.size(); i += 1 + static_cast<std::size_t>(random.below(8))) {
    check_key(core, before[i]);
  }
}

void Ledger::check_queue(const StoreCore& core, const QueueName& name) const {
  const auto& [topic, queue_id] = name;
  const Queue& queue = queues_.at(name);
  const std::int64_t max = core.max_offset(topic, queue_id);
  auto next = queue.entries.begin();
  // Of messages that were not read only such may be gone that were to be removed, or are damaged.
  auto skip_to = [&](std::int64_t offset) {
    for (; next != queue.entries.end() && next->first < offset; ++next) {
      const Entry& entry = entries_[next->second];
      require(entry.log_begin < forgotten_before_ || entry.damaged_at >= 0 || entry.perhaps_torn ||
                  is_displaced(core, entry),
              fmt::format("{} {}: offset {} is gone, at {} in the log", topic, queue_id,
                          next->first, entry.log_begin));
    }
  };
  std::int64_t at = core.min_offset(topic, queue_id);
  skip_to(at);
  while (at < max) {
    ReadResult result = core.read(topic, queue_id, at, ReadLimits(), {});
    require(result.next_offset > at, "a read does not go on");
    for (const MessageExt& message : decode_records(result.records.to_string(), false)) {
      if (is_damaged(message.physical_offset)) continue;
      skip_to(message.queue_offset);
      require(next != queue.entries.end() && message.queue_offset == next->first &&
                  message.body() == entries_[next->second].body &&
                  message.physical_offset == entries_[next->second].log_begin,
              fmt::format("{} {}: offset {} is another message, of {} in the log; due is {} of {}",
                          topic, queue_id, message.queue_offset, message.physical_offset,
                          next == queue.entries.end() ? -1 : next->first,
                          next == queue.entries.end() ? -1 : entries_[next->second].log_begin));
      ++next;
    }
    at = result.next_offset;
    skip_to(at);
  }
}

bool Ledger::is_shown(const StoreCore& core, const Entry& entry) {
  const ReadResult result =
      core.read(entry.topic, entry.queue_id, entry.queue_offset, ReadLimits(), {});
  if (result.count == 0) return false;
  const MessageExt first = decode_records(result.records.to_string(), false).front();
  return first.queue_offset == entry.queue_offset && first.physical_offset == entry.log_begin;
}

// A record that is damaged says now that it is this one, and lies in front of it: no checksum
// covers it, and no unit told which of them it is.
bool Ledger::is_displaced(const StoreCore& core, const Entry& entry) const {
  return std::ranges::any_of(entries_, [&](const Entry& one) {
    if (one.damaged_at < 0 || &one == &entry || one.has_unit || entry.has_unit) return false;
    SharedBytes bytes = core.read_record(one.log_begin);
    Result<RecordView> record = parse_record(bytes.view(), CheckCrc::no);
    return record && record->topic == entry.topic && record->queue_id == entry.queue_id &&
           record->queue_offset == entry.queue_offset;
  });
}

std::string Ledger::picture(const StoreCore& core) const {
  std::string text = fmt::format("log {} to {}\n", core.min_physical_offset(), core.readable_end());
  for (const auto& [name, queue] : queues_) {
    const std::int64_t max = core.max_offset(name.first, name.second);
    text += fmt::format("{} {} to {}:", name.first, name.second, max);
    for (std::int64_t at = core.min_offset(name.first, name.second); at < max;) {
      ReadResult result = core.read(name.first, name.second, at, ReadLimits(), {});
      for (const MessageExt& message : decode_records(result.records.to_string(), false)) {
        text += fmt::format(" {}@{}", message.queue_offset, message.physical_offset);
      }
      at = result.next_offset;
    }
    text += '\n';
  }
  return text;
}

void Ledger::check_key(const StoreCore& core, const Entry& entry) const {
  const Entry* known = find({entry.topic, entry.queue_id}, entry.queue_offset);
  const bool exists = known != nullptr && known->key == entry.key;
  if (entry.damaged_at >= 0 || (known != nullptr && known->damaged_at >= 0)) return;
  KeyQuery query;
  query.topic = entry.topic;
  query.key = entry.key;
  KeyQueryResult result = core.query(query);
  bool right = true;
  for (const MessageExt& message : decode_records(result.records.to_string(), false)) {
    // No checksum covers a key: another one's may have become this one.
    if (is_damaged(message.physical_offset)) {
      --result.count;
      continue;
    }
    // A power cut may leave one that was refused, and whose queue offset another has.
    const bool is_left = exists || std::ranges::any_of(entries_, [&](const Entry& one) {
                           return one.perhaps_torn && one.key == entry.key;
                         });
    right = right && is_left && message.body() == entry.body;
  }
  bool found =
      result.count == 1 || !exists || known->perhaps_torn || entry.log_begin < forgotten_before_;
  require(right && found, fmt::format("key {}: {} found, {}", entry.key, result.count,
                                      exists ? "which should be one" : "where none is"));
}

void Ledger::check_reads(const StoreCore& core, Random& random) const {
  if (queues_.empty()) return;
  auto queue = std::next(queues_.begin(), random.below(static_cast<std::int64_t>(queues_.size())));
  const auto& [topic, queue_id] = queue->first;
  const std::int64_t max = core.max_offset(topic, queue_id);
  require(max <= queue->second.end,
          fmt::format("{} {}: shows more than it was given", topic, queue_id));
  const std::int64_t from = random.below(max + 1);
  ReadResult result = core.read(topic, queue_id, from, ReadLimits(), {});
  for (const MessageExt& message : decode_records(result.records.to_string(), false)) {
    if (is_damaged(message.physical_offset)) continue;
    const Entry* entry = find(queue->first, message.queue_offset);
    require(entry != nullptr && entry->body == message.body() && message.queue_offset < max,
            fmt::format("{} {}: a read shows another message", topic, queue_id));
  }
}

std::int64_t Ledger::count_right(const StoreCore& core) const {
  std::int64_t count = 0;
  for (const auto& [name, queue] : queues_) {
    const std::int64_t max = core.max_offset(name.first, name.second);
    for (std::int64_t next = 0; next < max;) {
      ReadResult result = core.read(name.first, name.second, next, ReadLimits(), {});
      require(result.next_offset > next, "a read does not go on");
      next = result.next_offset;
      for (const MessageExt& message : decode_records(result.records.to_string(), false)) {
        // No checksum covers the places that a record names; its body is that of the message.
        auto entry = std::ranges::find(entries_, message.physical_offset, &Entry::log_begin);
        require(entry != entries_.end() && entry->body == message.body(),
                fmt::format("{} {} offset {}: a wrong body", name.first, name.second,
                            message.queue_offset));
        ++count;
      }
    }
  }
  return count;
}

}  // namespace comet::inline v0_1::store::test
