#pragma once
// The files of all consume queues: paths, a bounded number of open ones, and which of them have
// something to be synced.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "file.hpp"

namespace comet::inline v0_1::store {

class ConsumeQueue;

// Thread-safe.
class QueueFiles {
 public:
  QueueFiles(FileSystem& files, std::string directory, std::int64_t file_size);

  [[nodiscard]] FileSystem& file_system() noexcept { return files_; }
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  [[nodiscard]] std::int64_t file_size() const noexcept { return file_size_; }
  [[nodiscard]] std::string directory_of(const ConsumeQueue& queue) const;
  [[nodiscard]] std::string path_of(const ConsumeQueue& queue, std::int64_t file_start) const;

  [[nodiscard]] Result<std::shared_ptr<File>> open(const ConsumeQueue& queue,
                                                   std::int64_t file_start);
  // A new file of full size, with its directories.
  [[nodiscard]] Result<std::shared_ptr<File>> create(const ConsumeQueue& queue,
                                                     std::int64_t file_start);
  [[nodiscard]] error_code remove(const ConsumeQueue& queue, std::int64_t file_start);

  // With that of the topic, if it is empty then.
  void remove_directory(const ConsumeQueue& queue);

  // The queue's directory and those it lies in.
  void mark_directories_dirty(const ConsumeQueue& queue);
  void mark_dirty(const ConsumeQueue& queue, std::int64_t file_start, std::size_t bytes);
  // Brings dirty files to the disk: all of them, or those with at least `least_bytes` written since
  // their last sync. Many are synced by several threads at a time. Calls `between` after each file
  // that this thread has synced. After an error, ENOMEM in any of them included, what was not
  // synced stays dirty.
  [[nodiscard]] error_code sync_dirty(std::size_t least_bytes,
                                      const std::function<void()>& between);
  // All of them at the end of the store's work, when nobody waits for another sync: many at once,
  // together with all else that is on their disk.
  [[nodiscard]] error_code sync_all_at_once();
  // That end has come: also what is being synced now goes on so. Thread-safe.
  void hurry() noexcept { in_a_hurry_.store(true, std::memory_order_relaxed); }

 private:
  using Key = std::pair<const ConsumeQueue*, std::int64_t>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<const void*>()(key.first) ^
             std::hash<std::int64_t>()(key.second) * 0x9E3779B97F4A7C15U;
    }
  };
  using Dirty = std::unordered_map<Key, std::size_t, KeyHash>;
  // What was dirty and is being synced.
  class Due {
   public:
    std::vector<Dirty::node_type> files;
    std::vector<char> is_file_done;
    std::vector<std::set<std::string>::node_type> directories;
    std::vector<char> is_directory_done;
  };
  using Recent = std::list<std::pair<Key, std::shared_ptr<File>>>;

  [[nodiscard]] std::shared_ptr<File> find_open(const Key& key);
  void remember(const Key& key, std::shared_ptr<File> file);
  void forget(const Key& key);
  [[nodiscard]] error_code sync_file(const Key& key);
  void watch_disk();  // with dirty_mutex_ held
  [[nodiscard]] Due take_due(std::size_t least_bytes);
  void give_back(Due due);
  [[nodiscard]] error_code sync_due(Due& due, const DiskSync* disk,
                                    const std::function<void()>& between);
  // Whether so many that are left are better synced with the whole disk.
  [[nodiscard]] bool is_hurried(std::size_t left) const noexcept;

  FileSystem& files_;
  std::string directory_;
  std::int64_t file_size_;

  std::mutex open_mutex_;
  Recent recent_;  // the most recently used in front
  std::unordered_map<Key, Recent::iterator, KeyHash> open_;

  std::mutex dirty_mutex_;
  Dirty dirty_;  // bytes written since the last sync
  std::set<std::string> dirty_directories_;
  std::shared_ptr<DiskSync> disk_sync_;  // since the first file was dirty
  bool disk_watched_ = false;
  std::atomic<bool> in_a_hurry_{false};
};

}  // namespace comet::inline v0_1::store
