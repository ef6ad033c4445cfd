#pragma once
// Copies of what a start cuts off the log: root/damaged/NAME.damaged, with each byte where it lay
// in the file NAME. Not in the log's own directory: Apache's broker does not start with other files
// there.

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "file.hpp"

namespace comet::inline v0_1::store {

class DamagedCopies {
 public:
  DamagedCopies(FileSystem& files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}

  // Reads the bytes at a place of the file.
  using Read = std::function<error_code(std::int64_t at, std::span<char> into)>;
  // Keeps `begin` to `end` of the file `name`, and logs where. A copy that cannot be made, for want
  // of space or otherwise, is one line in the log.
  void keep(const std::string& name, std::int64_t begin, std::int64_t end, const Read& read);

  // Removes copies that were last written before `millis` (of the wall clock).
  void drop_before(std::int64_t millis);

 private:
  [[nodiscard]] Result<std::string> free_path(const std::string& name);
  [[nodiscard]] error_code copy(const std::string& path, std::int64_t begin, std::int64_t end,
                                const Read& read);

  FileSystem& files_;
  std::string directory_;
};

}  // namespace comet::inline v0_1::store
