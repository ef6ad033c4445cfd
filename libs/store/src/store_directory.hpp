#pragma once
// The store's directory as a whole: its parts, the lock against a second broker, and the abort file
// that tells whether the last owner stopped in order.

#include <memory>
#include <string>

#include "comet/base/error.hpp"
#include "comet/store/message_store.hpp"
#include "file.hpp"

namespace comet::inline v0_1::store {

// Where the parts of a store lie.
class StorePaths {
 public:
  explicit StorePaths(const StoreConfig& config);

  [[nodiscard]] const std::string& root() const noexcept { return root_; }
  [[nodiscard]] const std::string& commit_log() const noexcept { return commit_log_; }
  [[nodiscard]] const std::string& consume_queues() const noexcept { return consume_queues_; }
  [[nodiscard]] const std::string& index() const noexcept { return index_; }
  [[nodiscard]] std::string removed_queues() const { return root_ + "/removedQueues.json"; }
  [[nodiscard]] std::string checkpoint() const { return root_ + "/checkpoint"; }
  [[nodiscard]] std::string synced_note() const { return root_ + "/synced"; }
  [[nodiscard]] std::string known_damage() const { return root_ + "/damagedRanges"; }
  [[nodiscard]] std::string cut_note() const { return root_ + "/logCut"; }
  [[nodiscard]] std::string damaged_copies() const { return root_ + "/damaged"; }
  [[nodiscard]] std::string abort_file() const { return root_ + "/abort"; }
  [[nodiscard]] std::string lock_file() const { return root_ + "/lock"; }

 private:
  std::string root_;
  std::string commit_log_;
  std::string consume_queues_;
  std::string index_;
};

class StoreDirectory : public StorePaths {
 public:
  // Creates what is missing and takes the lock. Throws Error (StoreErrc::locked, not_writable,
  // foreign_format, log_missing: the rest tells that there was a log).
  StoreDirectory(FileSystem& files, const StoreConfig& config);

  // The last owner did not stop in order.
  [[nodiscard]] bool found_abort_file() const noexcept { return found_abort_file_; }
  // It could not sync the log: what the page cache shows may not be on the disk, and the kernel
  // takes it for clean.
  [[nodiscard]] bool found_failed_sync() const noexcept { return found_failed_sync_; }
  // From now on until remove_abort_file(), an end is a crash. Brings the names in the directory to
  // the disk. Throws Error.
  void create_abort_file();
  // For the next start. It need not survive a power cut: the page cache does not either.
  void note_failed_sync() noexcept;
  void forget_failed_sync() noexcept { (void)write_abort_file(false); }
  [[nodiscard]] error_code remove_abort_file();
  void unlock() noexcept { lock_.reset(); }

 private:
  void make_root();
  void take_lock();
  void look_for_abort_file();
  void look_for_log() const;
  [[nodiscard]] bool has_entries(const std::string& path) const;
  [[nodiscard]] bool is_there(const std::string& path) const;
  [[nodiscard]] error_code write_abort_file(bool failed_sync);

  FileSystem& files_;
  std::shared_ptr<File> lock_;
  bool found_abort_file_ = false;
  bool found_failed_sync_ = false;
};

}  // namespace comet::inline v0_1::store
