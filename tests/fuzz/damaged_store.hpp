#pragma once
// A small store in memory with one of its files replaced by the fuzzer's bytes: it starts, shows no
// wrong message, takes new ones, and starts again.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "../crash/world.hpp"
#include "comet/base/log.hpp"

namespace comet::inline v0_1::store::test {

inline void must(bool holds) {
  if (!holds) std::abort();
}

class DamagedStore {
 public:
  DamagedStore() : world_(1, FlushMode::async_flush) {
    log::set_level(log::Level::off);
    world_.config.commit_log_file_size = 4096;
    // A record may say an offset that makes a million units of padding.
    world_.config.consume_queue_file_size = 20 * 1000;
    world_.config.index_slots = 20;
    world_.config.index_entries = 50;
    world_.open();
    for (int i = 0; i < 8; ++i) world_.append_some(3, 100);
    while (world_.core->build_index()) {
    }
    world_.core->close();
    world_.drop();
  }

  [[nodiscard]] const World& world() const noexcept { return world_; }
  // The first file below the directory.
  [[nodiscard]] std::string first_file(std::string_view directory) const {
    for (const std::string& path : world_.files->paths()) {
      if (path.starts_with(std::string(World::kRoot) + "/" + std::string(directory))) return path;
    }
    return {};
  }

  // `size` -1: the file is as long as the bytes.
  void start_with(const std::string& path, std::string_view bytes, std::int64_t size, bool crashed,
                  bool check_bodies) {
    std::unique_ptr<PowerCutFiles> files = world_.files->clone();
    if (!files->exists(path).value()) (void)files->open(path, OpenMode::create);
    put(*files, path, bytes, size);
    const std::string abort = std::string(World::kRoot) + "/abort";
    if (crashed) (void)files->open(abort, OpenMode::create);
    for (int i = 0; i < 2; ++i) {
      StoreCore core(world_.config, world_.time, *files);
      if (check_bodies) (void)world_.ledger.count_right(core);
      read_all(core);
      append(core);
      if (i == 0 && !crashed) core.close();
    }
  }

 private:
  static void put(PowerCutFiles& files, const std::string& path, std::string_view bytes,
                  std::int64_t size) {
    Node& node = files.node(path);
    node.resize(0);
    if (size >= 0) bytes = bytes.substr(0, static_cast<std::size_t>(size));
    node.resize(size >= 0 ? size : static_cast<std::int64_t>(bytes.size()));
    if (!bytes.empty()) node.write(bytes, 0);
  }

  // Records that the fuzzer made up may be there; reading must end, in bounds.
  void read_all(const StoreCore& core) const {
    for (const char* topic : {"T", "other topic", "U"}) {
      for (std::int32_t queue = 0; queue < 3; ++queue) {
        const std::int64_t max = core.max_offset(topic, queue);
        std::int64_t next = core.min_offset(topic, queue);
        for (int reads = 0; next < max && reads < 100; ++reads) {
          ReadResult result = core.read(topic, queue, next, ReadLimits(), {});
          must(result.next_offset > next);
          (void)decode_records(result.records.to_string());
          next = result.next_offset;
        }
        (void)core.offset_by_time(topic, queue, 1'700'000'000'500, TimeBoundary::lower);
      }
    }
    for (std::int64_t at = 0; at < 200; ++at) (void)core.read_record(at);
    for (const Entry& entry : world_.ledger.entries()) {
      KeyQuery query;
      query.topic = entry.topic;
      query.key = entry.key;
      (void)core.query(query);
    }
  }

  static void append(StoreCore& core) {
    RecordView record;
    record.topic = "U";
    record.body = "new";
    Append append;
    Append* pointer = &append;
    SpanSource source({&record, 1});
    must(!core.encode(source, append));
    core.append({&pointer, 1});
    must(!append.result.error);
    must(!core.read_record(append.result.physical_offset).empty());
  }

  World world_;
};

inline DamagedStore& damaged_store() {
  static DamagedStore store;
  return store;
}

}  // namespace comet::inline v0_1::store::test
