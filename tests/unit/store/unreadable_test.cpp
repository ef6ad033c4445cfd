// Files that are cut, removed or cannot be read while the store runs (D8): the read says so, and
// everything else goes on.

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "comet/base/timer.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

constexpr int kCount = 120;

// Queue T 0 with kCount messages in several files of log, queue and index.
class World {
 public:
  World() {
    files.skip_syncs = true;
    config.index_slots = 16;
    config.index_entries = 32;
    open();
    for (int i = 0; i < kCount; ++i) append(i);
    write_units(*core);
    while (core->build_index()) {
    }
    BOOST_TEST(!core->write_checkpoint([] {}));
  }
  void open() {
    core.reset();
    core.emplace(config, time, files);
  }
  void append(int number) {
    const std::string properties = "KEYS\1k" + std::to_string(number);
    must_append(*core, record_of("T", 0, std::to_string(number), properties));
  }
  std::vector<std::string> find(int number) const {
    const std::string key = "k" + std::to_string(number);
    KeyQuery query;
    query.topic = "T";
    query.key = key;
    std::vector<std::string> bodies;
    for (const MessageExt& message : decode_records(core->query(query).records.to_string())) {
      bodies.push_back(message.body());
    }
    return bodies;
  }
  bool finds(int number) const { return find(number) == std::vector{std::to_string(number)}; }
  ReadStatus status_at(std::int64_t offset) const {
    return core->read("T", 0, offset, ReadLimits(), {}).status;
  }
  // What can be read; how many reads failed. Nothing wrong is shown.
  std::vector<std::int64_t> readable(int& failed) const {
    std::vector<std::int64_t> offsets;
    for (std::int64_t at = 0; at < core->max_offset("T", 0);) {
      const ReadResult result = core->read("T", 0, at, ReadLimits(), {});
      for (const MessageExt& message : messages_of(result)) {
        BOOST_TEST_REQUIRE(message.body() == std::to_string(message.queue_offset));
        offsets.push_back(message.queue_offset);
      }
      const bool has_failed = result.status == ReadStatus::read_failed;
      failed += has_failed ? 1 : 0;
      // A consumer asks again; this one goes on.
      at = std::max(result.next_offset, at + (has_failed ? 1 : 0));
    }
    return offsets;
  }
  std::vector<fs::path> files_in(const char* part) const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(config.root) / part)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    return paths;
  }
  void must_go_on() {
    const auto next = static_cast<int>(core->max_offset("T", 0));
    append(next);
    BOOST_TEST(core->read_only_reason().empty());
    BOOST_TEST(!core->sync());
    const std::vector<MessageExt> newest = messages_of(core->read("T", 0, next, ReadLimits(), {}));
    BOOST_TEST_REQUIRE(newest.size() == 1U);
    BOOST_TEST(newest.at(0).body() == std::to_string(next));
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(unreadable)

BOOST_FIXTURE_TEST_CASE(a_log_file_that_is_cut_fails_its_reads_and_nothing_else, World) {
  BOOST_TEST_REQUIRE(files_in("commitlog").size() > 3U);
  for (std::uintmax_t size : {4000U, 2000U, 1U, 0U}) {
    fs::resize_file(files_in("commitlog").at(1), size);
    int failed = 0;
    const std::vector<std::int64_t> offsets = readable(failed);
    BOOST_TEST(offsets.size() >= static_cast<std::size_t>(kCount - 40));
    BOOST_TEST(offsets.front() == 0);
    BOOST_TEST(offsets.back() == core->max_offset("T", 0) - 1);
    if (size <= 2000) BOOST_TEST(failed > 0);
    must_go_on();
  }
  BOOST_TEST(core->damage_stats().read_faults > 0);
}

BOOST_FIXTURE_TEST_CASE(a_log_file_that_is_cut_while_it_is_written_takes_new_messages, World) {
  fs::resize_file(files_in("commitlog").back(), 10);
  int failed = 0;
  BOOST_TEST(readable(failed).size() < kCount);
  BOOST_TEST(failed > 0);
  for (int i = 0; i < 10; ++i) must_go_on();
  // What lies in the hole now is skipped, with a line.
  failed = 0;
  BOOST_TEST(readable(failed).size() > 10U);
}

BOOST_FIXTURE_TEST_CASE(a_log_file_that_is_removed_fails_its_reads_and_nothing_else, World) {
  core->close();
  open();  // files of which nothing had to be checked are not open yet
  BOOST_TEST_REQUIRE(files_in("commitlog").size() > 3U);
  fs::remove(files_in("commitlog").at(0));
  int failed = 0;
  const std::vector<std::int64_t> offsets = readable(failed);
  BOOST_TEST(failed > 0);
  BOOST_TEST(offsets.front() > 0);
  BOOST_TEST(offsets.back() == kCount - 1);
  must_go_on();
}

BOOST_FIXTURE_TEST_CASE(a_queue_file_that_is_cut_or_removed_fails_its_reads_and_nothing_else,
                        World) {
  const fs::path victim = files_in("consumequeue").at(1);  // offsets 20 to 39
  fs::resize_file(victim, 10 * 20);
  BOOST_TEST((status_at(25) == ReadStatus::read_failed));
  BOOST_TEST((status_at(30) == ReadStatus::read_failed));
  BOOST_TEST((status_at(40) == ReadStatus::found));
  must_go_on();
  fs::resize_file(victim, 0);
  BOOST_TEST((status_at(20) == ReadStatus::read_failed));
  must_go_on();
  open();  // it is built anew
  int failed = 0;
  BOOST_TEST(std::ssize(readable(failed)) == core->max_offset("T", 0));
  open();
  fs::remove(files_in("consumequeue").at(1));
  BOOST_TEST((status_at(60) == ReadStatus::found));
  must_go_on();
}

BOOST_FIXTURE_TEST_CASE(an_index_file_that_is_cut_is_built_anew_while_the_store_runs, World) {
  BOOST_TEST_REQUIRE(files_in("index").size() > 3U);
  for (std::size_t victim : {0U, 2U, 3U}) {
    for (std::uintmax_t size : {700U, 60U, 0U}) {
      fs::resize_file(files_in("index").at(victim), size);
      for (int i = 0; i < kCount; ++i)
        BOOST_TEST_REQUIRE(finds(i), victim << " " << size << " " << i);
      must_go_on();
    }
  }
  BOOST_TEST(core->damage_stats().read_faults == 9);
}

// The one behind it cannot be removed once more.
BOOST_FIXTURE_TEST_CASE(an_index_file_that_is_cut_in_front_of_one_that_is_gone_is_built_anew,
                        World) {
  fs::remove(files_in("index").at(2));
  fs::resize_file(files_in("index").at(1), 60);
  for (int i = 0; i < kCount; ++i) BOOST_TEST_REQUIRE(finds(i), i);
  must_go_on();
}

BOOST_FIXTURE_TEST_CASE(the_index_file_that_is_written_may_be_cut_or_removed, World) {
  for (std::uintmax_t size : {500U, 60U, 0U}) {
    fs::resize_file(files_in("index").back(), size);
    must_go_on();
    while (core->build_index()) {
    }
    BOOST_TEST(!core->write_checkpoint([] {}));
    for (int i = 0; i < kCount; ++i) BOOST_TEST_REQUIRE(finds(i), size << " " << i);
  }
  fs::remove(files_in("index").back());
  must_go_on();
  BOOST_TEST(!core->write_checkpoint([] {}));
  BOOST_TEST(finds(kCount - 1));
  open();
  for (int i = 0; i < kCount; ++i) BOOST_TEST_REQUIRE(finds(i));
}

BOOST_FIXTURE_TEST_CASE(a_disk_that_does_not_read_costs_what_is_asked_of_it_and_no_more, World) {
  files.fail_when(fail_on(Call::read, "/commitlog/", EIO));
  BOOST_TEST((status_at(10) == ReadStatus::read_failed));
  BOOST_TEST(find(5).empty());
  BOOST_TEST(core->read_record(0).empty());
  BOOST_TEST(core->store_time("T", 0, 3) == -1);
  append(kCount);
  BOOST_TEST(!core->sync());
  files.fail_when(fail_on(Call::read, "/consumequeue/", EIO));
  BOOST_TEST((status_at(10) == ReadStatus::read_failed));
  append(kCount + 1);
  files.fail_when(fail_on(Call::read, "/index/", EIO));
  append(kCount + 2);
  BOOST_TEST(finds(5) == finds(5));  // it is built anew, or is not there
  files.fail_no_more();
  int failed = 0;
  BOOST_TEST(readable(failed).size() == kCount + 3U);
  BOOST_TEST(failed == 0);
  BOOST_TEST(core->read_only_reason().empty());
  for (int i = 0; i < kCount + 3; ++i) BOOST_TEST_REQUIRE(finds(i), i);
}

BOOST_FIXTURE_TEST_CASE(several_threads_that_read_meet_cut_files_at_once, World) {
  const std::vector<fs::path> logs = files_in("commitlog");
  const std::vector<fs::path> queues = files_in("consumequeue");
  const std::vector<fs::path> indexes = files_in("index");
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::atomic<int> wrong{0};
  auto read_all = [&] {
    while (!stop || rounds < 8) {
      for (std::int64_t at = 0; at < kCount; ++at) {
        const ReadResult result = core->read("T", 0, at, ReadLimits(), {});
        for (const MessageExt& message : decode_records(result.records.to_string())) {
          if (message.body() != std::to_string(message.queue_offset)) ++wrong;
        }
      }
      for (int number = 0; number < kCount; number += 7) {
        const std::vector<std::string> found = find(number);
        if (!found.empty() && found != std::vector{std::to_string(number)}) ++wrong;
      }
      ++rounds;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(read_all);
  for (const auto* paths : {&queues, &indexes, &logs}) {
    for (std::size_t i = 0; i + 1 < paths->size(); ++i) {
      fs::resize_file(paths->at(i), i % 2 == 0 ? 100 : 0);
      if (i % 3 == 2) fs::remove(paths->at(i));
      must_go_on();
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(core->damage_stats().read_faults > 0);
  must_go_on();
}

BOOST_AUTO_TEST_SUITE_END()
