// Checks a store directory against the rules of the formats.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <ostream>

#include "comet/message/system_names.hpp"

#include "inspect_files.hpp"

namespace comet::inline v0_1::store {

using namespace inspect;

namespace {

constexpr std::int64_t kMaxLines = 100;

class Verification {
 public:
  Verification(const InspectOptions& options, std::ostream& out)
      : options_(options), root_(root_of(options)), out_(out), log_(root_ / "commitlog") {}

  VerifyReport run() {
    report_.unclean = fs::exists(root_ / "abort");
    for (const std::string& text : log_.problems) problem(text);
    for (const QueueName& name : list_queues(root_)) open_queue(name);
    check_log();
    for (auto& [name, queue] : queues_) check_queue_end(name, queue);
    for (const fs::path& path : list_index_files(root_)) check_index(path);
    check_checkpoint();
    return report_;
  }

 private:
  class Queue {
   public:
    explicit Queue(FileRun files_in) : files(std::move(files_in)) {}
    FileRun files;
    std::int64_t next = -1;  // queue offset of the next record of the log
    std::int64_t last_offset = -1;
  };

  void problem(const std::string& text) {
    if (++report_.problems <= kMaxLines) out_ << text << '\n';
  }

  void open_queue(const QueueName& name) {
    Queue queue{FileRun(queue_directory(root_, name))};
    for (const std::string& text : queue.files.problems) problem(text);
    queues_.emplace(name, std::move(queue));
  }

  void check_log() {
    std::int64_t at = log_.begin();
    std::int64_t timestamp = 0;
    while (at < log_.end()) {
      LogRecord record = read_log_record(log_, at);
      if (!record.problem.empty() || record.size == 0) {
        const std::int64_t next = next_record(at + 1);
        if (next < 0 && record.size == 0 && record.problem.empty()) break;
        const std::string reason = record.problem.empty() ? "zeros" : record.problem;
        problem(fmt::format("log offset {}: {}", at, reason));
        if (next < 0) break;
        ++report_.damaged;
        at = next;
        continue;
      }
      if (record.is_blank) {
        at += record.size;
        continue;
      }
      ++report_.records;
      if (record.store_timestamp < timestamp) {
        problem(fmt::format("log offset {}: stored before the record in front of it", at));
      }
      timestamp = record.store_timestamp;
      last_timestamp_ = std::max(last_timestamp_, timestamp);
      if (record.is_queued()) check_unit(record);
      at += record.size;
    }
    log_end_ = at;
    check_behind_log();
  }

  // The next record from `at` on; -1: there is none.
  std::int64_t next_record(std::int64_t at) const {
    while (at < log_.end()) {
      std::string_view rest = log_.bytes_from(at);
      for (std::size_t found = rest.find("\xDA\xA3\x20"); found != std::string_view::npos;
           found = rest.find("\xDA\xA3\x20", found + 1)) {
        const std::int64_t place = at + static_cast<std::int64_t>(found) - 4;
        if (found < 4) continue;
        LogRecord record = read_log_record(log_, place);
        if (record.problem.empty() && !record.is_blank && record.size > 0) return place;
      }
      at += static_cast<std::int64_t>(rest.size());
    }
    return -1;
  }

  // Apache allocates one file ahead.
  void check_behind_log() {
    int ahead = 0;
    for (const FileRun::Part& part : log_.parts) {
      if (part.start >= log_end_ && part.start > log_.begin()) ++ahead;
    }
    if (ahead > 1) problem(fmt::format("{} files lie behind the end of the log", ahead));
    for (std::int64_t at = log_end_; at < log_.end();) {
      std::string_view rest = log_.bytes_from(at);
      if (!is_zero(rest)) {
        if (!report_.unclean) {
          problem(
              fmt::format("the file of log offset {} holds something behind the end of the "
                          "log at {}",
                          at, log_end_));
        }
        return;
      }
      at += static_cast<std::int64_t>(rest.size());
    }
  }

  void check_unit(const LogRecord& record) {
    auto found = queues_.find(QueueName{std::string(record.topic), record.queue_id});
    if (found == queues_.end()) return;  // its queue was removed
    Queue& queue = found->second;
    LogUnit unit = read_unit(queue.files, record.queue_offset);
    std::string where =
        fmt::format("{} {} offset {}", record.topic, record.queue_id, record.queue_offset);
    if (unit.offset != record.offset || unit.size != record.size) {
      // A queue that was removed and made anew begins behind older records.
      if (!first_unit_is_behind(queue, record.offset)) {
        problem(fmt::format("{}: points at {}, {} bytes; the record is at {}, {} bytes", where,
                            unit.offset, unit.size, record.offset, record.size));
      }
      return;
    }
    ++report_.units;
    if (queue.next >= 0 && record.queue_offset != queue.next) {
      problem(fmt::format("{}: the offset before it in the log is {}", where, queue.next - 1));
    }
    queue.next = record.queue_offset + 1;
    if (!is_right_tag(record, unit.tags_code)) {
      problem(fmt::format("{}: tags code {} is not that of \"{}\"", where, unit.tags_code,
                          record.property("TAGS")));
    }
  }

  static bool first_unit_is_behind(const Queue& queue, std::int64_t offset) {
    LogUnit first = read_unit(queue.files, queue.files.begin() / 20);
    return !first.is_end() && !first.is_filler() && first.offset > offset;
  }

  static bool is_right_tag(const LogRecord& record, std::int64_t code) {
    bool delayed = record.topic == kScheduleTopic && !record.property("DELAY").empty();
    if (delayed) return code >= record.store_timestamp;  // the time of delivery
    const bool is_time = code > std::numeric_limits<std::int32_t>::max() ||
                         code < std::numeric_limits<std::int32_t>::min();
    if (record.topic == kTimerTopic && is_time) {
      const std::string sign = record.property("TIMER_DEL_UNIQKEY").empty() ? "" : "-";
      return std::to_string(code) == sign + std::string(record.property("TIMER_OUT_MS"));
    }
    std::string_view tags = record.property("TAGS");
    return code == (tags.empty() ? 0 : hash_of(tags));
  }

  // Units of messages that the log has forgotten, and whatever follows the last one.
  void check_queue_end(const QueueName& name, Queue& queue) {
    std::int64_t last = queue.files.begin() / 20;
    std::int64_t end = queue.files.end() / 20;
    std::int64_t before = -1;
    std::string where = fmt::format("{} {} offset ", name.topic, name.id);
    for (; last < end; ++last) {
      LogUnit unit = read_unit(queue.files, last);
      if (unit.is_end()) break;
      if (unit.size <= 0 || unit.offset < 0) {
        problem(fmt::format("{}{}: neither a unit nor zeros", where, last));
        return;
      }
      if (unit.is_filler()) continue;
      if (unit.offset <= before) {
        problem(fmt::format("{}{}: points at {}, before the unit in front of it", where, last,
                            unit.offset));
      }
      before = unit.offset;
      if (unit.offset + unit.size > log_end_) {
        problem(fmt::format("{}{}: points behind the end of the log", where, last));
      } else if (unit.offset >= log_.begin() && !is_record_of(name, last, unit)) {
        problem(fmt::format("{}{}: no record of it lies at {}", where, last, unit.offset));
      }
    }
    if (queue.next >= 0 && queue.next != last) {
      problem(fmt::format("{}{}: the log's last record of the queue has offset {}", where, last - 1,
                          queue.next - 1));
    }
    for (std::int64_t at = last * 20; at < queue.files.end();) {
      std::string_view rest = queue.files.bytes_from(at);
      if (!is_zero(rest)) {
        problem(fmt::format("{}{}: something lies behind the last unit", where, last));
        return;
      }
      at += static_cast<std::int64_t>(rest.size());
    }
  }

  bool is_record_of(const QueueName& name, std::int64_t queue_offset, const LogUnit& unit) const {
    LogRecord record = read_log_record(log_, unit.offset);
    return record.problem.empty() && record.size == unit.size && !record.is_blank &&
           record.topic == name.topic && record.queue_id == name.id &&
           record.queue_offset == queue_offset;
  }

  void check_index(const fs::path& path);
  void check_entry(const std::string& where, std::string_view bytes);
  void check_checkpoint();

  const InspectOptions& options_;
  fs::path root_;
  std::ostream& out_;
  FileRun log_;
  std::map<QueueName, Queue> queues_;
  std::int64_t log_end_ = 0;
  std::int64_t last_timestamp_ = 0;
  VerifyReport report_;
};

void Verification::check_index(const fs::path& path) {
  MappedFile file(path);
  std::string_view bytes = file.bytes();
  const auto slots = static_cast<std::size_t>(options_.index_slots);
  const auto entries = static_cast<std::size_t>(options_.index_entries);
  std::string name = path.filename().string();
  if (bytes.size() != 40 + slots * 4 + entries * 20) {
    return problem(fmt::format("index {}: {} bytes do not fit {} slots and {} entries", name,
                               bytes.size(), slots, entries));
  }
  std::int64_t count = number_at(bytes, 36, 4);
  std::int64_t used = number_at(bytes, 32, 4);
  if (count < 0 || count > static_cast<std::int64_t>(entries) || used < 0 || used > count) {
    return problem(
        fmt::format("index {}: {} entries and {} slots used cannot be", name, count, used));
  }
  std::vector<std::int32_t> heads(slots, 0);
  for (std::int64_t i = 1; i < count; ++i) {
    std::string_view entry = bytes.substr(40 + slots * 4 + static_cast<std::size_t>(i) * 20, 20);
    std::int64_t hash = number_at(entry, 0, 4);
    std::string where = fmt::format("index {} entry {}", name, i);
    if (hash < 0) return problem(where + ": negative hash");
    std::int32_t& head = heads[static_cast<std::size_t>(hash) % slots];
    if (number_at(entry, 16, 4) != head) {
      problem(fmt::format("{}: the entry before it is said to be {}, and is {}", where,
                          number_at(entry, 16, 4), head));
    }
    head = static_cast<std::int32_t>(i);
    check_entry(where, entry);
    ++report_.index_entries;
  }
  for (std::size_t slot = 0; slot < slots; ++slot) {
    std::int64_t value = number_at(bytes, 40 + slot * 4, 4);
    if (value != heads[slot]) {
      problem(fmt::format("index {} slot {}: leads to entry {}, should to {}", name, slot, value,
                          heads[slot]));
    }
  }
}

void Verification::check_entry(const std::string& where, std::string_view entry) {
  std::int64_t offset = number_at(entry, 4, 8);
  if (offset < log_.begin()) return;  // the message is gone
  if (offset >= log_end_) return problem(where + ": points behind the end of the log");
  LogRecord record = read_log_record(log_, offset);
  if (!record.problem.empty() || record.size == 0 || record.is_blank) {
    return problem(fmt::format("{}: no record lies at {}", where, offset));
  }
  auto matches = [&](std::string_view key) {
    std::int32_t hash = hash_of(std::string(record.topic) + "#" + std::string(key));
    if (hash == std::numeric_limits<std::int32_t>::min()) hash = 0;
    return std::abs(hash) == number_at(entry, 0, 4);
  };
  std::string_view unique = record.property("UNIQ_KEY");
  if (!unique.empty() && matches(unique)) return;
  std::string_view keys = record.property("KEYS");
  while (!keys.empty()) {
    std::string_view key = keys.substr(0, keys.find(' '));
    keys.remove_prefix(std::min(key.size() + 1, keys.size()));
    if (!key.empty() && matches(key)) return;
  }
  // Apache's broker from 5.5.0 on.
  std::string_view tags = record.property("TAGS");
  if (!tags.empty() && matches("T#" + std::string(tags))) return;
  problem(fmt::format("{}: the record at {} has no such key", where, offset));
}

void Verification::check_checkpoint() {
  fs::path path = root_ / "checkpoint";
  if (!fs::exists(path)) {
    if (!report_.unclean && report_.records > 0) problem("there is no checkpoint");
    return;
  }
  MappedFile file(path);
  if (file.bytes().size() < 24) return problem("the checkpoint is too short");
  const std::array<const char*, 3> names{"log", "queues", "index"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (number_at(file.bytes(), i * 8, 8) > last_timestamp_ && report_.records > 0) {
      problem(fmt::format("the checkpoint vouches for a later time ({}) than the log ends at",
                          names[i]));
    }
  }
}

}  // namespace

VerifyReport verify_store(const InspectOptions& options, std::ostream& out) {
  return Verification(options, out).run();
}

}  // namespace comet::inline v0_1::store
