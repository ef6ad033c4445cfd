#pragma once
// The JSON files under config/: written atomically with the old content kept as .bak, read from
// the .bak when the file itself is damaged, which a checksum tells.

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::broker {

// Gives the file's content to `parse`; if that fails, the .bak's, and restores the file from it,
// with a line in the log. A missing file is no error.
// Throws Error when neither can be used: starting with empty state would forget topics or offsets.
void load_state_file(const std::string& path,
                     const std::function<error_code(std::string_view)>& parse);

// One of those files, and whether it could be written. save() and problem() are thread-safe.
class StateFile {
 public:
  explicit StateFile(std::string path) : path_(std::move(path)) {}

  void load(const std::function<error_code(std::string_view)>& parse) const {
    load_state_file(path_, parse);
  }
  // False: it could not be written. State in memory stays right, and whoever owns it tries again.
  // The log says when that begins and when it ends.
  [[nodiscard]] bool save(std::string_view content);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Why the last save failed; empty: it did not.
  [[nodiscard]] std::string problem() const;

 private:
  const std::string path_;
  mutable std::mutex mutex_;
  std::string problem_;
};

}  // namespace comet::inline v0_1::broker
