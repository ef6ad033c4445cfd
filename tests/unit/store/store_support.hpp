#pragma once
// What the tests of the store share: directories that go away, files that fail on demand, records.

#include <stdlib.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/record.hpp"
#include "comet/store/message_store.hpp"
#include "file.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store::test {

namespace fs = std::filesystem;

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (fs::temp_directory_path() / "comet-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~TempDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }
  [[nodiscard]] std::string store() const { return (path_ / "store").string(); }

 private:
  fs::path path_;
};

enum class Call {
  open,
  create,
  write,
  read,
  size,
  resize,
  sync_data,
  sync_all,
  remove,
  sync_directory,
  rename,
  allocate,
  sync_disk
};

// The system's files, except for what a test wants otherwise. Thread-safe.
class FaultyFiles final : public FileSystem {
 public:
  // The error of a call, or none; `path` names the file.
  using Judge = std::function<error_code(Call call, const std::string& path)>;
  void fail_when(Judge judge) {
    std::lock_guard lock(mutex_);
    judge_ = std::move(judge);
  }
  void fail_no_more() { fail_when({}); }
  // No write takes more bytes than this in one call.
  std::atomic<std::size_t> most_per_write{std::size_t{1} << 40U};
  // After this many bytes, writes fail with ENOSPC.
  std::atomic<std::int64_t> space{std::int64_t{1} << 50U};
  // For tests that open stores by the hundred and pull no plug.
  std::atomic<bool> skip_syncs{false};
  // Successful calls, "call path-relative-to-root" in order.
  [[nodiscard]] int count(Call call) const { return counts_[static_cast<std::size_t>(call)]; }

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<bool> exists(const std::string& path) override { return posix_files().exists(path); }
  error_code remove(const std::string& path) override {
    error_code error = judge(Call::remove, path);
    return error ? error : posix_files().remove(path);
  }
  error_code remove_directory(const std::string& path) override {
    error_code error = judge(Call::remove, path);
    return error ? error : posix_files().remove_directory(path);
  }
  error_code rename(const std::string& from, const std::string& to) override {
    error_code error = judge(Call::rename, to);
    return error ? error : posix_files().rename(from, to);
  }
  // How full the disk is said to be; -1: as it is.
  std::atomic<int> used_percent{-1};
  Result<DiskUsage> disk_usage(const std::string& path) override {
    if (used_percent < 0) return posix_files().disk_usage(path);
    DiskUsage usage;
    usage.used = used_percent * 1000;
    usage.available = 100'000 - usage.used;
    return usage;
  }
  Result<std::int64_t> modified_millis(const std::string& path) override {
    return posix_files().modified_millis(path);
  }
  error_code make_directories(const std::string& path) override {
    return posix_files().make_directories(path);
  }
  error_code sync_directory(const std::string& path) override {
    error_code error = judge(Call::sync_directory, path);
    return error || skip_syncs ? error : posix_files().sync_directory(path);
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    return posix_files().list(path);
  }
  std::atomic<std::size_t> at_a_time{1};
  std::size_t syncs_at_a_time() const noexcept override { return at_a_time; }
  // Whether there is a sync of the whole disk.
  std::atomic<bool> has_disk_sync{false};
  std::shared_ptr<DiskSync> disk_sync(const std::string& directory) override;

  error_code judge(Call call, const std::string& path) {
    ++counts_[static_cast<std::size_t>(call)];
    Judge judge_now;
    {
      std::lock_guard lock(mutex_);
      judge_now = judge_;
    }
    return judge_now ? judge_now(call, path) : error_code();
  }

 private:
  std::mutex mutex_;
  Judge judge_;
  std::array<std::atomic<int>, 13> counts_{};
};

class FaultyFile final : public File {
 public:
  FaultyFile(FaultyFiles& files, std::string path, std::shared_ptr<File> file)
      : files_(files), path_(std::move(path)), file_(std::move(file)) {}

  Result<std::size_t> write_some(std::span<const iovec> pieces, std::int64_t at) override {
    if (error_code error = files_.judge(Call::write, path_)) return error;
    std::vector<iovec> part;
    std::size_t room = std::min(files_.most_per_write.load(),
                                static_cast<std::size_t>(std::max<std::int64_t>(files_.space, 0)));
    if (room == 0) return error_code(ENOSPC, boost::system::system_category());
    for (iovec piece : pieces) {
      piece.iov_len = std::min(piece.iov_len, room);
      room -= piece.iov_len;
      part.push_back(piece);
      if (room == 0) break;
    }
    Result<std::size_t> n = file_->write_some(part, at);
    if (n) files_.space -= static_cast<std::int64_t>(*n);
    return n;
  }
  Result<std::size_t> read_some(std::span<char> into, std::int64_t at) override {
    if (error_code error = files_.judge(Call::read, path_)) return error;
    return file_->read_some(into, at);
  }
  Result<std::int64_t> size() override { return file_->size(); }
  Result<std::shared_ptr<const char>> map(std::int64_t size) override { return file_->map(size); }
  error_code resize(std::int64_t size) override {
    error_code error = files_.judge(Call::resize, path_);
    return error ? error : file_->resize(size);
  }
  error_code allocate(std::int64_t size) override {
    error_code error = files_.judge(Call::allocate, path_);
    if (!error && files_.space < size) error = error_code(ENOSPC, boost::system::system_category());
    return error;  // takes no space from the machine that tests
  }
  error_code sync_data() override {
    error_code error = files_.judge(Call::sync_data, path_);
    return error || files_.skip_syncs ? error : file_->sync_data();
  }
  error_code sync_all() override {
    error_code error = files_.judge(Call::sync_all, path_);
    return error || files_.skip_syncs ? error : file_->sync_all();
  }
  Result<bool> try_lock() override { return file_->try_lock(); }

 private:
  FaultyFiles& files_;
  std::string path_;
  std::shared_ptr<File> file_;
};

class FaultyDiskSync final : public DiskSync {
 public:
  FaultyDiskSync(FaultyFiles& files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}
  error_code sync() override { return files_.judge(Call::sync_disk, directory_); }

 private:
  FaultyFiles& files_;
  std::string directory_;
};

inline std::shared_ptr<DiskSync> FaultyFiles::disk_sync(const std::string& directory) {
  if (!has_disk_sync) return nullptr;
  return std::make_shared<FaultyDiskSync>(*this, directory);
}

inline Result<std::shared_ptr<File>> FaultyFiles::open(const std::string& path, OpenMode mode) {
  if (error_code error = judge(mode == OpenMode::create ? Call::create : Call::open, path)) {
    return error;
  }
  Result<std::shared_ptr<File>> file = posix_files().open(path, mode);
  if (!file) return file;
  return std::shared_ptr<File>(std::make_shared<FaultyFile>(*this, path, std::move(*file)));
}

inline error_code system_error(int number) { return {number, boost::system::system_category()}; }

// Fails calls of one kind on files whose path contains `part`.
inline FaultyFiles::Judge fail_on(Call call, std::string part, int number) {
  return [call, part = std::move(part), number](Call now, const std::string& path) {
    return now == call && path.find(part) != std::string::npos ? system_error(number)
                                                               : error_code();
  };
}

inline StoreConfig small_config(const TempDirectory& directory) {
  StoreConfig config;
  config.root = directory.store();
  config.commit_log_file_size = 4096;
  config.consume_queue_file_size = 20 * 20;
  return config;
}

// A store in a directory of its own, with syncs that cost nothing. Not open yet.
class StoreOnDisk {
 public:
  StoreOnDisk() { files.skip_syncs = true; }
  // Once more, when it is open: as after a kill.
  void open() {
    core.reset();
    core = std::make_unique<StoreCore>(config, time, files);
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  // Not within this object: ThreadSanitizer takes mutexes at one address of the stack for one.
  std::unique_ptr<StoreCore> core;
};

inline RecordView record_of(std::string_view topic, std::int32_t queue_id, std::string_view body,
                            std::string_view properties = {}) {
  RecordView record;
  record.topic = topic;
  record.queue_id = queue_id;
  record.body = body;
  record.properties = properties;
  record.born_host = IpEndpoint::v4({127, 0, 0, 1}, 1);
  record.store_host = IpEndpoint::v4({127, 0, 0, 1}, 10911);
  record.born_timestamp = 1'600'000'000'000;
  return record;
}

inline AppendResult append_all(StoreCore& core, const std::vector<RecordView>& records) {
  Append append;
  store::SpanSource source(records);
  append.result.error = core.encode(source, append);
  if (append.result.error) return append.result;
  Append* pointer = &append;
  core.append(std::span<Append* const>(&pointer, 1));
  return append.result;
}

inline AppendResult append_one(StoreCore& core, const RecordView& record) {
  return append_all(core, {record});
}

// Appends that must go well.
inline AppendResult must_append(StoreCore& core, const RecordView& record) {
  AppendResult result = append_one(core, record);
  BOOST_TEST_REQUIRE(!result.error, result.error.message());
  return result;
}

inline std::vector<MessageExt> messages_of(const ReadResult& result) {
  return decode_records(result.records.to_string());
}

// Every message of a queue from `offset` on; fails when a read ends before the queue's end.
inline std::vector<std::string> bodies_of(const StoreCore& core, std::string_view topic,
                                          std::int32_t queue_id, std::int64_t offset = 0) {
  std::vector<std::string> bodies;
  while (offset < core.max_offset(topic, queue_id)) {
    ReadResult result = core.read(topic, queue_id, offset, ReadLimits(), {});
    BOOST_TEST_REQUIRE((result.status == ReadStatus::found));
    for (const MessageExt& message : messages_of(result)) {
      BOOST_TEST_REQUIRE(message.queue_offset == offset++);
      BOOST_TEST_REQUIRE(message.topic() == topic);
      bodies.push_back(message.body());
    }
  }
  return bodies;
}

// The queues' files then have what was appended.
inline void write_units(StoreCore& core) { BOOST_TEST_REQUIRE(!core.write_queue_units()); }

inline std::string read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_at(const fs::path& path, std::int64_t at, std::string_view bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(at);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  BOOST_TEST_REQUIRE(file.good());
}

inline void copy_store(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

inline fs::path log_file(const std::string& root, std::int64_t start) {
  return fs::path(root) / "commitlog" / offset_file_name(start);
}

inline fs::path queue_file(const std::string& root, std::string_view topic, int queue_id,
                           std::int64_t start) {
  return fs::path(root) / "consumequeue" / topic / std::to_string(queue_id) /
         offset_file_name(start);
}

}  // namespace comet::inline v0_1::store::test
