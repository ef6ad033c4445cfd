#include "state_file.hpp"

#include <fmt/format.h>

#include "comet/base/files.hpp"
#include "comet/base/log.hpp"

namespace comet::broker {

void load_state_file(const std::string& path,
                     const std::function<error_code(std::string_view)>& parse) {
  error_code reason;
  bool exists = false;
  for (const std::string& candidate : {path, path + ".bak"}) {
    Result<std::string> content = read_file(candidate);
    if (!content) {
      if (content.error() != boost::system::errc::no_such_file_or_directory) {
        exists = true;
        reason = content.error();
      }
      continue;
    }
    exists = true;
    error_code error = content->empty() ? make_error_code(BaseErrc::bad_value) : parse(*content);
    if (!error) {
      if (candidate != path)
        log::warn("{} cannot be used; its backup {} was read", path, candidate);
      return;
    }
    reason = error;
  }
  if (exists) {
    throw Error(
        reason,
        fmt::format("read {} and its .bak: repair the file, or move both away to start without it",
                    path));
  }
}

bool save_state_file(const std::string& path, std::string_view content) {
  error_code error = write_file_atomically(path, content, true);
  if (error) log::error("write {}: {}", path, error.message());
  return !error;
}

}  // namespace comet::broker
