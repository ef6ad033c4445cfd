// No checksum covers the topic and the queue id of a record. One that is damaged there claims an
// offset of another queue: what the queues' units tell then.

#include <boost/test/unit_test.hpp>

#include "checkpoint.hpp"
#include "comet/base/timer.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

std::string shown_in(const StoreCore& core, int queue_id, std::int64_t queue_offset) {
  const ReadResult result = core.read("T", queue_id, queue_offset, ReadLimits(), {});
  if (result.count == 0) return "nothing";
  const MessageExt message = messages_of(result).front();
  return message.queue_offset == queue_offset ? message.body() : "nothing";
}

// Three messages in each of two queues of T, then one in queue 0 that says that it is in queue 1,
// then one in queue 1; killed before the checkpoint knows of them.
class Claims : public StoreOnDisk {
 public:
  Claims() {
    config.commit_log_file_size = 64 * 1024;
    config.flush = FlushMode::sync_flush;
    open();
    for (int i = 0; i < kBefore; ++i) {
      must_append(*core, record_of("T", 1, "before"));
      must_append(*core, record_of("T", 0, "before"));
    }
    damaged = must_append(*core, record_of("T", 0, "damaged")).physical_offset;
    BOOST_TEST_REQUIRE(must_append(*core, record_of("T", 1, "own message")).queue_offset ==
                       kBefore);
    BOOST_TEST_REQUIRE(!core->sync());
    log_end = core->readable_end();
  }

  // With another queue id.
  void kill(std::string_view queue_id = "\1") {
    core.reset();
    constexpr std::int64_t kQueueIdAt = 15;
    write_at(log_file(config.root, 0), damaged + kQueueIdAt, queue_id);
  }
  void lose_queue(int queue_id) {
    fs::remove_all(config.root + "/consumequeue/T/" + std::to_string(queue_id));
  }
  std::string shown_at(int queue_id, std::int64_t queue_offset) const {
    return shown_in(*core, queue_id, queue_offset);
  }
  void check_that_no_offset_is_given_again() {
    for (int queue_id : {0, 1}) {
      BOOST_TEST(must_append(*core, record_of("T", queue_id, "next")).queue_offset > kBefore);
    }
  }
  // At the first and at further starts.
  void check_that_the_damaged_one_gives_way() {
    for (int starts = 0; starts < 4; ++starts) {
      open();
      BOOST_TEST_CONTEXT("start " << starts) {
        BOOST_TEST(core->readable_end() == log_end);
        BOOST_TEST(shown_at(1, kBefore) == "own message");
        BOOST_TEST(shown_at(0, kBefore) == "nothing");
        BOOST_TEST(core->damage_stats().skipped_ranges == (starts == 0 ? 1 : 0));
      }
      if (starts == 1) core->close();
      core.reset();
    }
    open();
    check_that_no_offset_is_given_again();
  }

  static constexpr std::int64_t kBefore = 3;
  std::int64_t damaged = 0;  // in the log
  std::int64_t log_end = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(claims)

BOOST_FIXTURE_TEST_CASE(a_damaged_record_gives_way_to_the_message_that_the_unit_points_at, Claims) {
  write_units(*core);
  kill();
  lose_queue(0);
  check_that_the_damaged_one_gives_way();
}

BOOST_FIXTURE_TEST_CASE(a_damaged_record_at_which_another_queues_unit_points_gives_way, Claims) {
  write_units(*core);
  kill();
  lose_queue(1);
  check_that_the_damaged_one_gives_way();
}

// A power cut may take units and leave those behind them. The first record is lost as well: queues
// may begin with any message.
BOOST_FIXTURE_TEST_CASE(a_unit_behind_lost_ones_keeps_its_offset_from_being_given_again, Claims) {
  write_units(*core);
  kill("\5");
  constexpr std::int64_t kBodyAt = 88;
  write_at(log_file(config.root, 0), kBodyAt, "?");
  write_at(queue_file(config.root, "T", 0, 0), 20, std::string(40, '\0'));  // of offsets 1 and 2
  open();
  BOOST_TEST(must_append(*core, record_of("T", 0, "next")).queue_offset > kBefore);
}

// A power cut after the sync: the note of it is as old as the checkpoint.
BOOST_FIXTURE_TEST_CASE(what_two_records_claim_ends_no_log_when_another_queue_misses_it, Claims) {
  kill();
  fs::remove(config.root + "/synced");
  for (int starts = 0; starts < 3; ++starts) {
    open();
    BOOST_TEST(core->readable_end() == log_end);
    // Nothing tells whose it is.
    BOOST_TEST(shown_at(1, kBefore) == "damaged");
    core.reset();
  }
  open();
  check_that_no_offset_is_given_again();
}

// A power cut has mixed one with what had been refused at its place; the one behind it may be
// another queue's, or what is left of a write as well.
BOOST_FIXTURE_TEST_CASE(what_may_be_another_queues_saves_no_record_in_front_of_it, Claims) {
  for (int i = 0; i < 2; ++i) must_append(*core, record_of("U", 0, "of U"));
  const std::int64_t mixed = must_append(*core, record_of("T", 0, "mixed")).physical_offset;
  const std::string body = "says T";
  const AppendResult other = must_append(*core, record_of("U", 0, body));
  BOOST_TEST_REQUIRE(other.queue_offset == 2);
  core.reset();
  fs::remove(config.root + "/synced");
  constexpr std::int64_t kLastOfQueueOffset = 27;
  constexpr std::int64_t kBehindBody = 88;
  write_at(log_file(config.root, 0), mixed + kLastOfQueueOffset, "\1");
  write_at(log_file(config.root, 0), other.physical_offset + kBehindBody + std::ssize(body) + 1,
           "T");
  open();
  BOOST_TEST(core->readable_end() == mixed);
}

// The first message of a queue is lost. That the second has its offset by right its unit tells: no
// other queue has given that.
BOOST_FIXTURE_TEST_CASE(a_unit_tells_that_a_message_behind_a_lost_first_one_is_in_its_place,
                        StoreOnDisk) {
  open();
  const std::string body = "first";
  const std::int64_t first = must_append(*core, record_of("T", 0, body)).physical_offset;
  core->close();
  core.reset();
  constexpr std::int64_t kBehindBody = 88;
  write_at(log_file(config.root, 0), first + kBehindBody + std::ssize(body) + 1, "V");
  open();
  BOOST_TEST_REQUIRE(must_append(*core, record_of("T", 0, "second")).queue_offset == 1);
  must_append(*core, record_of("U", 0, "of U"));
  write_units(*core);
  core.reset();
  fs::remove(config.root + "/checkpoint");
  for (int starts = 0; starts < 3; ++starts) {
    open();
    BOOST_TEST(core->max_offset("T", 0) == 2);
    BOOST_TEST(core->max_offset("U", 0) == 1);
    core.reset();
  }
}

// Its unit is not the last one of its own queue.
BOOST_FIXTURE_TEST_CASE(a_damaged_record_that_the_checkpoint_vouches_for_takes_no_place,
                        StoreOnDisk) {
  config.commit_log_file_size = 64 * 1024;
  config.flush = FlushMode::sync_flush;
  open();
  for (int queue_id : {0, 1}) must_append(*core, record_of("T", queue_id, "before"));
  const AppendResult damaged = must_append(*core, record_of("T", 0, "damaged"));
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  must_append(*core, record_of("T", 0, "behind"));
  write_units(*core);
  const AppendResult own = must_append(*core, record_of("T", 1, "own message"));
  BOOST_TEST_REQUIRE(own.queue_offset == damaged.queue_offset);
  BOOST_TEST_REQUIRE(!core->sync());
  core.reset();
  constexpr std::int64_t kQueueIdAt = 15;
  write_at(log_file(config.root, 0), damaged.physical_offset + kQueueIdAt, "\1");
  for (int starts = 0; starts < 3; ++starts) {
    open();
    BOOST_TEST((bodies_of(*core, "T", 1) == std::vector<std::string>{"before", "own message"}));
    BOOST_TEST(core->max_offset("T", 0) == 3);
    core.reset();
  }
}

// A record that is damaged in one place may be so in another: its unit says more than it does.
BOOST_FIXTURE_TEST_CASE(a_unit_tells_the_queue_offset_of_a_record_that_is_damaged_twice,
                        StoreOnDisk) {
  open();
  const std::int64_t damaged = must_append(*core, record_of("T", 0, "damaged")).physical_offset;
  must_append(*core, record_of("U", 0, "of U"));
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  core.reset();
  constexpr std::int64_t kSizeAt = 0;
  constexpr std::int64_t kQueueOffsetAt = 20;
  write_at(log_file(config.root, 0), damaged + kSizeAt + 1, "\1");
  open();
  core.reset();
  write_at(log_file(config.root, 0), damaged + kQueueOffsetAt + 6, "\x80");
  const std::string path = config.root + "/checkpoint";
  Checkpoint distrusted = *read_checkpoint(posix_files(), path);
  distrusted.queues_timestamp = 0;
  BOOST_TEST_REQUIRE(!write_checkpoint(posix_files(), path, distrusted));
  for (int starts = 0; starts < 3; ++starts) {
    open();
    BOOST_TEST(core->max_offset("T", 0) == 1);
    core.reset();
  }
}

// Two records of a queue say other queue offsets than they had, the second one the first's. Their
// units told so, and were lost later: what lies between is neither of them.
BOOST_FIXTURE_TEST_CASE(what_units_told_of_queue_offsets_stands_when_the_queue_is_lost,
                        StoreOnDisk) {
  config.commit_log_file_size = 64 * 1024;
  config.flush = FlushMode::sync_flush;
  open();
  std::vector<std::int64_t> places;
  for (const char* body : {"0", "1", "2", "3", "4", "5"}) {
    places.push_back(must_append(*core, record_of("T", 0, body)).physical_offset);
  }
  write_units(*core);
  BOOST_TEST_REQUIRE(!core->sync());
  core.reset();
  constexpr std::int64_t kQueueOffsetAt = 20;
  write_at(log_file(config.root, 0), places[1] + kQueueOffsetAt + 7, "\x9");
  write_at(log_file(config.root, 0), places[3] + kQueueOffsetAt + 7, "\1");
  for (int starts = 0; starts < 4; ++starts) {
    if (starts == 2) fs::remove_all(config.root + "/consumequeue");
    open();
    BOOST_TEST_CONTEXT("start " << starts) {
      for (int offset : {0, 2, 4, 5}) {
        BOOST_TEST(shown_in(*core, 0, offset) == std::to_string(offset));
      }
      BOOST_TEST(core->max_offset("T", 0) == 6);
      BOOST_TEST(core->damage_stats().lost_records == (starts == 0 ? 2 : 0));
    }
    core.reset();
  }
}

BOOST_AUTO_TEST_SUITE_END()
