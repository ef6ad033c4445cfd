#include "tables/state_file.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>

#include "comet/base/files.hpp"
#include "comet/base/log.hpp"
#include "comet/message/record.hpp"

namespace comet::inline v0_1::broker {

namespace {

// JSON has no checksum, and a damaged name or digit is JSON all the same. So we add one behind it,
// in bits of white space, which every reader of JSON skips: a space is 0, a tab is 1.
constexpr std::size_t kSealBits = 31;

std::string seal_of(std::string_view content) {
  std::string seal = "\n";
  const auto sum = static_cast<std::uint32_t>(body_crc(content));
  for (std::size_t bit = 0; bit < kSealBits; ++bit) seal += (sum >> bit & 1U) != 0 ? '\t' : ' ';
  return seal;
}

// Takes the seal off. Files of Apache's broker, and those that were written by hand, have none.
error_code unseal(std::string_view& content) {
  if (content.empty()) return BaseErrc::bad_value;
  const std::size_t end = content.find_last_not_of(" \t");
  if (end == std::string_view::npos || content[end] != '\n' ||
      content.size() - end - 1 != kSealBits) {
    return {};
  }
  const bool intact = content.substr(end) == seal_of(content.substr(0, end));
  content = content.substr(0, end);
  return intact ? error_code() : make_error_code(BaseErrc::bad_value);
}

// At once: the next save would make the damaged content the backup, and a crash in the middle of it
// would leave nothing that is good.
void restore(const std::string& path, const std::string& backup, std::string_view content,
             const error_code& reason) {
  if (reason) {
    // Somebody may have edited it, and forgotten the checksum.
    const std::string kept = path + ".damaged";
    (void)std::rename(path.c_str(), kept.c_str());
    log::warn(
        "{} cannot be used ({}): its backup {} was read, and it is kept as {}; after an edit by "
        "hand "
        "remove its last line, of white space",
        path, reason.message(), backup, kept);
  } else {
    log::warn("{} is missing: its backup {} was read", path, backup);
  }
  if (error_code error = write_file_atomically(path, content, false)) {
    log::error("{} could not be restored from its backup: {}", path, error.message());
  }
}

}  // namespace

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
    std::string_view json = *content;
    error_code error = unseal(json);
    if (!error) error = parse(json);
    if (!error) {
      if (candidate != path) restore(path, candidate, *content, reason);
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

bool StateFile::save(std::string_view content) {
  const error_code error =
      write_file_atomically(path_, std::string(content) + seal_of(content), true);
  const std::lock_guard lock(mutex_);
  if (error && problem_.empty()) {
    log::error("{} cannot be written: {}; it is tried again every second", path_, error.message());
  } else if (!error && !problem_.empty()) {
    log::info("{} is written again", path_);
  }
  problem_ = error ? fmt::format("{} cannot be written: {}", path_, error.message()) : "";
  return !error;
}

std::string StateFile::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace comet::inline v0_1::broker
