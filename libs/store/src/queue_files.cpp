#include "queue_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

#include "consume_queue.hpp"

namespace comet::inline v0_1::store {

namespace {

// Enough for the queues that are busy at the same time; far below the usual limit of 1024
// descriptors.
constexpr std::size_t kMaxOpenFiles = 256;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Fewer than this are synced by one thread.
constexpr std::size_t kManySyncs = 64;

// So many are synced together with the whole disk, when that is allowed.
constexpr std::size_t kWorthWholeDisk = 512;

error_code no_memory() { return {ENOMEM, boost::system::system_category()}; }

// Things that are to be synced, each once, by this thread or by several.
class SyncRound {
 public:
  // `done`: of each thing whether it was synced. `is_hurried(left)`: the rest is to be left.
  SyncRound(std::size_t at_a_time, std::vector<char>& done,
            const std::function<bool(std::size_t)>& is_hurried)
      : threads_(done.size() < kManySyncs ? 1 : at_a_time), done_(done), is_hurried_(is_hurried) {}

  // The first error or a hurry ends it; what was begun by then is finished.
  error_code run(const std::function<error_code(std::size_t)>& sync,
                 const std::function<void()>& between) {
    const auto nothing = [] {};
    std::vector<std::jthread> helpers;
    try {
      helpers.reserve(threads_);
      for (std::size_t i = 1; i < threads_; ++i) {
        helpers.emplace_back([&] { work(sync, nothing); });
      }
    } catch (const std::system_error&) {
      // No more threads to be had: it takes longer.
    } catch (const std::bad_alloc&) {
      // The same.
    }
    work(sync, between);
    helpers.clear();
    return error_;
  }

 private:
  void work(const std::function<error_code(std::size_t)>& sync,
            const std::function<void()>& between) {
    while (!has_failed_.load(std::memory_order_relaxed)) {
      const std::size_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= done_.size() || is_hurried_(done_.size() - i)) return;
      if (const error_code error = without_throwing(sync, i)) {
        const std::lock_guard lock(mutex_);
        if (!has_failed_.exchange(true)) error_ = error;
        return;
      }
      done_[i] = 1;
      between();
    }
  }

  // Nothing catches what a helper throws.
  static error_code without_throwing(const std::function<error_code(std::size_t)>& sync,
                                     std::size_t i) {
    try {
      return sync(i);
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
  }

  const std::size_t threads_;
  std::vector<char>& done_;  // each written by one thread
  const std::function<bool(std::size_t)>& is_hurried_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> has_failed_{false};
  std::mutex mutex_;
  error_code error_;
};

bool is_whole(const std::vector<char>& done) { return std::ranges::find(done, '\0') == done.end(); }

}  // namespace

QueueFiles::QueueFiles(FileSystem& files, std::string directory, std::int64_t file_size)
    : files_(files), directory_(std::move(directory)), file_size_(file_size) {}

std::string QueueFiles::directory_of(const ConsumeQueue& queue) const {
  return fmt::format("{}/{}/{}", directory_, queue.topic(), queue.queue_id());
}

std::string QueueFiles::path_of(const ConsumeQueue& queue, std::int64_t file_start) const {
  return directory_of(queue) + "/" + offset_file_name(file_start);
}

std::shared_ptr<File> QueueFiles::find_open(const Key& key) {
  std::lock_guard lock(open_mutex_);
  auto found = open_.find(key);
  if (found == open_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

void QueueFiles::remember(const Key& key, std::shared_ptr<File> file) {
  std::lock_guard lock(open_mutex_);
  if (open_.contains(key)) return;  // another thread was quicker
  recent_.emplace_front(key, std::move(file));
  open_.emplace(key, recent_.begin());
  if (recent_.size() > kMaxOpenFiles) {
    open_.erase(recent_.back().first);
    recent_.pop_back();
  }
}

void QueueFiles::forget(const Key& key) {
  std::lock_guard lock(open_mutex_);
  auto found = open_.find(key);
  if (found == open_.end()) return;
  recent_.erase(found->second);
  open_.erase(found);
}

Result<std::shared_ptr<File>> QueueFiles::open(const ConsumeQueue& queue, std::int64_t file_start) {
  Key key(&queue, file_start);
  if (std::shared_ptr<File> file = find_open(key)) return file;
  Result<std::shared_ptr<File>> file = files_.open(path_of(queue, file_start), OpenMode::existing);
  if (file) remember(key, *file);
  return file;
}

Result<std::shared_ptr<File>> QueueFiles::create(const ConsumeQueue& queue,
                                                 std::int64_t file_start) {
  std::string directory = directory_of(queue);
  if (error_code error = files_.make_directories(directory)) return error;
  std::string path = path_of(queue, file_start);
  Result<std::shared_ptr<File>> file = files_.open(path, OpenMode::create);
  if (!file) return file.error();
  // Nothing of an earlier attempt or life of this file may show through.
  if (error_code error = make_zeros(**file, file_size_)) return error;
  remember(Key(&queue, file_start), *file);
  mark_directories_dirty(queue);
  return file;
}

void QueueFiles::mark_directories_dirty(const ConsumeQueue& queue) {
  std::string directory = directory_of(queue);
  std::lock_guard lock(dirty_mutex_);
  watch_disk();
  dirty_directories_.insert(parent_of(directory));
  dirty_directories_.insert(directory_);
  dirty_directories_.insert(std::move(directory));
}

error_code QueueFiles::remove(const ConsumeQueue& queue, std::int64_t file_start) {
  Key key(&queue, file_start);
  std::string directory = directory_of(queue);
  forget(key);
  bool sync_first = false;
  {
    std::lock_guard lock(dirty_mutex_);
    dirty_.erase(key);
    sync_first = dirty_directories_.contains(directory);
  }
  // One after the other: a power cut that keeps a later removal and not the one before it would
  // leave a hole, behind which nothing could be trusted.
  if (sync_first) {
    if (error_code error = files_.sync_directory(directory)) return error;
  }
  error_code error = files_.remove(path_of(queue, file_start));
  std::lock_guard lock(dirty_mutex_);
  dirty_directories_.insert(std::move(directory));
  return error;
}

void QueueFiles::remove_directory(const ConsumeQueue& queue) {
  std::string directory = directory_of(queue);
  // Other things that may lie there keep it.
  if (files_.remove_directory(directory)) return;
  (void)files_.remove_directory(parent_of(directory));
}

void QueueFiles::mark_dirty(const ConsumeQueue& queue, std::int64_t file_start, std::size_t bytes) {
  std::lock_guard lock(dirty_mutex_);
  watch_disk();
  dirty_[Key(&queue, file_start)] += bytes;
}

void QueueFiles::watch_disk() {
  if (std::exchange(disk_watched_, true)) return;
  disk_sync_ = files_.disk_sync(directory_);
}

bool QueueFiles::is_hurried(std::size_t left) const noexcept {
  return left >= kWorthWholeDisk && in_a_hurry_.load(std::memory_order_relaxed);
}

error_code QueueFiles::sync_all_at_once() {
  std::unique_lock lock(dirty_mutex_);
  const bool worth_it = dirty_.size() + dirty_directories_.size() >= kWorthWholeDisk;
  if (worth_it && disk_sync_ != nullptr && !disk_sync_->sync()) {
    dirty_.clear();
    dirty_directories_.clear();
    return {};
  }
  lock.unlock();
  in_a_hurry_.store(false, std::memory_order_relaxed);
  return sync_dirty(0, [] {});
}

// With dirty_mutex_ held. Either all that is due or, for want of memory, nothing is taken out.
QueueFiles::Due QueueFiles::take_due(std::size_t least_bytes) {
  Due due;
  const auto is_due = [&](const auto& entry) { return entry.second >= least_bytes; };
  due.files.reserve(static_cast<std::size_t>(std::ranges::count_if(dirty_, is_due)));
  due.is_file_done.resize(due.files.capacity());
  due.directories.reserve(dirty_directories_.size());
  due.is_directory_done.resize(dirty_directories_.size());
  while (!dirty_directories_.empty()) {
    due.directories.push_back(dirty_directories_.extract(dirty_directories_.begin()));
  }
  for (auto entry = dirty_.begin(); entry != dirty_.end();) {
    const auto next = std::next(entry);
    if (is_due(*entry)) due.files.push_back(dirty_.extract(entry));
    entry = next;
  }
  due.is_file_done.resize(due.files.size());
  // Always in the same order: tests that cut the power count calls.
  std::ranges::sort(due.files, [](const auto& one, const auto& other) {
    const ConsumeQueue& a = *one.key().first;
    const ConsumeQueue& b = *other.key().first;
    return std::forward_as_tuple(b.topic(), b.queue_id(), other.key().second) <
           std::forward_as_tuple(a.topic(), a.queue_id(), one.key().second);
  });
  return due;
}

// What was not synced is to be done.
void QueueFiles::give_back(Due due) {
  std::lock_guard lock(dirty_mutex_);
  for (std::size_t i = 0; i < due.files.size(); ++i) {
    if (due.is_file_done[i] != 0) continue;
    auto place = dirty_.insert(std::move(due.files[i]));
    if (!place.inserted) place.position->second += place.node.mapped();
  }
  for (std::size_t i = 0; i < due.directories.size(); ++i) {
    if (due.is_directory_done[i] == 0) dirty_directories_.insert(std::move(due.directories[i]));
  }
}

error_code QueueFiles::sync_due(Due& due, const DiskSync* disk,
                                const std::function<void()>& between) {
  const std::size_t most = files_.syncs_at_a_time();
  const std::function<bool(std::size_t)> is_hurried_now = [&](std::size_t left) {
    return disk != nullptr && is_hurried(left + due.directories.size());
  };
  const auto sync_one = [&](std::size_t i) { return sync_file(due.files[i].key()); };
  if (error_code error = SyncRound(most, due.is_file_done, is_hurried_now).run(sync_one, between)) {
    return error;
  }
  const auto sync_directory = [&](std::size_t i) {
    const error_code problem = files_.sync_directory(due.directories[i].value());
    return is_missing(problem) ? error_code() : problem;  // removed meanwhile
  };
  return SyncRound(most, due.is_directory_done, is_hurried_now).run(sync_directory, [] {});
}

error_code QueueFiles::sync_dirty(std::size_t least_bytes, const std::function<void()>& between) {
  Due due;
  std::shared_ptr<DiskSync> disk;
  error_code error;
  try {
    {
      std::lock_guard lock(dirty_mutex_);
      disk = disk_sync_;
      due = take_due(least_bytes);
    }
    error = sync_due(due, disk.get(), between);
  } catch (const std::bad_alloc&) {
    error = no_memory();
  }
  const bool is_rest_left =
      !error && !(is_whole(due.is_file_done) && is_whole(due.is_directory_done));
  if (is_rest_left && !disk->sync()) return {};
  give_back(std::move(due));
  if (!is_rest_left) return error;
  in_a_hurry_.store(false, std::memory_order_relaxed);  // one by one, then
  return sync_dirty(least_bytes, between);
}

error_code QueueFiles::sync_file(const Key& key) {
  Result<std::shared_ptr<File>> file = open(*key.first, key.second);
  if (!file && is_missing(file.error())) return {};  // removed meanwhile
  return file ? (*file)->sync_data() : file.error();
}

}  // namespace comet::inline v0_1::store
