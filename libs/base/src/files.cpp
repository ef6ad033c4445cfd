#include "comet/base/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace comet::inline v0_1 {
namespace {

error_code last_error() noexcept { return {errno, boost::system::system_category()}; }

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

error_code write_and_sync(const std::string& path, std::string_view content) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) return last_error();
  while (!content.empty()) {
    ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return last_error();
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file.get()) == 0 ? error_code() : last_error();
}

error_code sync_directory(const std::string& path) {
  Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return last_error();
  return ::fsync(directory.get()) == 0 ? error_code() : last_error();
}

// The name of a new directory must be on disk, too.
error_code make_lasting_directory(const std::string& path) {
  if (::access(path.c_str(), F_OK) == 0) return {};
  if (error_code error = make_directories(path)) return error;
  std::string parent = std::filesystem::path(path).parent_path().string();
  return sync_directory(parent.empty() ? "." : parent);
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return last_error();
  std::string content;
  char chunk[16384];
  for (;;) {
    ssize_t got = ::read(file.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error();
    if (got == 0) return content;
    content.append(chunk, static_cast<std::size_t>(got));
  }
}

error_code write_file_atomically(const std::string& path, std::string_view content,
                                 bool keep_backup) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory.assign(1, '.');
  if (error_code error = make_lasting_directory(directory)) return error;
  const std::string temporary = path + ".tmp";
  if (error_code error = write_and_sync(temporary, content)) return error;
  if (keep_backup) {
    // A hard link keeps the old content under its new name without a moment in which neither
    // exists.
    const std::string backup = path + ".bak";
    const std::string backup_temporary = backup + ".tmp";
    ::unlink(backup_temporary.c_str());
    if (::link(path.c_str(), backup_temporary.c_str()) == 0) {
      if (::rename(backup_temporary.c_str(), backup.c_str()) != 0) return last_error();
    } else if (errno != ENOENT) {
      return last_error();
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return last_error();
  return sync_directory(directory);
}

error_code make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  return error ? error_code(error.value(), boost::system::system_category()) : error_code();
}

}  // namespace comet::inline v0_1
