#include "store_directory.hpp"

#include <unistd.h>

#include <vector>

#include "comet/store/message_store.hpp"

namespace comet::store {

namespace {

[[noreturn]] void fail_not_writable(const error_code& cause, const std::string& what) {
  throw Error(make_error_code(StoreErrc::not_writable),
              what + ": " + cause.message() + "; check storePathRootDir and its permissions");
}

}  // namespace

StoreDirectory::StoreDirectory(FileSystem& files, std::string root)
    : files_(files), root_(std::move(root)) {
  while (root_.size() > 1 && root_.back() == '/') root_.pop_back();
  make(root_);
  take_lock();
  make(commit_log());
  make(consume_queues());
  Result<bool> aborted = files_.exists(abort_path());
  if (!aborted) fail_not_writable(aborted.error(), "look for " + abort_path());
  found_abort_file_ = *aborted;
}

// New directories are made to last: a log in a directory that a power cut takes away is no log.
void StoreDirectory::make(const std::string& directory) {
  std::vector<std::string> parents_of_new;
  for (std::string path = directory; !path.empty();) {
    Result<bool> exists = files_.exists(path);
    if (!exists || *exists) break;
    std::size_t slash = path.rfind('/');
    path = slash == std::string::npos ? std::string() : path.substr(0, slash);
    parents_of_new.push_back(slash == 0 ? "/" : path.empty() ? "." : path);
  }
  error_code error = files_.make_directories(directory);
  for (auto parent = parents_of_new.begin(); !error && parent != parents_of_new.end(); ++parent) {
    error = files_.sync_directory(*parent);
  }
  if (error) fail_not_writable(error, "create " + directory);
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
  Result<std::shared_ptr<File>> file = files_.open(abort_path(), OpenMode::create);
  if (!file) fail_not_writable(file.error(), "create " + abort_path());
  error_code error = write_fully(**file, std::to_string(::getpid()), 0);
  if (!error) error = (*file)->sync_all();
  if (!error) error = files_.sync_directory(root_);
  if (error) fail_not_writable(error, "write " + abort_path());
}

error_code StoreDirectory::remove_abort_file() {
  if (error_code error = files_.remove(abort_path())) return error;
  return files_.sync_directory(root_);
}

}  // namespace comet::store
