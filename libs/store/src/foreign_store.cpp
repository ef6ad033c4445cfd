#include "foreign_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "checkpoint.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::store {
namespace {

struct RocksDirectory {
  std::string_view path;  // below the root
  std::string_view what;
};

// Where brokers up to 5.5.0 keep RocksDB. 5.5.0 makes an empty one in rocksdbstore at every start.
constexpr RocksDirectory kRocksDirectories[] = {
    {"consumequeue", "consume queues (storeType=defaultRocksDB)"},
    {"consumequeue_rocksdb", "consume queues (storeType=defaultRocksDB)"},
    {"config/topics", "topics (storeType=defaultRocksDB)"},
    {"config/subscriptionGroups", "consumer groups (storeType=defaultRocksDB)"},
    {"config/consumerOffsets", "consumer offsets (storeType=defaultRocksDB)"},
    {"config/metadata", "topics, groups and offsets (useSingleRocksDBForAllConfigs)"},
    {"config/rdb", "topics, groups and offsets (configManagerVersion=v2)"},
    {"kvStore", "messages that POP consumers have not acknowledged (popConsumerKVServiceInit)"},
    {"rocksdbstore",
     "timers, transactions or the index (timerRocksDBEnable, transRocksDBEnable, "
     "indexRocksDBEnable)"},
};

// Half messages with transWriteOriginTransHalfEnable=false. RocksDB has no log of its own there,
// and may have nothing in it after a kill.
constexpr std::string_view kRocksHalfTopic = "consumequeue/RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC";

constexpr std::string_view kDLedgerPrefix = "dledger-";

[[noreturn]] void refuse(const std::string& path, std::string_view holds, std::string_view way) {
  throw Error(make_error_code(StoreErrc::foreign_format),
              fmt::format("{} holds {}, which would be missing: {}", path, holds, way));
}

// Empty where there is no such directory.
std::vector<DirectoryEntry> entries_of(FileSystem& files, const std::string& path) {
  Result<std::vector<DirectoryEntry>> found = files.list(path);
  if (found) return std::move(*found);
  const error_code error = found.error();
  if (error == boost::system::errc::no_such_file_or_directory ||
      error == boost::system::errc::not_a_directory) {
    return {};
  }
  throw Error(make_error_code(StoreErrc::not_writable), "list " + path + ": " + error.message());
}

// An open log or a table: one that was only made has neither.
bool is_rocksdb_in_use(FileSystem& files, const std::string& path) {
  const Result<bool> has_current = files.exists(path + "/CURRENT");
  if (has_current && !*has_current) return false;  // most often; topics need not be listed
  const std::vector<DirectoryEntry> entries = entries_of(files, path);
  const auto is_current = [](const DirectoryEntry& entry) {
    return entry.name == "CURRENT" && !entry.is_directory;  // else a topic
  };
  if (std::ranges::none_of(entries, is_current)) return false;
  const auto holds_data = [](const DirectoryEntry& entry) {
    return entry.name.ends_with(".sst") || (entry.name.ends_with(".log") && entry.size > 0);
  };
  return std::ranges::any_of(entries, holds_data);
}

// Whether nobody else has been here since a start of ours.
bool was_ours_last(FileSystem& files, const std::string& root) {
  const Result<Checkpoint> checkpoint = read_checkpoint(files, root + "/checkpoint");
  return checkpoint && checkpoint->log_end >= 0;
}

}  // namespace

void refuse_foreign_store(FileSystem& files, const std::string& root) {
  for (const RocksDirectory& directory : kRocksDirectories) {
    const std::string path = fmt::format("{}/{}", root, directory.path);
    if (!is_rocksdb_in_use(files, path)) continue;
    refuse(path, fmt::format("RocketMQ's {} in RocksDB", directory.what),
           "go back to files with Apache's tools first, or give another storePathRootDir");
  }
  const std::string halves = fmt::format("{}/{}", root, kRocksHalfTopic);
  if (!entries_of(files, halves).empty() && !was_ours_last(files, root)) {
    refuse(halves, "the open transactions of a broker with transRocksDBEnable",
           "let them end at Apache's broker with transWriteOriginTransHalfEnable=true, then remove "
           "it and rocksdbstore");
  }
  for (const DirectoryEntry& entry : entries_of(files, root)) {
    const std::string path = root + "/" + entry.name;
    if (entry.name.starts_with(kDLedgerPrefix) && !entries_of(files, path + "/data").empty()) {
      refuse(path, "a log of DLedger's",
             "keep it on Apache's broker, or give another storePathRootDir");
    }
    if (entry.name == "consumequeue_ext" && !entries_of(files, path).empty()) {
      refuse(path, "the tags of consume queues (enableConsumeQueueExt)",
             "move it and consumequeue away, and the queues are built anew from the log");
    }
  }
}

}  // namespace comet::inline v0_1::store
