#include "synced_note.hpp"

#include <zlib.h>

#include <array>

#include "comet/base/bytes.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr std::size_t kSize = 12;  // the log offset and its checksum

std::uint32_t checksum_of(const char* bytes) noexcept {
  return static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(bytes), 8));
}

}  // namespace

std::int64_t SyncedNote::read() {
  Result<std::shared_ptr<File>> file = files_.open(path_, OpenMode::existing);
  std::array<char, kSize> bytes{};
  if (!file || read_whole(**file, bytes, 0)) return -1;
  if (load_be<std::uint32_t>(bytes.data() + 8) != checksum_of(bytes.data())) return -1;
  return load_be<std::int64_t>(bytes.data());
}

void SyncedNote::write(std::int64_t log_end) noexcept {
  std::lock_guard lock(mutex_);
  if (!file_) {
    Result<std::shared_ptr<File>> file = files_.open(path_, OpenMode::create);
    if (!file) return;
    file_ = std::move(*file);
  }
  std::array<char, kSize> bytes{};
  store_be<std::int64_t>(bytes.data(), log_end);
  store_be<std::uint32_t>(bytes.data() + 8, checksum_of(bytes.data()));
  (void)write_fully(*file_, {bytes.data(), bytes.size()}, 0);
}

error_code SyncedNote::take_back(std::int64_t log_end) {
  write(log_end);
  if (read() != log_end) return make_error_code(BaseErrc::bad_value);
  std::lock_guard lock(mutex_);
  if (error_code error = file_->sync_data()) return error;
  return files_.sync_directory(path_.substr(0, path_.rfind('/')));
}

}  // namespace comet::inline v0_1::store
