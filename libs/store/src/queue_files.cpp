#include "queue_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
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

// Things that are to be synced, each once, by this thread or by several.
class SyncRound {
 public:
  // `is_hurried(left)`: the rest is to be left.
  SyncRound(std::size_t at_a_time, std::size_t count, std::function<bool(std::size_t)> is_hurried)
      : threads_(count < kManySyncs ? 1 : at_a_time),
        done_(count, 0),
        is_hurried_(std::move(is_hurried)) {}

  // The first error or a hurry ends it; what was begun by then is finished.
  error_code run(const std::function<error_code(std::size_t)>& sync,
                 const std::function<void()>& between) {
    const auto nothing = [] {};
    std::vector<std::thread> helpers;
    try {
      for (std::size_t i = 1; i < threads_; ++i) {
        helpers.emplace_back([&] { work(sync, nothing); });
      }
    } catch (const std::system_error&) {
      // No more threads to be had: it takes longer.
    }
    work(sync, between);
    for (std::thread& helper : helpers) helper.join();
    return error_;
  }
  // After run().
  [[nodiscard]] bool is_whole() const { return std::ranges::find(done_, '\0') == done_.end(); }
  [[nodiscard]] bool is_done(std::size_t i) const { return done_[i] != 0; }

 private:
  void work(const std::function<error_code(std::size_t)>& sync,
            const std::function<void()>& between) {
    while (!has_failed_.load(std::memory_order_relaxed)) {
      const std::size_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= done_.size() || is_hurried_(done_.size() - i)) return;
      if (const error_code error = sync(i)) {
        const std::lock_guard lock(mutex_);
        if (!has_failed_.exchange(true)) error_ = error;
        return;
      }
      done_[i] = 1;
      between();
    }
  }

  const std::size_t threads_;
  std::vector<char> done_;  // each written by one thread
  const std::function<bool(std::size_t)> is_hurried_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> has_failed_{false};
  std::mutex mutex_;
  error_code error_;
};

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
  return left >= kWorthWholeDisk && in_a_hurry_.load(std::memory_order_relaxed) &&
         disk_sync_ != nullptr;
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

error_code QueueFiles::sync_dirty(std::size_t least_bytes, const std::function<void()>& between) {
  std::vector<std::pair<Key, std::size_t>> due;
  std::set<std::string> directories;
  {
    std::lock_guard lock(dirty_mutex_);
    directories.swap(dirty_directories_);
    for (auto entry = dirty_.begin(); entry != dirty_.end();) {
      if (entry->second < least_bytes) {
        ++entry;
        continue;
      }
      due.push_back(*entry);
      entry = dirty_.erase(entry);
    }
  }
  // Always in the same order: tests that cut the power count calls.
  std::ranges::sort(due, [](const auto& one, const auto& other) {
    const ConsumeQueue& a = *one.first.first;
    const ConsumeQueue& b = *other.first.first;
    return std::forward_as_tuple(a.topic(), a.queue_id(), one.first.second) <
           std::forward_as_tuple(b.topic(), b.queue_id(), other.first.second);
  });
  std::ranges::reverse(due);
  const std::vector<std::string> names(directories.begin(), directories.end());
  const std::size_t most = files_.syncs_at_a_time();
  const auto is_hurried_now = [&](std::size_t left) { return is_hurried(left + names.size()); };
  const auto sync_one = [&](std::size_t i) { return sync_file(due[i].first); };
  SyncRound round(most, due.size(), is_hurried_now);
  error_code error = round.run(sync_one, between);
  SyncRound directory_round(most, names.size(), is_hurried_now);
  if (!error) {
    const auto sync_directory = [&](std::size_t i) {
      const error_code problem = files_.sync_directory(names[i]);
      return is_missing(problem) ? error_code() : problem;  // removed meanwhile
    };
    error = directory_round.run(sync_directory, [] {});
  }
  const bool is_rest_left = !error && !(round.is_whole() && directory_round.is_whole());
  if (is_rest_left && !disk_sync_->sync()) return {};
  // What is left still is to be done.
  std::unique_lock lock(dirty_mutex_);
  for (std::size_t i = 0; i < due.size(); ++i) {
    if (!round.is_done(i)) dirty_[due[i].first] += due[i].second;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!directory_round.is_done(i)) dirty_directories_.insert(names[i]);
  }
  lock.unlock();
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
