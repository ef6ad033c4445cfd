#pragma once
// A file that says up to where the commit log has been synced. Written after each sync and not
// synced itself, but when the log was cut: it may be old, but what it says is true. It tells a
// start what was on disk behind the last checkpoint.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "file.hpp"

namespace comet::inline v0_1::store {

// write() is thread-safe.
class SyncedNote {
 public:
  SyncedNote(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  // -1: there is none, or it is damaged.
  [[nodiscard]] std::int64_t read();
  // A failure costs knowledge only.
  void write(std::int64_t log_end) noexcept;
  // The log is shorter than it was: on disk when this returns without error.
  [[nodiscard]] error_code take_back(std::int64_t log_end);

 private:
  FileSystem& files_;
  std::string path_;
  std::mutex mutex_;
  std::shared_ptr<File> file_;
};

}  // namespace comet::inline v0_1::store
