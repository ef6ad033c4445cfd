#pragma once
// Notices that files have been replaced.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace comet::inline v0_1 {

// By what stat() says, so that it also sees symbolic links that lead elsewhere now (as Kubernetes
// replaces mounted files) and files that are back. Not thread-safe.
class FileWatch {
 public:
  // Takes the files as they are now. One that is missing is a state like any other.
  explicit FileWatch(std::vector<std::string> paths);

  // Some stat() calls. True once after each change, at the first look that finds the files as the
  // look before did: files that go together are mostly not met half replaced.
  [[nodiscard]] bool look();

 private:
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;  // 0: missing
    off_t size = 0;
    std::int64_t modified = 0;  // ns
    std::int64_t changed = 0;   // ns

    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  [[nodiscard]] std::vector<Stamp> stamps() const;

  std::vector<std::string> paths_;
  std::vector<Stamp> taken_;  // what the last true, or the constructor, stands for
  std::vector<Stamp> seen_;   // at the last look
};

}  // namespace comet::inline v0_1
