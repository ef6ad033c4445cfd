#include "log_pages.hpp"

#include <fmt/format.h>

#include <utility>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::store {

Result<std::shared_ptr<LogPages>> LogPages::map(std::shared_ptr<File> file, std::string path,
                                                std::int64_t size,
                                                std::shared_ptr<std::atomic<std::int64_t>> faults) {
  Result<std::shared_ptr<const char>> mapping = file->map(size);
  if (!mapping) return mapping.error();
  return std::shared_ptr<LogPages>(
      new LogPages(std::move(file), std::move(path), size, std::move(*mapping), std::move(faults)));
}

Result<SharedBytes> LogPages::copy(std::span<const char> part) const {
  std::string bytes(part.size(), '\0');
  if (error_code error = read_whole(*file_, bytes, part.data() - mapping_.get())) return error;
  return SharedBytes::own(std::move(bytes));
}

std::string LogPages::note_unsendable(const char* at) const {
  ++*faults_;
  std::string what = fmt::format("{} at {}", path_, at - mapping_.get());
  if (is_sendable_.exchange(false)) {
    log::error("store: commit log: {} cannot be sent: the file was cut, or the disk does not read",
               what);
  }
  return what;
}

}  // namespace comet::inline v0_1::store
