#include "comet/store/repair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>

#include "comet/base/log.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "index_file.hpp"
#include "overlay_files.hpp"
#include "store_core.hpp"
#include "store_directory.hpp"

namespace comet::inline v0_1::store {

namespace {

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

// Files of one kind.
class Found {
 public:
  std::int64_t largest = 0;  // bytes
  std::string name;          // of that one
  int count = 0;             // of files that are as large

  void add(std::string path, std::int64_t size) {
    if (size == largest) ++count;
    if (size <= largest) return;
    largest = size;
    name = std::move(path);
    count = 1;
  }
};

// Those in a directory, or so many levels below it, that are named by offsets or, `in_index`, by
// times.
void find_files(const std::string& directory, int levels, bool in_index, Found& found) {
  const Result<std::vector<DirectoryEntry>> entries = posix_files().list(directory);
  if (!entries) return;
  for (const DirectoryEntry& entry : *entries) {
    std::string path = directory + "/" + entry.name;
    if (entry.is_directory && levels > 0) {
      find_files(path, levels - 1, in_index, found);
    } else if (!entry.is_directory && (in_index || parse_offset_file_name(entry.name) >= 0)) {
      found.add(std::move(path), entry.size);
    }
  }
}

[[noreturn]] void refuse_size(const Found& found, std::int64_t chosen, const std::string& keys) {
  throw Error(
      make_error_code(BaseErrc::bad_value),
      fmt::format(
          "{} has {} bytes, where {} make {}; give these the values that the broker has, or "
          "remove the file if it is a damaged one: it is built anew from the log",
          found.name, found.largest, keys, chosen));
}

// A start takes files of another size than its own for damaged. One that was cut is damaged.
void check_queue_size(const Found& found, std::int64_t chosen) {
  const bool may_be_cut = found.largest < chosen && found.count <= 1;
  if (found.largest == 0 || found.largest == chosen || may_be_cut) return;
  refuse_size(found, chosen, "mappedFileSizeConsumeQueue");
}

void check_index_size(const Found& found, const StoreConfig& config) {
  IndexShape shape;
  shape.slots = config.index_slots;
  shape.entries = config.index_entries;
  if (found.largest <= IndexShape::kHeaderSize || found.largest == shape.file_size()) return;
  refuse_size(found, shape.file_size(), "maxHashSlotNum and maxIndexNum");
}

StoreConfig config_for(const RepairOptions& options) {
  StoreConfig config;
  config.root = options.root;
  config.commit_log_path = options.commit_log_path;
  config.consume_queue_path = options.consume_queue_path;
  config.index_path = options.index_path;
  config.index_slots = options.index_slots;
  config.index_entries = options.index_entries;
  config.max_records_lost_at_start = options.max_records_lost;
  if (!options.delay_levels.empty()) config.delay_levels = options.delay_levels;
  // The largest is whole; others may have been cut.
  auto choose = [](std::int64_t& size, std::int64_t chosen, const Found& found) {
    if (chosen > 0 || found.largest > 0) size = chosen > 0 ? chosen : found.largest;
  };
  const StorePaths paths(config);
  Found log;
  find_files(paths.commit_log(), 0, false, log);
  choose(config.commit_log_file_size, options.commit_log_file_size, log);
  Found queues;
  find_files(paths.consume_queues(), 2, false, queues);
  choose(config.consume_queue_file_size, options.consume_queue_file_size, queues);
  check_queue_size(queues, config.consume_queue_file_size);
  Found index;
  find_files(paths.index(), 0, true, index);
  check_index_size(index, config);
  config.index_messages = index.count > 0;  // a broker that keeps none is not given one
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
bool print_changes(OverlayFiles& files, const StorePaths& paths, std::ostream& out) {
  // Files that each start touches, and that say nothing of messages.
  const std::array notes{paths.abort_file(), paths.lock_file(), paths.synced_note()};
  Result<std::vector<OverlayFiles::Change>> changes = files.changes();
  if (!changes) throw Error(changes.error(), "compare the files");
  bool any = false;
  for (const OverlayFiles::Change& change : *changes) {
    if (std::ranges::find(notes, change.path) != notes.end()) continue;
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
  report.is_needed = print_changes(files, StorePaths(config), out);
  return report;
}

}  // namespace

RepairReport repair_store(const RepairOptions& options, std::ostream& out) {
  const StoreConfig config = config_for(options);
  const StorePaths paths(config);
  Result<std::vector<DirectoryEntry>> entries = posix_files().list(paths.commit_log());
  if (!entries) throw Error(entries.error(), "read " + paths.commit_log());
  TimeSource& time = real_time();
  RepairReport report = look(config, time, out);
  if (!options.apply || report.is_refused) return report;
  log::set_sink([](log::Level, std::string_view) {});
  try {
    StoreCore core(config, time, posix_files());
    while (core.build_index()) {
    }
    core.close();
    if (const Result<bool> is_left = posix_files().exists(paths.abort_file());
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
