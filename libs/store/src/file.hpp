#pragma once
// Every call of the store to the file system goes through these two interfaces, so that tests can
// make any of them fail. Blocking; thread-safe unless said otherwise.

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::store {

class File {
 public:
  virtual ~File() = default;
  // As pwritev: at least one byte, perhaps fewer than given, at most IOV_MAX pieces.
  [[nodiscard]] virtual Result<std::size_t> write_some(std::span<const iovec> pieces,
                                                       std::int64_t at) = 0;
  // As pread: 0 at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read_some(std::span<char> into, std::int64_t at) = 0;
  [[nodiscard]] virtual Result<std::int64_t> size() = 0;
  // The first `size` bytes in memory, to be read by the kernel alone (FilePages in
  // comet/base/body.hpp). The mapping ends with the last reference; it may outlive the file.
  // An error where there is no such thing.
  [[nodiscard]] virtual Result<std::shared_ptr<const char>> map(std::int64_t size);
  // The first place from `at` on where something may have been written; -1: there is none.
  [[nodiscard]] virtual std::int64_t next_data(std::int64_t at) { return at; }
  // As ftruncate: bytes that come into being are zero.
  [[nodiscard]] virtual error_code resize(std::int64_t size) = 0;
  // Reserves space for the first `size` bytes, which read as zero where nothing was written. Does
  // nothing, without error, where the file system cannot.
  [[nodiscard]] virtual error_code allocate(std::int64_t size) = 0;
  [[nodiscard]] virtual error_code sync_data() = 0;  // fdatasync
  [[nodiscard]] virtual error_code sync_all() = 0;   // fsync
  // Byte range 0..1 for this process and this open file, as Apache's broker takes it; released when
  // the file is closed. False: somebody else has it.
  [[nodiscard]] virtual Result<bool> try_lock() = 0;
};

enum class OpenMode {
  existing,  // fails when there is none
  create,    // creates an empty file when there is none
  reading,   // as existing, but it cannot be written; its lock is shared by those that only read
};

class DirectoryEntry {
 public:
  std::string name;
  bool is_directory = false;
  std::int64_t size = 0;
};

class DiskUsage {
 public:
  std::int64_t used = 0;       // bytes
  std::int64_t available = 0;  // to us
};

// All that is on one disk, brought to it at once.
class DiskSync {
 public:
  virtual ~DiskSync() = default;
  // Makes every file of the disk durable, names included. An error may be that of a file which is
  // none of ours: who needs to know syncs one by one.
  [[nodiscard]] virtual error_code sync() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  [[nodiscard]] virtual Result<std::shared_ptr<File>> open(const std::string& path,
                                                           OpenMode mode) = 0;
  [[nodiscard]] virtual Result<bool> exists(const std::string& path) = 0;
  [[nodiscard]] virtual error_code remove(const std::string& path) = 0;
  [[nodiscard]] virtual error_code remove_directory(const std::string& path) = 0;  // empty
  // Replaces `to`.
  [[nodiscard]] virtual error_code rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual error_code make_directories(const std::string& path) = 0;
  // Makes names that were created or removed in the directory durable.
  [[nodiscard]] virtual error_code sync_directory(const std::string& path) = 0;
  // Sorted by name.
  [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  // When the file was last written, ms since 1970.
  [[nodiscard]] virtual Result<std::int64_t> modified_millis(const std::string& path) = 0;
  // How many syncs at a time are worth it. File systems with a journal make one commit of what many
  // ask for together. 1: one after the other, always in the same order.
  [[nodiscard]] virtual std::size_t syncs_at_a_time() const noexcept { return 1; }
  // Of the disk that holds the directory. Notices what could not be written since it was made,
  // whoever else asks. Null: there is none here that could be trusted.
  [[nodiscard]] virtual std::shared_ptr<DiskSync> disk_sync(
      [[maybe_unused]] const std::string& directory) {
    return nullptr;
  }
  // Of the disk that holds `path`.
  [[nodiscard]] virtual Result<DiskUsage> disk_usage(const std::string& path) = 0;
};

// The system's files.
FileSystem& posix_files() noexcept;

class WriteOutcome {
 public:
  error_code error;
  std::int64_t written = 0;  // bytes that certainly went to the file before the error
};

// Writes all pieces, going on after short writes; consumes `pieces`.
[[nodiscard]] WriteOutcome write_fully(File& file, std::span<iovec> pieces, std::int64_t at);
[[nodiscard]] error_code write_fully(File& file, std::string_view bytes, std::int64_t at);
// Makes the file that many zeros, whatever it held.
[[nodiscard]] error_code make_zeros(File& file, std::int64_t size);
// Fills `into`; bytes behind the end of the file read as zero.
[[nodiscard]] error_code read_fully(File& file, std::span<char> into, std::int64_t at);
// Fills `into`. StoreErrc::short_file: the file ends before.
[[nodiscard]] error_code read_whole(File& file, std::span<char> into, std::int64_t at);

// Gives the file new content, so that a crash leaves the old or the new one.
[[nodiscard]] error_code replace_file(FileSystem& files, const std::string& path,
                                      std::string_view content);

// Passing shortages leave the store usable (`is_disk_full`, `is_shortage`); any other error of a
// write, sync or creation means that the disk cannot be trusted.
[[nodiscard]] bool is_disk_full(const error_code& error) noexcept;
[[nodiscard]] bool is_shortage(const error_code& error) noexcept;
[[nodiscard]] bool is_missing(const error_code& error) noexcept;  // no such file or directory

// Names of segment and queue files: the start offset in 20 digits.
[[nodiscard]] std::string offset_file_name(std::int64_t start_offset);
// -1: not such a name.
[[nodiscard]] std::int64_t parse_offset_file_name(std::string_view name) noexcept;

}  // namespace comet::inline v0_1::store
