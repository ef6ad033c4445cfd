#include "comet/base/file_watch.hpp"

#include <sys/stat.h>

#include <utility>

namespace comet::inline v0_1 {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileWatch::FileWatch(std::vector<std::string> paths)
    : paths_(std::move(paths)), taken_(stamps()), seen_(taken_) {}

bool FileWatch::look() {
  std::vector<Stamp> now = stamps();
  const bool at_rest = now == seen_;
  seen_ = std::move(now);
  if (!at_rest || seen_ == taken_) return false;
  taken_ = seen_;
  return true;
}

std::vector<FileWatch::Stamp> FileWatch::stamps() const {
  std::vector<Stamp> all;
  for (const std::string& path : paths_) {
    struct stat found{};
    Stamp stamp;
    if (::stat(path.c_str(), &found) == 0) {
      stamp.device = found.st_dev;
      stamp.inode = found.st_ino;
      stamp.size = found.st_size;
      stamp.modified = nanoseconds(found.st_mtim);
      stamp.changed = nanoseconds(found.st_ctim);
    }
    all.push_back(stamp);
  }
  return all;
}

}  // namespace comet::inline v0_1
