#include "file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <cstdio>

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fmt/format.h>

#include "comet/base/files.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::store {

namespace {

error_code last_error() noexcept { return {errno, boost::system::system_category()}; }

// Repeats a system call that a signal interrupted.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

class PosixFile final : public File {
 public:
  explicit PosixFile(int descriptor, bool only_read = false) noexcept
      : descriptor_(descriptor), only_read_(only_read) {}
  ~PosixFile() override { ::close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<std::size_t> write_some(std::span<const iovec> pieces, std::int64_t at) override {
    ssize_t n = retry_interrupted(
        [&] { return ::pwritev(descriptor_, pieces.data(), static_cast<int>(pieces.size()), at); });
    if (n < 0) return last_error();
    return static_cast<std::size_t>(n);
  }

  Result<std::size_t> read_some(std::span<char> into, std::int64_t at) override {
    ssize_t n =
        retry_interrupted([&] { return ::pread(descriptor_, into.data(), into.size(), at); });
    if (n < 0) return last_error();
    return static_cast<std::size_t>(n);
  }

  Result<std::int64_t> size() override {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) return last_error();
    return static_cast<std::int64_t>(status.st_size);
  }

  Result<std::shared_ptr<const char>> map(std::int64_t size) override {
    const auto length = static_cast<std::size_t>(size);
    void* memory = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (memory == MAP_FAILED) return last_error();
    return std::shared_ptr<const char>(static_cast<const char*>(memory),
                                       [memory, length](const char*) { ::munmap(memory, length); });
  }

  std::int64_t next_data(std::int64_t at) override {
    const off_t found = ::lseek(descriptor_, at, SEEK_DATA);
    if (found >= 0) return found;
    return errno == ENXIO ? -1 : at;  // not every file system can tell
  }

  error_code resize(std::int64_t size) override {
    int result = retry_interrupted([&] { return ::ftruncate(descriptor_, size); });
    return result == 0 ? error_code() : last_error();
  }

  error_code allocate(std::int64_t size) override {
    int result = retry_interrupted([&] { return ::fallocate(descriptor_, 0, 0, size); });
    return result == 0 || errno == EOPNOTSUPP || errno == ENOSYS ? error_code() : last_error();
  }

  // Not repeated when interrupted: after a failed sync nobody knows what is on the disk.
  error_code sync_data() override {
    return ::fdatasync(descriptor_) == 0 ? error_code() : last_error();
  }
  error_code sync_all() override { return ::fsync(descriptor_) == 0 ? error_code() : last_error(); }

  Result<bool> try_lock() override {
    struct flock range{};
    range.l_type = only_read_ ? F_RDLCK : F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = 0;
    range.l_len = 1;
    // An open-file-description lock conflicts with the process locks that Java takes, and also with
    // a second store in this process.
    if (::fcntl(descriptor_, F_OFD_SETLK, &range) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    return last_error();
  }

 private:
  int descriptor_;
  bool only_read_;
};

class PosixDiskSync final : public DiskSync {
 public:
  explicit PosixDiskSync(int directory) noexcept : directory_(directory) {}
  ~PosixDiskSync() override { ::close(directory_); }
  PosixDiskSync(const PosixDiskSync&) = delete;
  PosixDiskSync& operator=(const PosixDiskSync&) = delete;

  error_code sync() override { return ::syncfs(directory_) == 0 ? error_code() : last_error(); }

 private:
  int directory_;
};

// Before Linux 5.8 syncfs() told nobody of writes that had failed.
bool syncfs_tells_errors() noexcept {
  struct utsname name{};
  int major = 0;
  int minor = 0;
  if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 5 || (major == 5 && minor >= 8);
}

// Layered and network file systems do not pass on what those below them have noticed; XFS need not
// flush the disk's own cache.
bool is_own_disk(int directory) noexcept {
  constexpr std::int64_t kExt4 = 0xEF53;
  struct statfs status{};
  return ::fstatfs(directory, &status) == 0 && status.f_type == kExt4;
}

class PosixFiles final : public FileSystem {
 public:
  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const bool only_read = mode == OpenMode::reading;
    const int flags =
        (only_read ? O_RDONLY : O_RDWR) | O_CLOEXEC | (mode == OpenMode::create ? O_CREAT : 0);
    int descriptor = retry_interrupted([&] { return ::open(path.c_str(), flags, 0644); });
    if (descriptor < 0) return last_error();
    return std::shared_ptr<File>(std::make_shared<PosixFile>(descriptor, only_read));
  }

  Result<bool> exists(const std::string& path) override {
    if (::access(path.c_str(), F_OK) == 0) return true;
    if (errno == ENOENT) return false;
    return last_error();
  }

  error_code remove(const std::string& path) override {
    return ::unlink(path.c_str()) == 0 ? error_code() : last_error();
  }

  error_code remove_directory(const std::string& path) override {
    return ::rmdir(path.c_str()) == 0 ? error_code() : last_error();
  }

  error_code rename(const std::string& from, const std::string& to) override {
    return ::rename(from.c_str(), to.c_str()) == 0 ? error_code() : last_error();
  }

  error_code make_directories(const std::string& path) override {
    return comet::make_directories(path);
  }

  error_code sync_directory(const std::string& path) override {
    int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return last_error();
    PosixFile directory(descriptor);
    return directory.sync_all();
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
    if (!directory) return last_error();
    std::vector<DirectoryEntry> entries;
    errno = 0;
    while (const dirent* found = ::readdir(directory.get())) {
      DirectoryEntry entry;
      entry.name = found->d_name;
      if (entry.name == "." || entry.name == "..") continue;
      struct stat status{};
      if (::fstatat(::dirfd(directory.get()), found->d_name, &status, 0) != 0) return last_error();
      entry.is_directory = S_ISDIR(status.st_mode);
      entry.size = status.st_size;
      entries.push_back(std::move(entry));
      errno = 0;
    }
    if (errno != 0) return last_error();
    std::ranges::sort(entries, {}, &DirectoryEntry::name);
    return entries;
  }

  Result<std::int64_t> modified_millis(const std::string& path) override {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return last_error();
    return std::int64_t{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000;
  }

  std::shared_ptr<DiskSync> disk_sync(const std::string& directory) override {
    if (!syncfs_tells_errors()) return nullptr;
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return nullptr;
    auto sync = std::make_shared<PosixDiskSync>(descriptor);
    return is_own_disk(descriptor) ? sync : nullptr;
  }

  std::size_t syncs_at_a_time() const noexcept override { return 16; }

  Result<DiskUsage> disk_usage(const std::string& path) override {
    struct statvfs status{};
    if (::statvfs(path.c_str(), &status) != 0) return last_error();
    auto block = static_cast<std::int64_t>(status.f_frsize);
    DiskUsage usage;
    usage.used = static_cast<std::int64_t>(status.f_blocks - status.f_bfree) * block;
    usage.available = static_cast<std::int64_t>(status.f_bavail) * block;
    return usage;
  }
};

// Removes the first `size` bytes from the pieces.
std::span<iovec> drop_front(std::span<iovec> pieces, std::size_t size) noexcept {
  while (!pieces.empty() && size >= pieces.front().iov_len) {
    size -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (!pieces.empty()) {
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + size;
    pieces.front().iov_len -= size;
  }
  return pieces;
}

}  // namespace

Result<std::shared_ptr<const char>> File::map(std::int64_t /*size*/) {
  return error_code(EOPNOTSUPP, boost::system::system_category());
}

FileSystem& posix_files() noexcept {
  static PosixFiles files;
  return files;
}

WriteOutcome write_fully(File& file, std::span<iovec> pieces, std::int64_t at) {
  WriteOutcome outcome;
  pieces = drop_front(pieces, 0);  // leading empty pieces
  while (!pieces.empty()) {
    std::size_t count = std::min<std::size_t>(pieces.size(), IOV_MAX);
    Result<std::size_t> n = file.write_some(pieces.first(count), at + outcome.written);
    if (!n) {
      outcome.error = n.error();
      return outcome;
    }
    if (*n == 0) {  // a disk that takes nothing and gives no reason
      outcome.error = error_code(EIO, boost::system::system_category());
      return outcome;
    }
    outcome.written += static_cast<std::int64_t>(*n);
    pieces = drop_front(pieces, *n);
  }
  return outcome;
}

error_code write_fully(File& file, std::string_view bytes, std::int64_t at) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  return write_fully(file, std::span<iovec>(&piece, 1), at).error;
}

error_code make_zeros(File& file, std::int64_t size) {
  Result<std::int64_t> old = file.size();
  if (!old) return old.error();
  // Not without need: ext4 writes a file that was emptied to the disk when it is closed.
  if (*old > 0) {
    if (error_code error = file.resize(0)) return error;
  }
  return file.resize(size);
}

error_code read_fully(File& file, std::span<char> into, std::int64_t at) {
  while (!into.empty()) {
    Result<std::size_t> n = file.read_some(into, at);
    if (!n) return n.error();
    if (*n == 0) {
      std::ranges::fill(into, '\0');
      return {};
    }
    into = into.subspan(*n);
    at += static_cast<std::int64_t>(*n);
  }
  return {};
}

error_code read_whole(File& file, std::span<char> into, std::int64_t at) {
  while (!into.empty()) {
    Result<std::size_t> n = file.read_some(into, at);
    if (!n) return n.error();
    if (*n == 0) return make_error_code(StoreErrc::short_file);
    into = into.subspan(*n);
    at += static_cast<std::int64_t>(*n);
  }
  return {};
}

bool is_disk_full(const error_code& error) noexcept {
  return error.category() == boost::system::system_category() &&
         (error.value() == ENOSPC || error.value() == EDQUOT);
}

bool is_shortage(const error_code& error) noexcept {
  return error.category() == boost::system::system_category() &&
         (error.value() == EMFILE || error.value() == ENFILE || error.value() == ENOMEM);
}

bool is_missing(const error_code& error) noexcept {
  return error.category() == boost::system::system_category() && error.value() == ENOENT;
}

error_code replace_file(FileSystem& files, const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  Result<std::shared_ptr<File>> file = files.open(temporary, OpenMode::create);
  if (!file) return file.error();
  error_code error = (*file)->resize(0);
  if (!error) error = write_fully(**file, content, 0);
  if (!error) error = (*file)->sync_all();
  if (!error) error = files.rename(temporary, path);
  return error ? error : files.sync_directory(path.substr(0, path.rfind('/')));
}

std::string offset_file_name(std::int64_t start_offset) {
  return fmt::format("{:020}", start_offset);
}

std::int64_t parse_offset_file_name(std::string_view name) noexcept {
  if (name.size() != 20) return -1;
  return std::max<std::int64_t>(parse_number<std::int64_t>(name).value_or(-1), -1);
}

}  // namespace comet::inline v0_1::store
