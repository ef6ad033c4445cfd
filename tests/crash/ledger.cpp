#include "ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/message/message.hpp"
#include "comet/message/record.hpp"

namespace comet::store::test {

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
  Queue& queue = queues_[{entry.topic, entry.queue_id}];
  if (queue.entries.empty()) queue.begin = entry.queue_offset;
  require(entry.queue_offset == queue.end(),
          fmt::format("{} {}: offset {} was given where {} is due", entry.topic, entry.queue_id,
                      entry.queue_offset, queue.end()));
  queue.entries.push_back(index);
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
  if (queue == queues_.end() || queue_offset < queue->second.begin ||
      queue_offset >= queue->second.end()) {
    return nullptr;
  }
  const auto index = static_cast<std::size_t>(queue_offset - queue->second.begin);
  return &entries_[queue->second.entries[index]];
}

void Ledger::promise(std::int64_t log_end) {
  safe_end_ = log_end;
  std::erase_if(refused_, [&](const Entry& entry) { return entry.log_begin < log_end; });
}

// Behind what was promised the log may have anything that was written there, also by a call that
// was refused, as long as it is whole and in order.
void Ledger::find_out_what_is_left(const StoreCore& core, std::int64_t segment_size) {
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
    if (bytes.empty()) {  // a blank
      at += segment_size - at % segment_size;
      continue;
    }
    Result<RecordView> record = parse_record(bytes.view(), CheckCrc::yes);
    auto [begin, end] = candidates.equal_range(at);
    auto found = std::find_if(
        begin, end, [&](const auto& candidate) { return candidate.second.body == record->body; });
    require(found != end, fmt::format("nobody wrote what lies at {}", at));
    at = found->second.log_end;
    left.push_back(std::move(found->second));
  }
  entries_ = std::move(left);
}

void Ledger::check_after_start(const StoreCore& core, Loss loss, bool visible_is_safe,
                               Random& random) {
  const std::int64_t end = core.readable_end();
  const std::vector<Entry> before = entries_;
  const std::int64_t written = before.empty() ? 0 : before.back().log_end;
  const std::int64_t due = loss == Loss::nothing ? written : std::min(safe_end_, written);
  require(end >= due, fmt::format("the log ends at {}; what was promised, at {}", end, due));
  safe_end_ = due;
  find_out_what_is_left(core, core.config().commit_log_file_size);
  queues_.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (loss == Loss::unsynced) entries_[i].perhaps_torn |= entries_[i].log_end > safe_end_;
    add_to_queue(entries_[i], i);
  }
  safe_end_ = end;
  for (const auto& [name, max_offset] : shown_) {
    require(!visible_is_safe || core.max_offset(name.first, name.second) >= max_offset,
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
  require(max == queue.end(),
          fmt::format("{} {}: ends at {}, should at {}", topic, queue_id, max, queue.end()));
  std::int64_t next = queue.begin;
  // Of messages that were not read only such may be gone that were to be removed.
  auto skip_to = [&](std::int64_t offset) {
    for (; next < offset; ++next) {
      require(find(name, next)->log_begin < forgotten_before_,
              fmt::format("{} {}: offset {} is gone", topic, queue_id, next));
    }
  };
  skip_to(core.min_offset(topic, queue_id));
  while (next < max) {
    ReadResult result = core.read(topic, queue_id, next, ReadLimits(), {});
    require(result.next_offset > next, "a read does not go on");
    for (const MessageExt& message : decode_records(result.records.to_string())) {
      skip_to(message.queue_offset);
      const Entry& entry = *find(name, next);
      require(message.queue_offset == next && message.body() == entry.body &&
                  message.physical_offset == entry.log_begin,
              fmt::format("{} {}: offset {} is another message", topic, queue_id, next));
      ++next;
    }
    skip_to(result.next_offset);
  }
}

void Ledger::check_key(const StoreCore& core, const Entry& entry) const {
  const Entry* known = find({entry.topic, entry.queue_id}, entry.queue_offset);
  const bool exists = known != nullptr && known->key == entry.key;
  KeyQuery query;
  query.topic = entry.topic;
  query.key = entry.key;
  KeyQueryResult result = core.query(query);
  bool right = true;
  for (const MessageExt& message : decode_records(result.records.to_string())) {
    right = right && exists && message.body() == entry.body;
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
  require(max <= queue->second.end(),
          fmt::format("{} {}: shows more than it was given", topic, queue_id));
  const std::int64_t from = random.below(max + 1);
  ReadResult result = core.read(topic, queue_id, from, ReadLimits(), {});
  for (const MessageExt& message : decode_records(result.records.to_string())) {
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
      for (const MessageExt& message : decode_records(result.records.to_string())) {
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

}  // namespace comet::store::test
