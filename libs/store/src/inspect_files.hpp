#pragma once
// Reading a store directory for inspection: files, records, units, as the formats define them.
// On purpose not the engine's code.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comet/store/inspect.hpp"

namespace comet::inline v0_1::store::inspect {

namespace fs = std::filesystem;

// Throws Error when there is no such directory.
[[nodiscard]] fs::path root_of(const InspectOptions& options);

// A whole file, mapped for reading. Throws Error.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

 private:
  std::string_view bytes_;
};

[[nodiscard]] std::int64_t number_at(std::string_view bytes, std::size_t at, std::size_t size);
[[nodiscard]] bool is_zero(std::string_view bytes) noexcept;

// Files named by their start offset, in order.
class FileRun {
 public:
  class Part {
   public:
    fs::path path;
    std::int64_t start = 0;
    std::int64_t size = 0;
  };
  explicit FileRun(const fs::path& directory);  // an empty run when there is none

  std::vector<Part> parts;
  std::vector<std::string> problems;  // names and sizes that cannot be

  [[nodiscard]] std::int64_t begin() const { return parts.empty() ? 0 : parts.front().start; }
  [[nodiscard]] std::int64_t end() const {
    return parts.empty() ? 0 : parts.back().start + parts.back().size;
  }
  [[nodiscard]] std::int64_t file_size() const { return parts.empty() ? 0 : parts.front().size; }
  // From `offset` to the end of its file; empty when no file holds it.
  [[nodiscard]] std::string_view bytes_from(std::int64_t offset) const;

 private:
  // At most a few mapped at a time, whatever the number of files.
  mutable std::map<std::int64_t, std::shared_ptr<MappedFile>> mapped_;
};

class LogRecord {
 public:
  std::int64_t offset = 0;
  std::int32_t size = 0;
  bool is_blank = false;
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;
  std::int32_t sys_flag = 0;
  std::int64_t store_timestamp = 0;
  std::int32_t body_size = 0;
  std::string_view topic;
  std::string_view properties;
  std::string problem;  // not empty: the log ends in front of it

  [[nodiscard]] std::string_view property(std::string_view name) const;
  // Prepared and rolled-back messages are in no queue; rolled-back ones in no index.
  [[nodiscard]] bool is_queued() const noexcept { return (sys_flag & 4) == 0; }
  [[nodiscard]] bool is_rolled_back() const noexcept { return (sys_flag & 12) == 12; }
};

// What lies at `offset`; nothing but zeros gives a record of size 0 without a problem.
[[nodiscard]] LogRecord read_log_record(const FileRun& log, std::int64_t offset);

// Java's String.hashCode.
[[nodiscard]] std::int32_t hash_of(std::string_view utf8);

class QueueName {
 public:
  std::string topic;
  std::int32_t id = 0;
  auto operator<=>(const QueueName&) const = default;
};
[[nodiscard]] std::vector<QueueName> list_queues(const fs::path& root);
[[nodiscard]] fs::path queue_directory(const fs::path& root, const QueueName& name);

class LogUnit {
 public:
  std::int64_t offset = 0;
  std::int32_t size = 0;
  std::int64_t tags_code = 0;
  [[nodiscard]] bool is_filler() const noexcept { return size == 0x7FFFFFFF; }
  [[nodiscard]] bool is_end() const noexcept { return offset == 0 && size == 0; }
};
// Zeros behind the last file.
[[nodiscard]] LogUnit read_unit(const FileRun& queue, std::int64_t queue_offset);

[[nodiscard]] std::vector<fs::path> list_index_files(const fs::path& root);

}  // namespace comet::inline v0_1::store::inspect
