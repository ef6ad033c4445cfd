#include "inspect_files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::store::inspect {

namespace {

constexpr std::size_t kMaxMapped = 8;
constexpr std::int64_t kUnitSize = 20;

[[noreturn]] void fail(const fs::path& path) {
  throw Error(error_code(errno, boost::system::system_category()), "read " + path.string());
}

bool is_number(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> paths;
  std::error_code error;
  if (!fs::exists(directory, error)) return paths;
  for (const auto& entry : fs::directory_iterator(directory)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

fs::path root_of(const InspectOptions& options) {
  fs::path root(options.root);
  std::error_code ignored;
  if (fs::is_directory(root / "commitlog", ignored)) return root;
  throw Error(make_error_code(boost::system::errc::no_such_file_or_directory),
              options.root + " holds no store: there is no directory commitlog in it");
}

MappedFile::MappedFile(const fs::path& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path);
  struct stat status{};
  bool good = ::fstat(descriptor, &status) == 0;
  auto size = static_cast<std::size_t>(good ? status.st_size : 0);
  void* memory = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0) : nullptr;
  int error = errno;
  ::close(descriptor);
  errno = error;
  if (!good || memory == MAP_FAILED) fail(path);
  bytes_ = {static_cast<const char*>(memory), size};
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

std::int64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  if (at + size > bytes.size()) return 0;
  bool negative = (static_cast<unsigned char>(bytes[at]) & 0x80U) != 0;
  std::uint64_t value = negative && size < 8 ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return static_cast<std::int64_t>(value);
}

bool is_zero(std::string_view bytes) noexcept {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

FileRun::FileRun(const fs::path& directory) {
  for (const fs::path& path : entries_of(directory)) {
    std::string name = path.filename().string();
    if (!fs::is_regular_file(path) || name.size() != 20 || !is_number(name)) {
      problems.push_back(path.string() + ": not a file named by 20 digits");
      continue;
    }
    Part part;
    part.path = path;
    part.start = std::stoll(name);
    part.size = static_cast<std::int64_t>(fs::file_size(path));
    if (!parts.empty() && part.size != file_size()) {
      problems.push_back(path.string() + ": has another size than the first file");
    } else if (!parts.empty() && part.start != end()) {
      problems.push_back(path.string() + ": does not follow the file before it");
    } else if (part.size == 0 || part.start % part.size != 0) {
      problems.push_back(path.string() + ": its start is no multiple of its size");
    } else {
      parts.push_back(part);
    }
  }
}

std::string_view FileRun::bytes_from(std::int64_t offset) const {
  if (offset < begin() || offset >= end()) return {};
  auto index = static_cast<std::size_t>((offset - begin()) / file_size());
  const Part& part = parts[index];
  auto found = mapped_.find(part.start);
  if (found == mapped_.end()) {
    if (mapped_.size() >= kMaxMapped) mapped_.erase(mapped_.begin());
    found = mapped_.emplace(part.start, std::make_shared<MappedFile>(part.path)).first;
  }
  return found->second->bytes().substr(static_cast<std::size_t>(offset - part.start));
}

std::string_view LogRecord::property(std::string_view name) const {
  std::string_view rest = properties;
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find('\2'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    std::size_t split = pair.find('\1');
    if (split != std::string_view::npos && pair.substr(0, split) == name) {
      return pair.substr(split + 1);
    }
  }
  return {};
}

LogRecord read_log_record(const FileRun& log, std::int64_t offset) {
  LogRecord record;
  record.offset = offset;
  std::string_view bytes = log.bytes_from(offset);
  if (bytes.size() < 8) return record;
  auto field = [&](std::size_t at, std::size_t size) { return number_at(bytes, at, size); };
  record.size = static_cast<std::int32_t>(field(0, 4));
  std::int64_t magic = field(4, 4);
  if (record.size == 0 && magic == 0) return record;
  auto bad = [&](const char* what) {
    record.problem = what;
    return record;
  };
  if (magic == -875286124) {
    record.is_blank = true;
    bool fits = record.size == static_cast<std::int64_t>(bytes.size());
    return fits ? record : bad("the blank record does not reach to the end of the file");
  }
  if (magic != -626843481 && magic != -626843477) return bad("no magic number of a record");
  if (record.size < 91 || static_cast<std::size_t>(record.size) + 8 > bytes.size()) {
    return bad("the record's size leaves no room for a blank record in its file");
  }
  bytes = bytes.substr(0, static_cast<std::size_t>(record.size));
  record.queue_id = static_cast<std::int32_t>(field(12, 4));
  record.queue_offset = field(20, 8);
  record.sys_flag = static_cast<std::int32_t>(field(36, 4));
  std::size_t at = 48;  // born host
  at += (record.sys_flag & 0x10) != 0 ? 20 : 8;
  record.store_timestamp = field(at, 8);
  at += 8;
  at += (record.sys_flag & 0x20) != 0 ? 20 : 8;  // store host
  at += 12;                                      // reconsume times, prepared offset
  std::int64_t body = field(at, 4);
  at += 4;
  if (body < 0 || at + static_cast<std::size_t>(body) > bytes.size()) return bad("body too long");
  record.body_size = static_cast<std::int32_t>(body);
  const auto* body_bytes = reinterpret_cast<const Bytef*>(bytes.data() + at);
  uLong crc = body > 0 ? ::crc32(0, body_bytes, static_cast<uInt>(body)) & 0x7FFFFFFFU : 0;
  at += static_cast<std::size_t>(body);
  std::size_t topic_field = magic == -626843477 ? 2 : 1;
  std::int64_t topic = field(at, topic_field);
  at += topic_field;
  if (topic <= 0 || at + static_cast<std::size_t>(topic) > bytes.size()) return bad("bad topic");
  record.topic = bytes.substr(at, static_cast<std::size_t>(topic));
  at += static_cast<std::size_t>(topic);
  std::int64_t properties = field(at, 2);
  at += 2;
  if (properties < 0 || at + static_cast<std::size_t>(properties) != bytes.size()) {
    return bad("the lengths do not add up to the record's size");
  }
  record.properties = bytes.substr(at);
  if (field(28, 8) != offset) return bad("the record says that it lies elsewhere");
  if (static_cast<std::int64_t>(crc) != field(8, 4)) return bad("the body's checksum is wrong");
  return record;
}

std::int32_t hash_of(std::string_view utf8) {
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i < utf8.size();) {
    auto first = static_cast<unsigned char>(utf8[i]);
    std::size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    std::uint32_t code = more == 0 ? first : first & (0x3FU >> more);
    for (std::size_t k = 1; k <= more && i + k < utf8.size(); ++k) {
      code = code << 6U | (static_cast<unsigned char>(utf8[i + k]) & 0x3FU);
    }
    i += more + 1;
    if (code > 0xFFFF) {
      hash = 31 * hash + 0xD7C0 + (code >> 10U);
      code = 0xDC00 | (code & 0x3FFU);
    }
    hash = 31 * hash + code;
  }
  return static_cast<std::int32_t>(hash);
}

std::vector<QueueName> list_queues(const fs::path& root) {
  std::vector<QueueName> names;
  for (const fs::path& topic : entries_of(root / "consumequeue")) {
    for (const fs::path& queue : entries_of(topic)) {
      std::string id = queue.filename().string();
      if (!is_number(id) || id.size() > 9) continue;
      names.push_back({topic.filename().string(), std::stoi(id)});
    }
  }
  return names;
}

fs::path queue_directory(const fs::path& root, const QueueName& name) {
  return root / "consumequeue" / name.topic / std::to_string(name.id);
}

LogUnit read_unit(const FileRun& queue, std::int64_t queue_offset) {
  std::string_view bytes = queue.bytes_from(queue_offset * kUnitSize);
  LogUnit unit;
  if (bytes.size() < kUnitSize) return unit;
  unit.offset = number_at(bytes, 0, 8);
  unit.size = static_cast<std::int32_t>(number_at(bytes, 8, 4));
  unit.tags_code = number_at(bytes, 12, 8);
  return unit;
}

std::vector<fs::path> list_index_files(const fs::path& root) {
  std::vector<fs::path> paths = entries_of(root / "index");
  std::erase_if(paths, [](const fs::path& path) {
    std::string name = path.filename().string();
    return name.size() != 17 || !is_number(name);
  });
  return paths;
}

}  // namespace comet::inline v0_1::store::inspect
