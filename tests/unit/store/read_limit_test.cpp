// Readers see what is confirmed; retention keeps what a replica still needs.

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>

#include "replica_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

class Watched : public StoreOnDisk {
 public:
  explicit Watched(FlushMode flush = FlushMode::async_flush) {
    config.flush = flush;
    open();
    core->on_visible([this](std::span<const VisibleUnit> units) {
      for (const VisibleUnit& unit : units) told.push_back(unit.queue_offset);
    });
  }
  // Returns where each ends.
  std::vector<std::int64_t> fill(int count) {
    std::vector<std::int64_t> ends;
    for (int i = 0; i < count; ++i) {
      must_append(*core, record_of("T", 0, std::to_string(i), "KEYS\1k" + std::to_string(i)));
      ends.push_back(core->appended_end());
    }
    return ends;
  }
  std::int64_t seen() const { return core->max_offset("T", 0); }

  std::vector<std::int64_t> told;
};

using Offsets = std::vector<std::int64_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(read_limit)

BOOST_AUTO_TEST_CASE(readers_see_nothing_behind_the_limit_until_it_moves) {
  Watched store;
  store.core->set_read_limit(0);
  const auto ends = store.fill(5);
  BOOST_TEST(store.seen() == 0);
  BOOST_TEST(store.core->readable_end() == 0);
  BOOST_TEST(store.core->read_record(0).empty());
  BOOST_TEST(found_by_key(*store.core, "T", "k0") == 0);
  store.core->set_read_limit(ends[1]);
  BOOST_TEST(store.seen() == 2);
  store.core->set_read_limit(ends[2] - 1);
  BOOST_TEST(store.seen() == 2);
  BOOST_TEST(store.core->readable_end() == ends[1]);
  store.core->set_read_limit(ends[3] + 5);
  BOOST_TEST(store.seen() == 4);
  BOOST_TEST(found_by_key(*store.core, "T", "k3") == 1);
  BOOST_TEST(found_by_key(*store.core, "T", "k4") == 0);
  store.core->set_read_limit(RawLog::kNoLimit);
  BOOST_TEST(store.seen() == 5);
  BOOST_TEST((store.told == Offsets{0, 1, 2, 3, 4}));
  store.fill(1);
  BOOST_TEST(store.seen() == 6);
}

BOOST_AUTO_TEST_CASE(a_limit_within_one_write_is_kept) {
  Watched store;
  store.core->set_read_limit(0);
  std::vector<std::string> bodies{"a", "b", "c"};
  append_all(*store.core, {record_of("T", 0, "a"), record_of("T", 0, "b"), record_of("T", 0, "c")});
  const std::int64_t end = store.core->appended_end();
  store.core->set_read_limit(end / 3 * 2);
  BOOST_TEST(store.seen() == 2);
  BOOST_TEST(bodies_of(*store.core, "T", 0).size() == 2U);
  store.core->set_read_limit(end);
  BOOST_TEST((bodies_of(*store.core, "T", 0) == bodies));
}

BOOST_AUTO_TEST_CASE(a_lower_limit_takes_out_of_sight_what_was_seen) {
  Watched store;
  const auto ends = store.fill(60);  // in two files of the log, and of the queue
  must_append(*store.core, record_of("U", 3, "other"));
  write_units(*store.core);
  store.fill(5);
  store.told.clear();
  store.core->set_read_limit(ends[30] + 1);
  BOOST_TEST(store.seen() == 31);
  BOOST_TEST(store.core->max_offset("U", 3) == 0);
  BOOST_TEST(store.core->readable_end() == ends[30]);
  BOOST_TEST(bodies_of(*store.core, "T", 0).size() == 31U);
  BOOST_TEST(
      (store.core->read("T", 0, 31, ReadLimits(), {}).status == ReadStatus::offset_overflow_one));
  store.fill(1);
  BOOST_TEST(store.seen() == 31);
  store.core->set_read_limit(ends[40]);
  BOOST_TEST(store.seen() == 41);
  store.core->set_read_limit(RawLog::kNoLimit);
  BOOST_TEST(store.seen() == 66);
  BOOST_TEST(store.core->max_offset("U", 3) == 1);
  BOOST_TEST(bodies_of(*store.core, "T", 0).size() == 66U);
  BOOST_TEST(store.core->readable_end() == store.core->appended_end());
  BOOST_TEST(std::ranges::count(store.told, 31) == 1);
  BOOST_TEST(std::ranges::count(store.told, 65) == 1);
  BOOST_TEST(std::ranges::is_sorted(store.told) == false);  // the other queue's 0 is among them
}

BOOST_AUTO_TEST_CASE(under_sync_flush_both_the_disk_and_the_limit_count) {
  Watched store(FlushMode::sync_flush);
  store.core->set_read_limit(0);
  const auto ends = store.fill(4);
  store.core->set_read_limit(ends[2]);
  BOOST_TEST(store.seen() == 0);
  BOOST_TEST(!store.core->sync());
  BOOST_TEST(store.seen() == 3);
  store.core->set_read_limit(RawLog::kNoLimit);
  BOOST_TEST(store.seen() == 4);
  store.fill(1);
  BOOST_TEST(store.seen() == 4);
  BOOST_TEST(!store.core->sync());
  BOOST_TEST(store.seen() == 5);
}

BOOST_AUTO_TEST_CASE(a_start_forgets_the_limit) {
  Watched store;
  store.core->set_read_limit(0);
  store.fill(3);
  store.open();
  BOOST_TEST(store.seen() == 3);
  store.core->set_read_limit(0);
  BOOST_TEST(store.seen() == 0);
  BOOST_TEST(store.core->readable_end() == 0);
}

BOOST_AUTO_TEST_CASE(reads_that_a_lower_limit_meets_skip_nothing) {
  Watched store;
  const auto ends = store.fill(40);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::jthread reader([&] {
    while (!done) {
      for (std::int64_t from : {10, 19, 20, 21, 30}) {
        const ReadResult result = store.core->read("T", 0, from, ReadLimits(), {});
        const bool is_whole = result.next_offset == from + result.count ||
                              result.status == ReadStatus::offset_overflow_badly;
        if (!is_whole) ++wrong;
      }
    }
  });
  for (int i = 0; i < 300; ++i) {
    store.core->set_read_limit(ends[19]);
    store.core->set_read_limit(RawLog::kNoLimit);
  }
  done = true;
  reader.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(store.core->damage_stats().read_faults == 0);
}

BOOST_AUTO_TEST_CASE(files_that_a_replica_needs_are_kept) {
  StoreOnDisk store;
  store.files.used_percent = 10;
  store.config.file_reserved_time = std::chrono::hours(0);
  store.open();
  for (int i = 0; i < 4; ++i) must_append(*store.core, record_of("T", 0, std::string(3000, 'x')));
  BOOST_TEST(!store.core->sync());
  const std::int64_t later = std::chrono::duration_cast<std::chrono::milliseconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count() +
                             3'600'000;
  const auto begin_after = [&](std::int64_t keep) {
    store.core->keep_from(keep);
    store.core->request_deletion();
    store.core->clean(later);
    return store.core->min_physical_offset();
  };
  BOOST_TEST(begin_after(0) == 0);
  BOOST_TEST(begin_after(4095) == 0);
  BOOST_TEST(begin_after(4096) == 4096);
  BOOST_TEST(begin_after(4097) == 4096);
  store.files.used_percent = 88;  // and no want of space takes them
  BOOST_TEST(begin_after(4097) == 4096);
  store.files.used_percent = 10;
  BOOST_TEST(begin_after(RawLog::kNoLimit) == 3 * 4096);
}

BOOST_AUTO_TEST_SUITE_END()
