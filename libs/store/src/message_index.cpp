#include "message_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>

#include "comet/base/local_time.hpp"
#include "comet/base/log.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/property_reader.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr std::size_t kWriteEntriesAt = 64 * 1024;

// yyyyMMddHHmmssSSS in local time. Apache takes the time of the file's creation, we that of its
// first message, so that a file that is built anew sorts where it belongs.
constexpr std::size_t kNameSize = 17;

// -1: no such name.
std::int64_t parse_name(std::string_view name) noexcept {
  const std::int64_t value = parse_number<std::int64_t>(name).value_or(-1);
  return name.size() == kNameSize && value > 0 ? value : -1;
}

std::int64_t name_of_time(std::int64_t wall_millis) {
  wall_millis = std::clamp<std::int64_t>(wall_millis, 0, kLastIndexedMillis);
  const std::tm parts = local_time(wall_millis);
  std::int64_t date = (parts.tm_year + 1900) * 10'000 + (parts.tm_mon + 1) * 100 + parts.tm_mday;
  std::int64_t clock = parts.tm_hour * 10'000 + parts.tm_min * 100 + parts.tm_sec;
  return (date * 1'000'000 + clock) * 1000 + wall_millis % 1000;
}

std::int64_t number_of(const IndexFile& file) noexcept {
  std::string_view path = file.path();
  return parse_name(path.substr(path.rfind('/') + 1));
}

bool is_damaged(const error_code& error) noexcept {
  return error == BaseErrc::bad_value || error == StoreErrc::short_file;
}

// Calls `visit` with what a message is found by: its unique key, its KEYS, its tag.
template <class Visit>
void for_each_key(std::string_view properties, const Visit& visit) {
  std::string_view unique_key, keys, tag;
  PropertyReader reader(properties);
  std::string_view name, value;
  while (reader.next(name, value)) {
    if (name == property::kUniqueKey) unique_key = value;
    if (name == property::kKeys) keys = value;
    if (name == property::kTags) tag = value;
  }
  if (!unique_key.empty()) visit(KeyKind::key, unique_key);
  while (!keys.empty()) {
    std::string_view key = keys.substr(0, keys.find(' '));
    keys.remove_prefix(std::min(key.size() + 1, keys.size()));
    if (!key.empty()) visit(KeyKind::key, key);
  }
  if (!tag.empty()) visit(KeyKind::tag, tag);
}

// The text that is hashed.
void write_index_key(std::string_view topic, KeyKind kind, std::string_view key,
                     std::string& text) {
  text.assign(topic);
  text += '#';
  if (kind == KeyKind::tag) text += "T#";  // as 5.5.0; older ones do not index tags
  text += key;
}

}  // namespace

bool is_match(const RecordView& record, const KeyQuery& query) {
  if (record.topic != query.topic) return false;
  bool found = false;
  for_each_key(record.properties, [&](KeyKind kind, std::string_view key) {
    found = found || (kind == query.kind && key == query.key);
  });
  return found;
}

void MessageIndex::open(const Checkpoint& checkpoint, bool unclean, std::int64_t log_end) {
  std::lock_guard lock(mutex_);
  log_end_ = log_.min_offset();
  Result<bool> exists = files_.exists(directory_);
  if (!exists) return give_up(exists.error(), "look for " + directory_);
  std::vector<DirectoryEntry> entries;
  if (*exists) {
    Result<std::vector<DirectoryEntry>> listed = files_.list(directory_);
    if (!listed) return give_up(listed.error(), "list " + directory_);
    entries = std::move(*listed);
  }
  progress_ = checkpoint.index;
  // Another file by that name would pass for the one that the checkpoint knows.
  highest_name_ = std::max<std::int64_t>(0, checkpoint.index.file);
  bool broken = false;
  for (const DirectoryEntry& entry : entries) {
    if (entry.is_directory || parse_name(entry.name) < 0) continue;
    highest_name_ = std::max(highest_name_, parse_name(entry.name));
    error_code error = broken ? make_error_code(BaseErrc::bad_value) : load(entry);
    if (error && !is_damaged(error)) return give_up(error, "open " + entry.name);
    if (!error) continue;
    // What comes after it can be built only behind it.
    broken = true;
    log::warn("index file {} cannot be used: built anew from the log", entry.name);
    std::string path = directory_ + "/" + entry.name;
    if (error_code failed = files_.remove(path)) return give_up(failed, "remove " + path);
    directory_dirty_ = true;
  }
  if (unclean || !is_as_noted(checkpoint.index)) {
    directory_dirty_ = *exists;  // a killed process may not have come to syncing it
    distrust(checkpoint);
  } else {
    continue_behind_last();
    if (!broken) log_end_ = std::max(log_end_, checkpoint.index.log_end);
  }
  while (!given_up_ && !index_files_.empty() && last_progress().end_offset >= log_end) {
    drop_from(index_files_.size() - 1, "it knows messages that the log does not have");
  }
  log_end_ = std::min(log_end_, log_end);
  progress_ = last_progress();
}

// An index that could not be written to the end may say more than it has, whatever the store's end.
bool MessageIndex::is_as_noted(const IndexProgress& known) const {
  if (known.log_end < 0) return true;  // Apache was the last to write
  if (index_files_.empty()) return known.file == 0;
  IndexProgress last = last_progress();
  last.log_end = known.log_end;
  return last == known;
}

IndexProgress MessageIndex::last_progress() const {
  IndexProgress progress;
  if (repair_last_) progress = trusted_;
  progress.log_end = log_end_;
  if (repair_last_ || index_files_.empty()) return progress;
  const IndexFile& last = *index_files_.back();
  progress.file = number_of(last);
  progress.count = last.header().count;
  progress.end_offset = last.header().end_offset;
  progress.end_timestamp = last.header().end_timestamp;
  return progress;
}

error_code MessageIndex::load(const DirectoryEntry& entry) {
  if (entry.size != shape_.file_size()) return make_error_code(BaseErrc::bad_value);
  Result<std::unique_ptr<IndexFile>> file =
      IndexFile::open(files_, directory_ + "/" + entry.name, shape_);
  if (!file) return file.error();
  index_files_.push_back(std::move(*file));
  return {};
}

// After a crash: keeps what the checkpoint vouches for.
void MessageIndex::distrust(const Checkpoint& checkpoint) {
  const IndexProgress& known = checkpoint.index;
  const bool found = std::ranges::any_of(
      index_files_, [&](const auto& file) { return number_of(*file) == known.file; });
  const bool mine = known.log_end >= 0;
  // Apache's rule keeps files that end in the very millisecond of the checkpoint. They may have got
  // more entries in it.
  auto first_bad = std::ranges::find_if(index_files_, [&](const auto& file) {
    return mine ? number_of(*file) > known.file
                : file->header().end_timestamp >= checkpoint.index_timestamp;
  });
  drop_from(static_cast<std::size_t>(first_bad - index_files_.begin()),
            "written after the last checkpoint");
  continue_behind_last();
  if (given_up_ || !mine || (known.file != 0 && !found)) return;
  // The last file's header may be newer than what is vouched for.
  log_end_ = std::max(log_.min_offset(), known.log_end);
  trusted_ = known;
  repair_last_ = found;
}

void MessageIndex::drop_from(std::size_t first, std::string_view why) {
  if (first >= index_files_.size()) return;
  while (index_files_.size() > first) {
    const std::string& path = index_files_.back()->path();
    log::warn("index file {}: {}; built anew from the log", path, why);
    std::erase(unsynced_, index_files_.back()->file());
    const error_code error = files_.remove(path);
    // Somebody may have removed it.
    if (error && !is_missing(error)) return give_up(error, "remove " + path);
    directory_dirty_ = true;
    index_files_.pop_back();
  }
  keys_done_ = 0;
  repair_last_ = false;
  continue_behind_last();
}

void MessageIndex::continue_behind_last() {
  log_end_ = log_.min_offset();
  if (index_files_.empty()) return;
  const IndexHeader& header = index_files_.back()->header();
  // A new file copies the end of the one before.
  if (header.end_timestamp == 0 || header.end_offset < log_end_) return;
  // Where a damaged record says that it ends may lie behind others: a walk steps over it.
  log_end_ = header.end_offset;
  if (log_.is_damaged(log_end_)) return;
  Result<SharedBytes> last = log_.read_record(log_end_, WalkRules::kNoLimit);
  const bool is_record = last && parse_record(last->view(), CheckCrc::no);
  if (is_record) log_end_ += std::ssize(last->view());
}

// Makes the last file ready to be written, when it is used first.
bool MessageIndex::make_usable() {
  while (!given_up_ && !index_files_.empty() && !index_files_.back()->is_writable() &&
         (repair_last_ || !index_files_.back()->is_full())) {
    error_code error = load_last();
    if (!error) break;
    if (!is_damaged(error)) {
      give_up(error, "load " + index_files_.back()->path());
    } else {
      drop_from(index_files_.size() - 1, "damaged");
    }
  }
  return !given_up_;
}

error_code MessageIndex::load_last() {
  IndexFile& last = *index_files_.back();
  IndexHeader header = last.header();
  if (repair_last_) {
    if (trusted_.count < 1 || trusted_.count > header.count) {
      return make_error_code(BaseErrc::bad_value);
    }
    header.count = static_cast<std::int32_t>(trusted_.count);
    header.end_offset = trusted_.end_offset;
    header.end_timestamp = trusted_.end_timestamp;
    if (error_code error = last.rebuild(header)) return error;
    repair_last_ = false;
    return {};
  }
  error_code error = last.load_slots();
  return is_damaged(error) ? last.rebuild(header) : error;
}

bool MessageIndex::build(std::int64_t limit, std::int64_t max_bytes) {
  std::lock_guard lock(mutex_);
  log_end_ = std::max(log_end_, log_.min_offset());
  if (!make_usable() || log_end_ >= limit) return false;
  error_code error;
  const std::int64_t before = log_end_;
  std::int64_t until = std::min(limit, log_end_ + max_bytes);
  WalkRules rules;
  rules.limit = rules.known_end = until;
  auto visitor = [&](const RecordView& record, RecordState state) {
    if (error || state == RecordState::damaged) return;
    error = add(record);
    if (!error) log_end_ = record.physical_offset + record.total_size;
  };
  try {
    LogWalk walk = walk_log(log_, log_end_, rules, visitor);
    if (!error) log_end_ = std::max(log_end_, walk.end);
  } catch (const Error& problem) {
    error = problem.code();
  }
  if (!error && !index_files_.empty() && index_files_.back()->pending_size() >= kWriteEntriesAt) {
    error = index_files_.back()->write_entries();
  }
  if (error) give_up(error, "write the index");
  return log_end_ > before;
}

error_code MessageIndex::add(const RecordView& record) {
  if ((record.sys_flag & sys_flag::kTransactionMask) == sys_flag::kTransactionRollback) return {};
  error_code error;
  int number = 0;
  for_each_key(record.properties, [&](KeyKind kind, std::string_view key) {
    if (error || number++ < keys_done_) return;
    error = add_key(kind, key, record);
    if (!error) keys_done_ = number;
  });
  if (!error) keys_done_ = 0;
  return error;
}

error_code MessageIndex::add_key(KeyKind kind, std::string_view key, const RecordView& record) {
  if (index_files_.empty() || index_files_.back()->is_full()) {
    if (error_code error = add_file(record.store_timestamp)) return error;
  }
  write_index_key(record.topic, kind, key, key_buffer_);
  index_files_.back()->put(index_hash(key_buffer_), record.physical_offset, record.store_timestamp);
  no_space_logged_ = false;
  return {};
}

error_code MessageIndex::add_file(std::int64_t timestamp) {
  IndexHeader before;
  std::int64_t name = std::max(name_of_time(timestamp), highest_name_ + 1);
  if (!index_files_.empty()) {
    IndexFile& full = *index_files_.back();
    before = full.header();
    if (full.is_writable()) {
      if (error_code error = full.write_all()) return error;
      unsynced_.push_back(full.file());
      full.seal();
    }
  }
  if (error_code error = files_.make_directories(directory_)) return error;
  std::string path = fmt::format("{}/{:017}", directory_, name);
  Result<std::unique_ptr<IndexFile>> file = IndexFile::create(files_, path, shape_, before);
  if (!file) {
    (void)files_.remove(path);
    return file.error();
  }
  index_files_.push_back(std::move(*file));
  highest_name_ = name;
  directory_dirty_ = true;
  return {};
}

// Want of space or memory passes; what else goes wrong waits for the next start.
void MessageIndex::give_up(const error_code& error, std::string_view what) {
  if (is_disk_full(error) || is_shortage(error)) {
    if (!no_space_logged_) log::warn("index: cannot {}: {}; tried again", what, error.message());
    no_space_logged_ = true;
    return;
  }
  if (given_up_) return;
  given_up_ = true;
  log::error("index: failed to {}: {}; messages are not found by key until the next start", what,
             error.message());
}

std::int64_t MessageIndex::log_end() const {
  std::lock_guard lock(mutex_);
  return log_end_;
}

IndexMatches MessageIndex::find(const KeyQuery& query, std::size_t max_count) {
  IndexMatches matches;
  std::string text;
  write_index_key(query.topic, query.kind, query.key, text);
  IndexSearch search;
  search.hash = index_hash(text);
  search.begin = query.begin;
  search.end = query.end;
  search.max_count = max_count;
  IndexBudget budget;
  Files files;  // the newest first
  std::optional<Result<IndexWalk>> walk;
  {
    std::lock_guard lock(mutex_);
    if (!make_usable() || index_files_.empty()) return matches;
    const IndexFile& last = *index_files_.back();
    matches.last_timestamp = last.header().end_timestamp;
    matches.last_offset = last.header().end_offset;
    files.assign(index_files_.rbegin(), index_files_.rend());
    if (last.covers(query.begin, query.end))
      walk.emplace(last.begin_search(search, matches.offsets));
    if (last.header().count > 1 && last.header().begin_timestamp < query.begin) files.resize(1);
  }
  for (const auto& file : files) {
    // Nothing changes any more in those behind the first, nor in what files have.
    const bool is_first = file == files.front();
    if (!is_first && file->covers(query.begin, query.end)) {
      walk.emplace(file->begin_search(search, matches.offsets));
    }
    error_code error;
    if (walk) error = *walk ? (*walk)->go_on(matches.offsets, budget) : walk->error();
    walk.reset();
    if (error) {
      std::lock_guard lock(mutex_);
      replace_damaged(*file, error);
      matches.is_damaged = true;
      break;
    }
    matches.is_cut = budget.is_spent() && matches.offsets.size() < max_count;
    if (matches.is_cut || matches.offsets.size() >= max_count) break;
    if (!is_first && file->header().begin_timestamp < query.begin) break;
  }
  return matches;
}

// Under mutex_. Want of descriptors or memory says nothing of the file.
void MessageIndex::replace_damaged(const IndexFile& file, const error_code& error) {
  if (is_shortage(error)) {
    return log::error("index: cannot read {}: {}", file.path(), error.message());
  }
  auto found = std::ranges::find(index_files_, &file, &std::shared_ptr<IndexFile>::get);
  if (found == index_files_.end()) return;  // another query was quicker
  log::error("index file {} is damaged: {}", file.path(),
             error == BaseErrc::bad_value ? "its entries contradict each other" : error.message());
  drop_from(static_cast<std::size_t>(found - index_files_.begin()), "damaged");
}

void MessageIndex::write() {
  std::lock_guard lock(mutex_);
  to_sync_.clear();
  written_ = progress_;
  if (given_up_ || repair_last_) return;
  if (!index_files_.empty() && index_files_.back()->is_writable()) {
    IndexFile& last = *index_files_.back();
    if (error_code error = last.write_all()) return give_up(error, "write the index");
    to_sync_.push_back(last.file());
  }
  to_sync_.insert(to_sync_.end(), unsynced_.begin(), unsynced_.end());
  sync_directory_ = directory_dirty_ && !index_files_.empty();
  written_ = last_progress();
}

void MessageIndex::sync() {
  if (written_ == progress_) return;
  error_code error;
  for (const auto& file : to_sync_) {
    if (!error) error = file->sync_data();
  }
  if (!error && sync_directory_) error = files_.sync_directory(directory_);
  if (!error && sync_directory_) {
    error = files_.sync_directory(directory_.substr(0, directory_.rfind('/')));
  }
  std::lock_guard lock(mutex_);
  if (error) {
    // Even for want of space: nobody knows what is on the disk.
    given_up_ = true;
    log::error("index: sync failed: {}; messages are not found by key until the next start",
               error.message());
    return;
  }
  for (const auto& file : to_sync_) std::erase(unsynced_, file);
  if (sync_directory_) directory_dirty_ = false;
  progress_ = written_;
}

IndexProgress MessageIndex::progress() const {
  std::lock_guard lock(mutex_);
  return progress_;
}

void MessageIndex::drop_before(std::int64_t log_min) {
  std::lock_guard lock(mutex_);
  while (!given_up_ && index_files_.size() > 1 &&
         index_files_.front()->header().end_offset < log_min) {
    const std::string& path = index_files_.front()->path();
    if (error_code error = files_.remove(path)) {
      log::warn("index: cannot remove {}: {}", path, error.message());
      return;
    }
    std::erase(unsynced_, index_files_.front()->file());
    index_files_.erase(index_files_.begin());
    directory_dirty_ = true;
  }
}

void MessageIndex::cut(std::int64_t log_end) {
  std::lock_guard lock(mutex_);
  while (!given_up_ && !index_files_.empty() && last_progress().end_offset >= log_end) {
    const std::size_t before = index_files_.size();
    drop_from(before - 1, "it knows messages that were dropped");
    given_up_ = given_up_ || index_files_.size() == before;
  }
  log_end_ = std::min(log_end_, log_end);
  if (!given_up_) return;
  // The next start must not go on behind what is left here.
  progress_ = IndexProgress();
  progress_.log_end = 0;
  written_ = progress_;
}

std::size_t MessageIndex::file_count() const {
  std::lock_guard lock(mutex_);
  return index_files_.size();
}

}  // namespace comet::inline v0_1::store
