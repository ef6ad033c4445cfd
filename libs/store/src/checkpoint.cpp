#include "checkpoint.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "comet/base/bytes.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr std::size_t kFileSize = 4096;
constexpr std::int64_t kTimestampSlack = 3000;  // ms
constexpr std::size_t kApacheSize = 24;
constexpr std::size_t kOwnFieldsAt = 256;
constexpr std::uint32_t kOwnMagic = 0x434D5132;  // "CMQ2"
constexpr std::size_t kOwnFields = 7;            // of 8 bytes, behind magic and checksum

// Of our fields and of Apache's, so that neither damage nor another writer goes unseen.
std::uint32_t checksum_of(std::string_view bytes) noexcept {
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  uLong sum = ::crc32(0, data, kApacheSize);
  sum = ::crc32(sum, data + kOwnFieldsAt + 8, kOwnFields * 8);
  return static_cast<std::uint32_t>(sum);
}

}  // namespace

std::int64_t Checkpoint::vouched_timestamp() const noexcept {
  return std::max<std::int64_t>(0, std::min(log_timestamp, queues_timestamp) - kTimestampSlack);
}

Result<Checkpoint> read_checkpoint(FileSystem& files, const std::string& path) {
  Checkpoint checkpoint;
  Result<bool> exists = files.exists(path);
  if (!exists) return exists.error();
  if (!*exists) return checkpoint;
  Result<std::shared_ptr<File>> file = files.open(path, OpenMode::existing);
  if (!file) return file.error();
  Result<std::int64_t> size = (*file)->size();
  if (!size) return size.error();
  if (*size < static_cast<std::int64_t>(kFileSize)) return checkpoint;
  std::array<char, kFileSize> bytes{};
  if (error_code error = read_fully(**file, bytes, 0)) return error;
  checkpoint.log_timestamp = load_be<std::int64_t>(bytes.data());
  checkpoint.queues_timestamp = load_be<std::int64_t>(bytes.data() + 8);
  checkpoint.index_timestamp = load_be<std::int64_t>(bytes.data() + 16);
  const char* own = bytes.data() + kOwnFieldsAt;
  if (load_be<std::uint32_t>(own) == kOwnMagic &&
      load_be<std::uint32_t>(own + 4) == checksum_of({bytes.data(), bytes.size()})) {
    checkpoint.queue_count = load_be<std::int64_t>(own + 8);
    checkpoint.index.log_end = load_be<std::int64_t>(own + 16);
    checkpoint.index.file = load_be<std::int64_t>(own + 24);
    checkpoint.index.count = load_be<std::int64_t>(own + 32);
    checkpoint.index.end_offset = load_be<std::int64_t>(own + 40);
    checkpoint.index.end_timestamp = load_be<std::int64_t>(own + 48);
    checkpoint.log_end = load_be<std::int64_t>(own + 56);
    checkpoint.is_ours = true;
  }
  return checkpoint;
}

error_code write_checkpoint(FileSystem& files, const std::string& path,
                            const Checkpoint& checkpoint) {
  Result<bool> exists = files.exists(path);
  if (!exists) return exists.error();
  Result<std::shared_ptr<File>> file = files.open(path, OpenMode::create);
  if (!file) return file.error();
  std::array<char, kFileSize> bytes{};
  store_be<std::int64_t>(bytes.data(), checkpoint.log_timestamp);
  store_be<std::int64_t>(bytes.data() + 8, checkpoint.queues_timestamp);
  store_be<std::int64_t>(bytes.data() + 16, checkpoint.index_timestamp);
  char* own = bytes.data() + kOwnFieldsAt;
  store_be<std::uint32_t>(own, kOwnMagic);
  store_be<std::int64_t>(own + 8, checkpoint.queue_count);
  store_be<std::int64_t>(own + 16, checkpoint.index.log_end);
  store_be<std::int64_t>(own + 24, checkpoint.index.file);
  store_be<std::int64_t>(own + 32, checkpoint.index.count);
  store_be<std::int64_t>(own + 40, checkpoint.index.end_offset);
  store_be<std::int64_t>(own + 48, checkpoint.index.end_timestamp);
  store_be<std::int64_t>(own + 56, checkpoint.log_end);
  store_be<std::uint32_t>(own + 4, checksum_of({bytes.data(), bytes.size()}));
  std::string_view content(bytes.data(), bytes.size());
  if (error_code error = write_fully(**file, content, 0)) return error;
  if (error_code error = (*file)->sync_data()) return error;
  return *exists ? error_code() : files.sync_directory(path.substr(0, path.rfind('/')));
}

}  // namespace comet::inline v0_1::store
