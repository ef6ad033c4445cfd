// Prints what lies in a store directory.

#include <fmt/format.h>

#include <ostream>

#include "comet/base/local_time.hpp"

#include "inspect_files.hpp"

namespace comet::inline v0_1::store {

using namespace inspect;

namespace {

std::string time_text(std::int64_t millis) {
  if (millis <= 0 || millis > 253'402'214'400'000) return std::to_string(millis);
  return format_local_time(millis);
}

std::string state_of(const LogRecord& first) {
  if (!first.problem.empty()) return first.problem;
  if (first.size == 0) return "empty";
  if (first.is_blank) return "a blank record only";
  return "begins " + time_text(first.store_timestamp);
}

// Behind the last unit.
std::int64_t end_of(const FileRun& queue) {
  std::int64_t low = queue.begin() / 20;
  std::int64_t high = queue.end() / 20;
  while (low < high) {
    std::int64_t middle = low + (high - low) / 2;
    if (read_unit(queue, middle).is_end()) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace

void print_segments(const InspectOptions& options, std::ostream& out) {
  FileRun log(root_of(options) / "commitlog");
  for (const std::string& problem : log.problems) out << problem << '\n';
  for (const FileRun::Part& part : log.parts) {
    out << fmt::format("{}  {} bytes  {}\n", part.path.filename().string(), part.size,
                       state_of(read_log_record(log, part.start)));
  }
}

void print_records(const InspectOptions& options, std::ostream& out) {
  FileRun log(root_of(options) / "commitlog");
  std::int64_t at = options.from >= 0 ? options.from : log.begin();
  for (std::int64_t i = 0; i < options.count && at < log.end(); ++i) {
    LogRecord record = read_log_record(log, at);
    if (!record.problem.empty()) {
      out << fmt::format("{}  {}\n", at, record.problem);
      return;
    }
    if (record.size == 0) break;
    if (record.is_blank) {
      out << fmt::format("{}  blank, {} bytes\n", at, record.size);
    } else {
      out << fmt::format(
          "{}  {} bytes  {} {} offset {}  {}  body {}  tag \"{}\"  keys \"{}\"  "
          "id \"{}\"\n",
          at, record.size, record.topic, record.queue_id, record.queue_offset,
          time_text(record.store_timestamp), record.body_size, record.property("TAGS"),
          record.property("KEYS"), record.property("UNIQ_KEY"));
    }
    at += record.size;
  }
  if (at >= log.end() || read_log_record(log, at).size == 0) {
    out << fmt::format("{}  end of the log\n", at);
  }
}

void print_queues(const InspectOptions& options, std::ostream& out) {
  fs::path root = root_of(options);
  std::int64_t log_min = FileRun(root / "commitlog").begin();
  for (const QueueName& name : list_queues(root)) {
    FileRun queue(queue_directory(root, name));
    std::int64_t end = end_of(queue);
    std::int64_t first = queue.begin() / 20;
    while (first < end && read_unit(queue, first).offset < log_min) ++first;
    out << fmt::format("{} {}  offsets {} to {}  {} files\n", name.topic, name.id, first, end,
                       queue.parts.size());
  }
}

void print_queue(const InspectOptions& options, const std::string& topic, std::int32_t queue_id,
                 std::ostream& out) {
  FileRun queue(queue_directory(root_of(options), QueueName{topic, queue_id}));
  for (const std::string& problem : queue.problems) out << problem << '\n';
  std::int64_t at = options.from >= 0 ? options.from : queue.begin() / 20;
  for (std::int64_t i = 0; i < options.count && at * 20 < queue.end(); ++i, ++at) {
    LogUnit unit = read_unit(queue, at);
    if (unit.is_end()) break;
    out << fmt::format("{}  log offset {}  {} bytes  tags code {}{}\n", at, unit.offset, unit.size,
                       unit.tags_code, unit.is_filler() ? "  (filler)" : "");
  }
}

void print_index(const InspectOptions& options, std::ostream& out) {
  for (const fs::path& path : list_index_files(root_of(options))) {
    MappedFile file(path);
    auto field = [&](std::size_t at, std::size_t size) {
      return number_at(file.bytes(), at, size);
    };
    out << fmt::format("{}  {} bytes  {} to {}  log offsets {} to {}  {} slots used  {} entries\n",
                       path.filename().string(), file.bytes().size(), time_text(field(0, 8)),
                       time_text(field(8, 8)), field(16, 8), field(24, 8), field(32, 4),
                       field(36, 4));
  }
}

void print_checkpoint(const InspectOptions& options, std::ostream& out) {
  fs::path root = root_of(options);
  MappedFile file(root / "checkpoint");
  const char* names[] = {"log", "queues", "index"};
  for (std::size_t i = 0; i < 3; ++i) {
    out << fmt::format("{:<7} {}\n", names[i], time_text(number_at(file.bytes(), i * 8, 8)));
  }
  out << (fs::exists(root / "abort") ? "abort exists: running, or it crashed\n"
                                     : "no abort file: stopped in order\n");
}

}  // namespace comet::inline v0_1::store
