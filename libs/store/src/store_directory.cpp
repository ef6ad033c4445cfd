#include "store_directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "comet/store/message_store.hpp"
#include "foreign_store.hpp"

namespace comet::store {

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

}  // namespace

StoreDirectory::StoreDirectory(FileSystem& files, std::string root)
    : files_(files), root_(std::move(root)) {
  while (root_.size() > 1 && root_.back() == '/') root_.pop_back();
  make_root();
  take_lock();
  refuse_foreign_store(files_, root_);
  for (const std::string& directory : {commit_log(), consume_queues()}) {
    if (error_code error = files_.make_directories(directory)) {
      fail_not_writable(error, "create " + directory);
    }
  }
  look_for_abort_file();
}

void StoreDirectory::look_for_abort_file() {
  Result<bool> aborted = files_.exists(abort_path());
  if (!aborted) fail_not_writable(aborted.error(), "look for " + abort_path());
  found_abort_file_ = *aborted;
  if (!found_abort_file_) return;
  std::array<char, 64> content{};
  Result<std::shared_ptr<File>> file = files_.open(abort_path(), OpenMode::existing);
  error_code error = file ? read_fully(**file, content, 0) : file.error();
  if (error) fail_not_writable(error, "read " + abort_path());
  found_failed_sync_ =
      std::string_view(content.data(), content.size()).find(kFailedSync) != std::string_view::npos;
}

// Made to last: a log in a directory that a power cut takes away is no log. What lies in it is
// synced with the abort file.
void StoreDirectory::make_root() {
  std::vector<std::string> parents_of_new;
  for (std::string path = root_; !path.empty();) {
    Result<bool> exists = files_.exists(path);
    if (!exists || *exists) break;
    parents_of_new.push_back(directory_above(path));
    path = path.find('/') == std::string::npos ? std::string() : path.substr(0, path.rfind('/'));
  }
  error_code error = files_.make_directories(root_);
  // One that a killed process made last may not be on disk yet. Some may not be read, and need not.
  if (parents_of_new.empty()) (void)files_.sync_directory(directory_above(root_));
  for (auto parent = parents_of_new.begin(); !error && parent != parents_of_new.end(); ++parent) {
    error = files_.sync_directory(*parent);
  }
  if (error) fail_not_writable(error, "create " + root_);
}

void StoreDirectory::take_lock() {
  std::string path = root_ + "/lock";
  Result<std::shared_ptr<File>> file = files_.open(path, OpenMode::create);
  if (!file) fail_not_writable(file.error(), "open " + path);
  Result<bool> locked = (*file)->try_lock();
  if (!locked) fail_not_writable(locked.error(), "lock " + path);
  if (!*locked) {
    throw Error(make_error_code(StoreErrc::locked),
                "open the store in " + root_ + " (its lock file is held)");
  }
  if (error_code error = write_fully(**file, "lock", 0)) fail_not_writable(error, "write " + path);
  lock_ = std::move(*file);
}

void StoreDirectory::create_abort_file() {
  error_code error = write_abort_file(found_failed_sync_);
  if (!error) error = files_.sync_directory(root_);
  if (error) fail_not_writable(error, "write " + abort_path());
}

void StoreDirectory::note_failed_sync() noexcept { (void)write_abort_file(true); }

// The process id, as Apache 5 has it, and perhaps a note.
error_code StoreDirectory::write_abort_file(bool failed_sync) {
  Result<std::shared_ptr<File>> file = files_.open(abort_path(), OpenMode::create);
  if (!file) return file.error();
  std::string content = fmt::format("{:<10}", ::getpid());
  if (failed_sync) content.append("\n").append(kFailedSync);
  error_code error = write_fully(**file, content, 0);
  if (!error) error = (*file)->resize(static_cast<std::int64_t>(content.size()));
  return error;  // not synced: only its name must last
}

error_code StoreDirectory::remove_abort_file() {
  if (error_code error = files_.remove(abort_path())) return error;
  return files_.sync_directory(root_);
}

}  // namespace comet::store
