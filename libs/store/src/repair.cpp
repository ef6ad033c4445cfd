#include "comet/store/repair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>

#include "comet/base/log.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "overlay_files.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

// Files that each start touches, and that say nothing of messages.
constexpr std::array<std::string_view, 3> kNotes{"/abort", "/lock", "/synced"};

// What the broker would log, as lines of `out`, as long as it lives.
class LogLines {
 public:
  explicit LogLines(std::ostream& out) {
    for (auto level : {log::Level::off, log::Level::error}) {
      if (!log::enabled(level == log::Level::off ? log::Level::error : log::Level::warn)) {
        was_ = level;
        break;
      }
    }
    if (was_) log::set_level(log::Level::warn);
    log::set_sink([&out](log::Level level, std::string_view text) {
      if (level >= log::Level::warn) out << (level == log::Level::warn ? "" : "! ") << text << '\n';
    });
  }
  ~LogLines() {
    log::set_sink({});
    if (was_) log::set_level(*was_);
  }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

 private:
  std::optional<log::Level> was_;  // less than what is to be seen
};

// The size of the files in a directory, or below it; the largest, as one may have been cut.
std::int64_t file_size_in(FileSystem& files, const std::string& directory, int levels) {
  Result<std::vector<DirectoryEntry>> entries = files.list(directory);
  std::int64_t largest = 0;
  if (!entries) return largest;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory && levels > 0) {
      largest = std::max(largest, file_size_in(files, directory + "/" + entry.name, levels - 1));
    } else if (!entry.is_directory && parse_offset_file_name(entry.name) >= 0) {
      largest = std::max(largest, entry.size);
    }
  }
  return largest;
}

StoreConfig config_for(const RepairOptions& options) {
  FileSystem& files = posix_files();
  StoreConfig config;
  config.root = options.root;
  config.commit_log_path = options.commit_log_path;
  config.consume_queue_path = options.consume_queue_path;
  config.index_path = options.index_path;
  config.index_slots = options.index_slots;
  config.index_entries = options.index_entries;
  config.max_records_lost_at_start = options.max_records_lost;
  if (!options.delay_levels.empty()) config.delay_levels = options.delay_levels;
  auto path = [&](const std::string& chosen, const char* name) {
    return chosen.empty() ? options.root + "/" + name : chosen;
  };
  auto choose = [](std::int64_t& size, std::int64_t chosen, std::int64_t found) {
    if (chosen > 0 || found > 0) size = chosen > 0 ? chosen : found;
  };
  const std::string log = path(config.commit_log_path, "commitlog");
  choose(config.commit_log_file_size, options.commit_log_file_size, file_size_in(files, log, 0));
  const std::string queues = path(config.consume_queue_path, "consumequeue");
  choose(config.consume_queue_file_size, options.consume_queue_file_size,
         file_size_in(files, queues, 2));
  // A broker that keeps no index is not given one.
  Result<std::vector<DirectoryEntry>> index = files.list(path(config.index_path, "index"));
  config.index_messages = index && !index->empty();
  return config;
}

void print_lost(const StoreCore& core, std::ostream& out) {
  core.visit_lost([&](const Damage& damage, const RecordView* record) {
    out << fmt::format("lost: {} to {} of the commit log ({}): ", damage.begin, damage.end,
                       damage.reason);
    if (record == nullptr) {
      out << fmt::format("about {} records that cannot be read\n", damage.records);
      return;
    }
    const std::string_view unique = find_property(record->properties, property::kUniqueKey);
    out << fmt::format("topic {} queue {} offset {}, message id {}{}{}\n", record->topic,
                       record->queue_id, record->queue_offset,
                       make_offset_message_id(record->store_host, damage.begin),
                       unique.empty() ? "" : ", unique id ", unique);
  });
}

// Returns whether there was one.
bool print_changes(OverlayFiles& files, std::ostream& out) {
  Result<std::vector<OverlayFiles::Change>> changes = files.changes();
  if (!changes) throw Error(changes.error(), "compare the files");
  bool any = false;
  for (const OverlayFiles::Change& change : *changes) {
    const bool is_note = std::ranges::any_of(
        kNotes, [&](std::string_view note) { return change.path.ends_with(note); });
    if (is_note) continue;
    any = true;
    using Kind = OverlayFiles::Change::Kind;
    if (change.kind == Kind::removed) {
      out << "removed: " << change.path << '\n';
    } else if (change.kind == Kind::made) {
      out << fmt::format("made: {}, {} bytes\n", change.path, change.size);
    } else if (change.size != change.old_size) {
      out << fmt::format("changed: {}, {} bytes where {} were\n", change.path, change.size,
                         change.old_size);
    } else {
      out << fmt::format("changed: {}, bytes {} to {}\n", change.path, change.begin, change.end);
    }
  }
  return any;
}

RepairReport look(const StoreConfig& config, TimeSource& time, std::ostream& out) {
  RepairReport report;
  OverlayFiles files(posix_files());
  try {
    const LogLines lines(out);
    const StoreCore core(config, time, files);
    report.lost_records = core.recovery_report().lost_records;
    print_lost(core, out);
  } catch (const Error& error) {
    if (error.code() != StoreErrc::too_much_lost) throw;
    out << "a start would be refused: " << error.what() << '\n';
    report.is_refused = report.is_needed = true;
    return report;
  }
  report.is_needed = print_changes(files, out);
  return report;
}

}  // namespace

RepairReport repair_store(const RepairOptions& options, std::ostream& out) {
  const StoreConfig config = config_for(options);
  const std::string log =
      options.commit_log_path.empty() ? options.root + "/commitlog" : options.commit_log_path;
  Result<std::vector<DirectoryEntry>> entries = posix_files().list(log);
  if (!entries) throw Error(entries.error(), "read " + log);
  TimeSource& time = real_time();
  RepairReport report = look(config, time, out);
  if (!options.apply || report.is_refused) return report;
  log::set_sink([](log::Level, std::string_view) {});
  try {
    StoreCore core(config, time, posix_files());
    while (core.build_index()) {
    }
    core.close();
    if (const Result<bool> is_left = posix_files().exists(options.root + "/abort");
        !is_left || *is_left) {
      throw Error(std::make_error_code(std::errc::io_error),
                  "the store could not be saved; run repair without --apply for its state");
    }
  } catch (...) {
    log::set_sink({});
    throw;
  }
  log::set_sink({});
  return report;
}

}  // namespace comet::inline v0_1::store
