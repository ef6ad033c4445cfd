#include "store_directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "comet/store/message_store.hpp"
#include "foreign_store.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr std::string_view kFailedSync = "sync failed";

[[noreturn]] void fail_not_writable(const error_code& cause, const std::string& what) {
  throw Error(make_error_code(StoreErrc::not_writable),
              what + ": " + cause.message() + "; check storePathRootDir and its permissions");
}

std::string directory_above(const std::string& path) {
  std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

StorePaths::StorePaths(const StoreConfig& config) : root_(without_slash(config.root)) {
  auto path = [&](const std::string& configured, const char* name) {
    return configured.empty() ? root_ + "/" + name : without_slash(configured);
  };
  commit_log_ = path(config.commit_log_path, "commitlog");
  consume_queues_ = path(config.consume_queue_path, "consumequeue");
  index_ = path(config.index_path, "index");
}

StoreDirectory::StoreDirectory(FileSystem& files, const StoreConfig& config)
    : StorePaths(config), files_(files) {
  make_root();
  take_lock();
  refuse_foreign_store(files_, root());
  look_for_log();
  for (const std::string& directory : {commit_log(), consume_queues()}) {
    if (error_code error = files_.make_directories(directory)) {
      fail_not_writable(error, "create " + directory);
    }
  }
  look_for_abort_file();
}

bool StoreDirectory::is_there(const std::string& path) const {
  Result<bool> exists = files_.exists(path);
  if (!exists) fail_not_writable(exists.error(), "look for " + path);
  return *exists;
}

bool StoreDirectory::has_entries(const std::string& path) const {
  if (!is_there(path)) return false;
  Result<std::vector<DirectoryEntry>> entries = files_.list(path);
  if (!entries) fail_not_writable(entries.error(), "list " + path);
  // What Apache's broker keeps beside its queues is no queue.
  const bool is_of_queues = path == consume_queues();
  return std::ranges::any_of(
      *entries, [&](const DirectoryEntry& entry) { return !is_of_queues || entry.is_directory; });
}

// A disk that is not mounted must not pass for an empty log.
void StoreDirectory::look_for_log() const {
  if (has_entries(commit_log())) return;
  auto refuse = [&](const std::string& what, const std::string& to_begin_anew) {
    throw Error(make_error_code(StoreErrc::log_missing),
                fmt::format("{} holds no commit log, while {} is there: mount its disk, or set "
                            "storePathCommitLog; {} to begin a new log",
                            commit_log(), what, to_begin_anew));
  };
  for (const std::string& path : {consume_queues(), index()}) {
    if (has_entries(path)) {
      refuse(path, fmt::format("remove {}, {} and {}", consume_queues(), index(), checkpoint()));
    }
  }
  if (is_there(commit_log())) return;
  for (const char* name : {"/checkpoint", "/config/topics.json", "/config/consumerOffset.json"}) {
    if (is_there(root() + name))
      refuse(root() + name, "create the empty directory " + commit_log());
  }
}

void StoreDirectory::look_for_abort_file() {
  Result<bool> aborted = files_.exists(abort_file());
  if (!aborted) fail_not_writable(aborted.error(), "look for " + abort_file());
  found_abort_file_ = *aborted;
  if (!found_abort_file_) return;
  std::array<char, 64> content{};
  Result<std::shared_ptr<File>> file = files_.open(abort_file(), OpenMode::existing);
  error_code error = file ? read_fully(**file, content, 0) : file.error();
  if (error) fail_not_writable(error, "read " + abort_file());
  found_failed_sync_ =
      std::string_view(content.data(), content.size()).find(kFailedSync) != std::string_view::npos;
}

// Made to last: a log in a directory that a power cut takes away is no log. What lies in it is
// synced with the abort file.
void StoreDirectory::make_root() {
  std::vector<std::string> parents_of_new;
  for (std::string path = root(); !path.empty();) {
    Result<bool> exists = files_.exists(path);
    if (!exists || *exists) break;
    parents_of_new.push_back(directory_above(path));
    path = path.find('/') == std::string::npos ? std::string() : path.substr(0, path.rfind('/'));
  }
  error_code error = files_.make_directories(root());
  // One that a killed process made last may not be on disk yet. Some may not be read, and need not.
  if (parents_of_new.empty()) (void)files_.sync_directory(directory_above(root()));
  for (auto parent = parents_of_new.begin(); !error && parent != parents_of_new.end(); ++parent) {
    error = files_.sync_directory(*parent);
  }
  if (error) fail_not_writable(error, "create " + root());
}

void StoreDirectory::take_lock() {
  std::string path = lock_file();
  Result<std::shared_ptr<File>> file = files_.open(path, OpenMode::create);
  if (!file) fail_not_writable(file.error(), "open " + path);
  Result<bool> locked = (*file)->try_lock();
  if (!locked) fail_not_writable(locked.error(), "lock " + path);
  if (!*locked) {
    throw Error(make_error_code(StoreErrc::locked),
                "open the store in " + root() + " (its lock file is held)");
  }
  if (error_code error = write_fully(**file, "lock", 0)) fail_not_writable(error, "write " + path);
  lock_ = std::move(*file);
}

void StoreDirectory::create_abort_file() {
  error_code error = write_abort_file(found_failed_sync_);
  if (!error) error = files_.sync_directory(root());
  if (error) fail_not_writable(error, "write " + abort_file());
}

void StoreDirectory::note_failed_sync() noexcept { (void)write_abort_file(true); }

// The process id, as Apache 5 has it, and perhaps a note.
error_code StoreDirectory::write_abort_file(bool failed_sync) {
  Result<std::shared_ptr<File>> file = files_.open(abort_file(), OpenMode::create);
  if (!file) return file.error();
  std::string content = fmt::format("{:<10}", ::getpid());
  if (failed_sync) content.append("\n").append(kFailedSync);
  error_code error = write_fully(**file, content, 0);
  if (!error) error = (*file)->resize(static_cast<std::int64_t>(content.size()));
  return error;  // not synced: only its name must last
}

error_code StoreDirectory::remove_abort_file() {
  if (error_code error = files_.remove(abort_file())) return error;
  return files_.sync_directory(root());
}

}  // namespace comet::inline v0_1::store
