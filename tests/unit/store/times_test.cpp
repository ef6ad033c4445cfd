// Offsets by time, times by offset, and the entries of a queue.

#include <boost/test/unit_test.hpp>
#include <limits>

#include "store_support.hpp"

#include "comet/base/timer.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

class World {
 public:
  World() {
    files.skip_syncs = true;
    open();
  }
  void open() { core.emplace(config, time, files); }
  // Stores one message at so many milliseconds after the start.
  void append_at(std::int64_t millis, std::int32_t queue_id = 0) {
    time.step_wall_clock(std::chrono::milliseconds(start + millis - time.wall_millis()));
    must_append(*core, record_of("T", queue_id, "x"));
  }
  std::int64_t find(std::int64_t millis, TimeBoundary boundary = TimeBoundary::lower) const {
    return core->offset_by_time("T", 0, start + millis, boundary);
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  std::int64_t start = time.wall_millis();
  FaultyFiles files;
  std::optional<StoreCore> core;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(times)

BOOST_FIXTURE_TEST_CASE(lower_and_upper_are_apaches_5_boundaries, World) {
  for (std::int64_t at : {0, 100, 100, 100, 200}) append_at(at);
  BOOST_TEST(find(100, TimeBoundary::lower) == 1);
  BOOST_TEST(find(100, TimeBoundary::upper) == 3);
  BOOST_TEST(find(101, TimeBoundary::lower) == 4);
  BOOST_TEST(find(101, TimeBoundary::upper) == 3);
  BOOST_TEST(find(-1, TimeBoundary::lower) == 0);
  BOOST_TEST(find(-1, TimeBoundary::upper) == 0);
  BOOST_TEST(find(201, TimeBoundary::lower) == 5);  // nothing yet: what comes next
  BOOST_TEST(find(201, TimeBoundary::upper) == 4);
  BOOST_TEST(core->offset_by_time("T", 0, std::numeric_limits<std::int64_t>::max(),
                                  TimeBoundary::upper) == 4);
}

BOOST_FIXTURE_TEST_CASE(every_message_is_found_by_its_time_over_many_files, World) {
  for (std::int64_t i = 0; i < 200; ++i) append_at(i * 10);
  BOOST_TEST(core->min_physical_offset() == 0);
  for (std::int64_t i = 0; i < 200; ++i) {
    for (TimeBoundary boundary : {TimeBoundary::lower, TimeBoundary::upper}) {
      BOOST_TEST_REQUIRE(find(i * 10, boundary) == i);
    }
    BOOST_TEST_REQUIRE(core->store_time("T", 0, i) == start + i * 10);
  }
}

BOOST_FIXTURE_TEST_CASE(unknown_and_empty_queues_have_no_times, World) {
  BOOST_TEST(find(0) == 0);
  BOOST_TEST(find(0, TimeBoundary::upper) == 0);
  BOOST_TEST(core->store_time("T", 0, 0) == -1);
  BOOST_TEST(core->earliest_store_time("T", 0) == -1);
  BOOST_TEST(core->earliest_store_time() == -1);
  BOOST_TEST(core->queue_entries("T", 0, 0, 10).empty());
}

BOOST_FIXTURE_TEST_CASE(the_earliest_times_are_those_of_the_first_messages_left, World) {
  append_at(0, 1);
  for (std::int64_t i = 1; i < 100; ++i) append_at(i * 10);
  BOOST_TEST(core->earliest_store_time() == start);
  BOOST_TEST(core->earliest_store_time("T", 1) == start);
  BOOST_TEST(core->earliest_store_time("T", 0) == start + 10);
  BOOST_TEST(core->store_time("T", 0, 99) == -1);
  core->close();
  core.reset();
  fs::remove(log_file(config.root, 0));
  open();
  std::int64_t first = core->min_offset("T", 0);
  BOOST_TEST(first > 0);
  BOOST_TEST(core->earliest_store_time("T", 0) == start + (first + 1) * 10);
  BOOST_TEST(core->earliest_store_time() == start + (first + 1) * 10);
  BOOST_TEST(core->store_time("T", 0, first - 1) == -1);
  BOOST_TEST(core->earliest_store_time("T", 1) == -1);
  BOOST_TEST(find(0) == first);
}

BOOST_FIXTURE_TEST_CASE(entries_say_where_the_records_lie, World) {
  for (int i = 0; i < 50; ++i) must_append(*core, record_of("T", 0, "x", "TAGS\1TagA"));
  std::vector<QueueEntry> entries = core->queue_entries("T", 0, 15, 30);
  BOOST_TEST_REQUIRE(entries.size() == 30U);  // over the ends of the queue's files
  for (std::size_t i = 0; i < entries.size(); ++i) {
    SharedBytes bytes = core->read_record(entries[i].physical_offset);
    BOOST_TEST_REQUIRE(bytes.size() == static_cast<std::size_t>(entries[i].size));
    Result<RecordView> record = parse_record(bytes.view(), CheckCrc::yes);
    BOOST_TEST_REQUIRE(record->queue_offset == static_cast<std::int64_t>(i) + 15);
    BOOST_TEST_REQUIRE(entries[i].tags_code == 2598919);
  }
  BOOST_TEST(core->queue_entries("T", 0, 45, 30).size() == 5U);
  BOOST_TEST(core->queue_entries("T", 0, 50, 30).empty());
  BOOST_TEST(core->queue_entries("T", 0, 5, -1).empty());
  BOOST_TEST(core->queue_entries("T", 0, -1, 30).empty());
}

BOOST_AUTO_TEST_SUITE_END()
