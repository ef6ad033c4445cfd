#include "damaged_copies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr std::int64_t kPiece = 64 * 1024;
constexpr std::string_view kEnding = ".damaged";
// So much of a disk stays free of copies.
constexpr std::int64_t kMostPercent = 90;

bool is_zero(std::span<const char> bytes) noexcept {
  return std::ranges::all_of(bytes, [](char byte) { return byte == '\0'; });
}

}  // namespace

void DamagedCopies::keep(const std::string& name, std::int64_t begin, std::int64_t end,
                         const Read& read) {
  Result<std::string> path = free_path(name);
  error_code error = path ? copy(*path, begin, end, read) : path.error();
  if (!error) {
    log::warn("{}: bytes {} to {} are kept in {}", name, begin, end, *path);
    return;
  }
  if (path) (void)files_.remove(*path);
  log::error("{}: no copy of bytes {} to {} could be kept in {}: {}", name, begin, end, directory_,
             error.message());
}

// NAME.damaged, or NAME.2.damaged and so on when there are some already.
Result<std::string> DamagedCopies::free_path(const std::string& name) {
  if (error_code error = files_.make_directories(directory_)) return error;
  for (int number = 1;; ++number) {
    std::string path = number == 1 ? fmt::format("{}/{}{}", directory_, name, kEnding)
                                   : fmt::format("{}/{}.{}{}", directory_, name, number, kEnding);
    Result<bool> exists = files_.exists(path);
    if (!exists) return exists.error();
    if (!*exists) return path;
  }
}

error_code DamagedCopies::copy(const std::string& path, std::int64_t begin, std::int64_t end,
                               const Read& read) {
  Result<DiskUsage> usage = files_.disk_usage(directory_);
  const bool known = usage && usage->used + usage->available > 0;
  if (known &&
      (usage->used + end - begin) * 100 > (usage->used + usage->available) * kMostPercent) {
    return {ENOSPC, boost::system::system_category()};
  }
  Result<std::shared_ptr<File>> file = files_.open(path, OpenMode::create);
  if (!file) return file.error();
  std::string buffer;
  for (std::int64_t at = begin; at < end; at += kPiece) {
    buffer.resize(static_cast<std::size_t>(std::min(kPiece, end - at)));
    // What cannot be read is not in the copy either.
    if (read(at, buffer) || is_zero(buffer)) continue;
    if (error_code error = write_fully(**file, buffer, at)) return error;
  }
  if (error_code error = (*file)->sync_all()) return error;
  return files_.sync_directory(directory_);
}

void DamagedCopies::drop_before(std::int64_t millis) {
  Result<bool> exists = files_.exists(directory_);
  if (!exists || !*exists) return;
  Result<std::vector<DirectoryEntry>> entries = files_.list(directory_);
  if (!entries) return;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory || !entry.name.ends_with(kEnding)) continue;
    const std::string path = directory_ + "/" + entry.name;
    Result<std::int64_t> modified = files_.modified_millis(path);
    if (!modified || *modified >= millis) continue;
    if (!files_.remove(path)) log::info("{} removed: it was kept long enough", path);
  }
}

}  // namespace comet::inline v0_1::store
