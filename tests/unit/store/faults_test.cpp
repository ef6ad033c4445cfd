// Disks that fail: nothing is acknowledged that is not safely down.

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <new>
#include <numeric>

#include "store_support.hpp"

#include "comet/base/timer.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

const error_code kDiskFull = make_error_code(StoreErrc::disk_full);
const error_code kReadOnly = make_error_code(StoreErrc::read_only);

class World {
 public:
  World() {
    files.skip_syncs = true;
    open();
  }
  void open() {
    core.reset();
    core.emplace(config, time, files);
  }
  void crash() { core.reset(); }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

class SyncWorld : public World {
 public:
  SyncWorld() {
    core.reset();
    config.flush = FlushMode::sync_flush;
    open();
  }
};

std::vector<std::string> numbers(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(std::to_string(i));
  return texts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(faults)

BOOST_FIXTURE_TEST_CASE(a_full_disk_refuses_and_writing_resumes_by_itself, World) {
  must_append(*core, record_of("T", 0, "0"));
  std::int64_t end = core->readable_end();
  files.space = 0;
  BOOST_TEST(append_one(*core, record_of("T", 0, "refused")).error == kDiskFull);
  BOOST_TEST(core->readable_end() == end);
  BOOST_TEST(core->max_offset("T", 0) == 1);
  BOOST_TEST(core->read_only_reason().empty());
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(1), boost::test_tools::per_element());
  files.space = 1 << 20;
  AppendResult next = must_append(*core, record_of("T", 0, "1"));
  BOOST_TEST(next.queue_offset == 1);
  BOOST_TEST(next.physical_offset == end);
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(2), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(records_of_a_write_that_failed_half_way_never_appear, World) {
  must_append(*core, record_of("T", 0, "0"));
  // Of three records of 93 bytes, two and a half find space.
  files.space = 93 * 2 + 50;
  std::vector<RecordView> batch(3, record_of("T", 0, "x"));
  BOOST_TEST(append_all(*core, batch).error == kDiskFull);
  BOOST_TEST(core->max_offset("T", 0) == 1);
  files.space = 1 << 20;
  // A record of the same size takes the place of the first; the second must not follow it.
  must_append(*core, record_of("T", 0, "1"));
  std::int64_t end = core->readable_end();
  crash();
  open();
  BOOST_TEST(core->readable_end() == end);
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(2), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(remains_that_cannot_be_wiped_keep_the_store_refusing, World) {
  files.space = 100;
  std::vector<RecordView> batch(2, record_of("T", 0, "x"));
  BOOST_TEST(append_all(*core, batch).error == kDiskFull);
  files.space = 50;  // not enough to wipe 100 bytes
  BOOST_TEST(append_one(*core, record_of("T", 0, "0")).error == kDiskFull);
  files.space = 1 << 20;
  must_append(*core, record_of("T", 0, "0"));
  std::int64_t end = core->readable_end();
  crash();
  open();
  BOOST_TEST(core->readable_end() == end);
}

BOOST_FIXTURE_TEST_CASE(short_writes_are_continued, World) {
  for (std::size_t most : {1U, 7U, 50U, 93U, 100U}) {
    files.most_per_write = most;
    std::vector<RecordView> batch(5, record_of("T", static_cast<int>(most), "x"));
    AppendResult result = append_all(*core, batch);
    BOOST_TEST(!result.error);
  }
  crash();
  open();
  for (int most : {1, 7, 50, 93, 100}) BOOST_TEST(bodies_of(*core, "T", most).size() == 5U);
}

BOOST_FIXTURE_TEST_CASE(an_io_error_makes_the_store_read_only_and_says_why, World) {
  must_append(*core, record_of("T", 0, "0"));
  files.fail_when(fail_on(Call::write, "commitlog", EIO));
  BOOST_TEST(append_one(*core, record_of("T", 0, "x")).error == kReadOnly);
  files.fail_no_more();
  BOOST_TEST(append_one(*core, record_of("T", 0, "x")).error == kReadOnly);
  BOOST_TEST(core->read_only_reason().find("commit log") != std::string::npos);
  BOOST_TEST(core->sync() == kReadOnly);
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(1), boost::test_tools::per_element());
  core->close();
  BOOST_TEST(fs::exists(config.root + "/abort"));  // the next start checks everything
  open();
  BOOST_TEST(core->recovery_report().unclean);
  BOOST_TEST(must_append(*core, record_of("T", 0, "1")).queue_offset == 1);
}

BOOST_FIXTURE_TEST_CASE(a_disk_that_takes_no_bytes_and_gives_no_reason_has_failed, World) {
  class Nothing final : public File {
   public:
    Result<std::size_t> write_some(std::span<const iovec>, std::int64_t) override {
      return std::size_t{0};
    }
    Result<std::size_t> read_some(std::span<char>, std::int64_t) override { return std::size_t{0}; }
    Result<std::int64_t> size() override { return std::int64_t{0}; }
    error_code resize(std::int64_t) override { return {}; }
    error_code allocate(std::int64_t) override { return {}; }
    error_code sync_data() override { return {}; }
    error_code sync_all() override { return {}; }
    Result<bool> try_lock() override { return true; }
  };
  Nothing file;
  BOOST_TEST(write_fully(file, "bytes", 0) == system_error(EIO));
}

BOOST_FIXTURE_TEST_CASE(a_failed_fdatasync_is_never_tried_again, World) {
  must_append(*core, record_of("T", 0, "0"));
  files.fail_when(fail_on(Call::sync_data, "commitlog", EIO));
  BOOST_TEST(core->sync() == kReadOnly);
  files.fail_no_more();
  int syncs = files.count(Call::sync_data);
  BOOST_TEST(core->sync() == kReadOnly);
  BOOST_TEST(core->write_checkpoint([] {}) == kReadOnly);
  core->close();
  BOOST_TEST(files.count(Call::sync_data) == syncs);
  BOOST_TEST(core->read_only_reason().find("fdatasync") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(an_orderly_stop_wipes_what_a_failed_write_left, World) {
  must_append(*core, record_of("T", 0, "0"));
  std::int64_t end = core->readable_end();
  files.space = 93 + 50;  // of two records, one finds space
  std::vector<RecordView> batch(2, record_of("T", 0, "x"));
  BOOST_TEST(append_all(*core, batch).error == kDiskFull);
  files.space = 1 << 20;
  core->close();
  open();
  BOOST_TEST(!core->recovery_report().unclean);
  BOOST_TEST(core->readable_end() == end);
}

// The page cache shows what the disk does not have, and the kernel takes it for clean.
BOOST_FIXTURE_TEST_CASE(after_a_failed_sync_the_next_start_writes_once_more, World) {
  must_append(*core, record_of("T", 0, "0"));
  files.fail_when(fail_on(Call::sync_data, "commitlog", EIO));
  BOOST_TEST(core->sync() == kReadOnly);
  files.fail_no_more();
  auto log_writes = [this] {
    int writes = 0;
    files.fail_when([&](Call call, const std::string& path) {
      if (call == Call::write && path.find("commitlog") != std::string::npos) ++writes;
      return error_code();
    });
    crash();
    open();
    files.fail_no_more();
    return writes;
  };
  BOOST_TEST(log_writes() == 1);
  BOOST_TEST(log_writes() == 0);  // not for a mere crash
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(1), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_store_that_could_write_nothing_at_all_is_not_stopped_in_order, World) {
  files.fail_when(fail_on(Call::write, "commitlog", EIO));
  BOOST_TEST(append_one(*core, record_of("T", 0, "x")).error == kReadOnly);
  files.fail_no_more();
  core->close();
  BOOST_TEST(fs::exists(config.root + "/abort"));
}

BOOST_FIXTURE_TEST_CASE(under_sync_flush_nothing_is_seen_before_it_is_on_disk, SyncWorld) {
  std::vector<std::int64_t> seen;
  core->on_visible([&](std::span<const VisibleUnit> units) {
    for (const VisibleUnit& unit : units) seen.push_back(unit.queue_offset);
  });
  AppendResult first = must_append(*core, record_of("T", 0, "0"));
  BOOST_TEST(core->max_offset("T", 0) == 0);
  BOOST_TEST(core->readable_end() == 0);
  BOOST_TEST(core->read_record(first.physical_offset).empty());
  BOOST_TEST(seen.empty());
  BOOST_TEST(!core->sync());
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(1), boost::test_tools::per_element());
  BOOST_TEST(seen.size() == 1U);
  must_append(*core, record_of("T", 0, "1"));
  files.fail_when(fail_on(Call::sync_data, "commitlog", EIO));
  BOOST_TEST(core->sync() == kReadOnly);
  BOOST_TEST(core->max_offset("T", 0) == 1);
  BOOST_TEST(seen.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_sync_covers_every_file_that_was_written, SyncWorld) {
  for (int i = 0; i < 100; ++i) must_append(*core, record_of("T", 0, std::string(200, 'x')));
  int before = files.count(Call::sync_data);
  BOOST_TEST(!core->sync());
  BOOST_TEST(files.count(Call::sync_data) - before == 8);  // 100 records of 292 bytes, 14 a file
  BOOST_TEST(core->max_offset("T", 0) == 100);
}

BOOST_FIXTURE_TEST_CASE(a_new_file_is_synced_with_its_directory_before_it_is_used, World) {
  std::vector<std::string> calls;
  files.fail_when([&](Call call, const std::string& path) {
    bool in_log = path.find("commitlog") != std::string::npos;
    if (in_log && call == Call::create) calls.push_back("create");
    if (in_log && call == Call::resize) calls.push_back("resize");
    if (in_log && call == Call::sync_all) calls.push_back("sync file");
    if (in_log && call == Call::sync_directory) calls.push_back("sync directory");
    if (in_log && call == Call::write) calls.push_back("write");
    return error_code();
  });
  must_append(*core, record_of("T", 0, std::string(3900, 'x')));
  must_append(*core, record_of("T", 0, std::string(3900, 'x')));
  std::vector<std::string> expected{"write",     "write",          "create", "resize",
                                    "sync file", "sync directory", "write"};
  BOOST_TEST(calls == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(no_space_for_the_next_file_is_a_full_disk, World) {
  must_append(*core, record_of("T", 0, std::string(3900, 'x')));
  files.fail_when(fail_on(Call::resize, "commitlog", ENOSPC));
  BOOST_TEST(append_one(*core, record_of("T", 0, std::string(200, 'x'))).error == kDiskFull);
  files.fail_no_more();
  AppendResult result = must_append(*core, record_of("T", 0, std::string(200, 'x')));
  BOOST_TEST(result.physical_offset == 4096);
  BOOST_TEST(result.queue_offset == 1);
}

BOOST_FIXTURE_TEST_CASE(too_many_open_files_pass_and_poison_nothing, World) {
  must_append(*core, record_of("T", 0, std::string(3900, 'x')));
  files.fail_when(fail_on(Call::create, "commitlog", EMFILE));
  BOOST_TEST(append_one(*core, record_of("T", 0, std::string(200, 'x'))).error ==
             system_error(EMFILE));
  files.fail_no_more();
  must_append(*core, record_of("T", 0, std::string(200, 'x')));
}

BOOST_FIXTURE_TEST_CASE(a_file_whose_directory_cannot_be_synced_is_not_used, World) {
  must_append(*core, record_of("T", 0, std::string(3900, 'x')));
  files.fail_when(fail_on(Call::sync_directory, "commitlog", EIO));
  BOOST_TEST(append_one(*core, record_of("T", 0, std::string(200, 'x'))).error == kReadOnly);
}

BOOST_FIXTURE_TEST_CASE(a_record_is_acknowledged_though_its_queue_found_no_space, World) {
  must_append(*core, record_of("T", 0, "0"));
  files.fail_when(fail_on(Call::write, "consumequeue", ENOSPC));
  BOOST_TEST(must_append(*core, record_of("T", 0, "1")).queue_offset == 1);
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(2), boost::test_tools::per_element());
  BOOST_TEST(core->write_queue_units() == kDiskFull);
  // Nothing more until there is space: units would pile up in memory.
  BOOST_TEST(append_one(*core, record_of("T", 0, "x")).error == kDiskFull);
  files.fail_no_more();
  BOOST_TEST(must_append(*core, record_of("T", 0, "2")).queue_offset == 2);
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(3), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(units_that_never_found_space_are_built_by_the_next_start, World) {
  must_append(*core, record_of("T", 0, "0"));
  files.fail_when(fail_on(Call::write, "consumequeue", ENOSPC));
  must_append(*core, record_of("T", 0, "1"));
  core->close();
  BOOST_TEST(fs::exists(config.root + "/abort"));
  files.fail_no_more();
  open();
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(2), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(an_io_error_of_a_queue_makes_the_store_read_only, World) {
  files.fail_when(fail_on(Call::write, "consumequeue", EIO));
  must_append(*core, record_of("T", 0, "0"));  // it is in the log
  BOOST_TEST(core->write_queue_units() == kReadOnly);
  BOOST_TEST(append_one(*core, record_of("T", 0, "x")).error == kReadOnly);
  files.fail_no_more();
  open();
  BOOST_TEST(bodies_of(*core, "T", 0) == numbers(1), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_queue_that_could_not_be_opened_is_synced_by_the_next_checkpoint, World) {
  // More queues than the store keeps files open.
  for (int i = 0; i < 300; ++i) must_append(*core, record_of("T", i, "x"));
  files.fail_when(fail_on(Call::open, "consumequeue", EMFILE));
  BOOST_TEST(core->write_checkpoint([] {}) == system_error(EMFILE));
  BOOST_TEST(!fs::exists(config.root + "/checkpoint"));
  int before = files.count(Call::sync_data);
  files.fail_no_more();
  BOOST_TEST(!core->write_checkpoint([] {}));
  BOOST_TEST(files.count(Call::sync_data) > before);
  BOOST_TEST(core->read_only_reason().empty());
  BOOST_TEST(fs::exists(config.root + "/checkpoint"));
}

// In any of the threads that sync many files at a time.
BOOST_FIXTURE_TEST_CASE(a_sync_that_finds_no_memory_fails_and_is_tried_again, World) {
  constexpr int kQueues = 100;
  files.at_a_time = 4;
  for (int i = 0; i < kQueues; ++i) must_append(*core, record_of("T", i, "x"));
  std::atomic<int> left = kQueues / 2;
  std::atomic<int> synced = 0;
  files.fail_when([&](Call call, const std::string& path) -> error_code {
    if (call != Call::sync_data || path.find("consumequeue") == std::string::npos) return {};
    if (left-- <= 0) throw std::bad_alloc();
    ++synced;
    return {};
  });
  BOOST_TEST(core->write_checkpoint([] {}) == system_error(ENOMEM));
  BOOST_TEST(core->read_only_reason().empty());
  BOOST_TEST(!fs::exists(config.root + "/checkpoint"));
  left = 2 * kQueues;
  BOOST_TEST(!core->write_checkpoint([] {}));
  BOOST_TEST(synced == kQueues);
  BOOST_TEST(fs::exists(config.root + "/checkpoint"));
}

BOOST_FIXTURE_TEST_CASE(a_queue_that_cannot_be_synced_is_never_vouched_for, World) {
  for (int number : {EIO, ENOSPC}) {
    open();
    must_append(*core, record_of("T", number, "x"));
    files.fail_when(fail_on(Call::sync_data, "consumequeue", number));
    BOOST_TEST(core->write_checkpoint([] {}) == kReadOnly);
    files.fail_no_more();
    BOOST_TEST(core->write_checkpoint([] {}) == kReadOnly);
    BOOST_TEST(!fs::exists(config.root + "/checkpoint"));
  }
}

// Every write, resize, sync, creation and mapping of a small life fails once, with each error: what
// was acknowledged is there afterwards, in order, and nothing else is.
BOOST_AUTO_TEST_CASE(whatever_call_fails_acknowledged_messages_stay) {
  for (int number : {EIO, ENOSPC}) {
    for (int victim = 0;; ++victim) {
      TempDirectory directory;
      StoreConfig config = small_config(directory);
      config.flush = FlushMode::sync_flush;
      VirtualTime time;
      FaultyFiles files;
      files.skip_syncs = true;
      std::vector<std::string> acknowledged;
      std::vector<std::string> refused;
      int calls = 0;
      bool failed = false;
      {
        // On the heap: TSan takes a mutex for the one that lay at its place on the stack before.
        const auto owner = std::make_unique<StoreCore>(config, time, files);
        StoreCore& core = *owner;
        files.fail_when([&](Call call, const std::string&) {
          if (call == Call::read || call == Call::open || calls++ != victim) return error_code();
          failed = true;
          return system_error(number);
        });
        for (int i = 0; i < 40; ++i) {
          std::string body = std::to_string(i) + std::string(300, '.');
          AppendResult result = append_one(core, record_of("T", 0, body));
          bool safe = !result.error && (i % 5 != 4 || !core.sync());
          (safe ? acknowledged : refused).push_back(body);
        }
        core.close();
      }
      files.fail_no_more();
      StoreCore core(config, time, files);
      std::vector<std::string> found = bodies_of(core, "T", 0);
      BOOST_TEST_CONTEXT("call " << victim << " errno " << number) {
        std::size_t at = 0;
        for (const std::string& body : found) {
          if (at < acknowledged.size() && body == acknowledged[at]) {
            ++at;
          } else {
            // Written and not synced: stored, and the caller was told that it may not be.
            BOOST_TEST_REQUIRE((std::ranges::find(refused, body) != refused.end()));
          }
        }
        BOOST_TEST_REQUIRE(at == acknowledged.size());
      }
      if (!failed) break;  // the life has no more calls
    }
  }
}

// Messages of so many new topics, and the end of the store. What is synced in it, in order: names
// of files, or of the disk.
class ManyNewTopics : public World {
 public:
  ManyNewTopics() { files.has_disk_sync = true; }
  std::vector<std::string> synced_at_end(int topics, int disk_error) {
    core.reset();
    open();
    for (int i = 0; i < topics; ++i) must_append(*core, record_of("T" + std::to_string(i), 0, "0"));
    std::vector<std::string> synced;
    files.fail_when([&](Call call, const std::string& path) {
      if (call == Call::sync_disk) synced.emplace_back("disk");
      if (call == Call::sync_data && path.find("consumequeue") != std::string::npos) {
        synced.emplace_back("queue");
      }
      if (call == Call::write && path.ends_with("/checkpoint")) synced.emplace_back("checkpoint");
      return call == Call::sync_disk && disk_error != 0 ? system_error(disk_error) : error_code();
    });
    core->close();
    files.fail_no_more();
    open();
    BOOST_TEST(!core->recovery_report().unclean);
    for (int i = 0; i < topics; ++i) BOOST_TEST(core->max_offset("T" + std::to_string(i), 0) == 1);
    return synced;
  }
};

BOOST_FIXTURE_TEST_CASE(a_stop_with_many_new_topics_syncs_the_disk_once, ManyNewTopics) {
  const std::vector<std::string> expected = {"disk", "checkpoint"};
  BOOST_TEST(synced_at_end(600, 0) == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_stop_with_few_new_topics_syncs_their_files, ManyNewTopics) {
  const std::vector<std::string> expected = {"queue", "queue", "queue", "checkpoint"};
  BOOST_TEST(synced_at_end(3, 0) == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_that_is_under_way_at_the_end_goes_on_with_the_disk,
                        ManyNewTopics) {
  for (const int disk_error : {0, EIO}) {
    for (int i = 0; i < 700; ++i) {
      must_append(*core, record_of("T" + std::to_string(i), disk_error == 0 ? 0 : 1, "0"));
    }
    int queues = 0;
    int disks = 0;
    files.fail_when([&](Call call, const std::string& path) {
      if (call == Call::sync_data && path.find("consumequeue") != std::string::npos) {
        if (++queues == 100) core->refuse_appends();  // another thread begins to close
      }
      if (call != Call::sync_disk) return error_code();
      ++disks;
      return disk_error == 0 ? error_code() : system_error(disk_error);
    });
    BOOST_TEST(!core->write_checkpoint([] {}));
    files.fail_no_more();
    BOOST_TEST(disks == 1);
    BOOST_TEST(queues == (disk_error == 0 ? 100 : 700));
    BOOST_TEST(core->read_only_reason().empty());
    core->close();
    open();
    BOOST_TEST(!core->recovery_report().unclean);
  }
}

// The error may be that of another program's file.
BOOST_FIXTURE_TEST_CASE(a_failed_sync_of_the_disk_is_followed_by_syncs_of_all_files,
                        ManyNewTopics) {
  const std::vector<std::string> synced = synced_at_end(600, EIO);
  BOOST_TEST(std::ranges::count(synced, "queue") == 600);
  BOOST_TEST(synced.front() == "disk");
  BOOST_TEST(synced.back() == "checkpoint");
}

BOOST_AUTO_TEST_SUITE_END()
