// Whatever a crash, a bad disk or an administrator left behind, the store starts, and what was
// whole is there.

#include <boost/test/unit_test.hpp>

#include "checkpoint.hpp"
#include "comet/base/bytes.hpp"
#include "comet/base/timer.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

// A store is left as by kill -9 when it is dropped without close(): all writes are in the files.
class World {
 public:
  World() { files.skip_syncs = true; }
  void open() {
    core.reset();
    core.emplace(config, time, files);
  }
  void crash() { core.reset(); }
  void stop() {
    core->close();
    core.reset();
  }
  const RecoveryReport& report() { return core->recovery_report(); }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

std::string body_of(int i) { return "message " + std::to_string(i); }
// Of one of the first ten.
std::int64_t core_record_size() { return record_of("T", 0, body_of(0)).encoded_size(); }

// Appends messages `from` to `to` to T 0, and as many to T 1.
void fill(StoreCore& core, int from, int to) {
  for (int i = from; i < to; ++i) {
    must_append(core, record_of("T", 0, body_of(i)));
    must_append(core, record_of("T", 1, body_of(i)));
  }
}

void check_bodies(const StoreCore& core, std::string_view topic, int queue_id, int count) {
  std::vector<std::string> bodies = bodies_of(core, topic, queue_id);
  BOOST_TEST_REQUIRE(bodies.size() == static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    BOOST_TEST_REQUIRE(bodies[static_cast<std::size_t>(i)] == body_of(i));
  }
}

void check_all(const StoreCore& core, int count) {
  check_bodies(core, "T", 0, count);
  check_bodies(core, "T", 1, count);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recovery)

BOOST_FIXTURE_TEST_CASE(everything_is_there_after_an_orderly_stop, World) {
  open();
  fill(*core, 0, 100);
  stop();
  open();
  BOOST_TEST(!report().unclean);
  BOOST_TEST(report().truncated == 0);
  BOOST_TEST(report().rebuilt_units == 0);
  check_all(*core, 100);
  BOOST_TEST(must_append(*core, record_of("T", 0, body_of(100))).queue_offset == 100);
}

BOOST_FIXTURE_TEST_CASE(everything_is_there_after_a_crash, World) {
  open();
  fill(*core, 0, 100);
  crash();
  open();
  BOOST_TEST(report().unclean);
  BOOST_TEST(report().truncated == 0);
  check_all(*core, 100);
  fill(*core, 100, 110);
  crash();
  open();
  check_all(*core, 110);
}

BOOST_FIXTURE_TEST_CASE(offsets_and_places_go_on_where_they_were, World) {
  open();
  fill(*core, 0, 30);
  std::int64_t end = core->readable_end();
  crash();
  open();
  BOOST_TEST(core->readable_end() == end);
  AppendResult next = must_append(*core, record_of("T", 1, "next"));
  BOOST_TEST(next.queue_offset == 30);
  BOOST_TEST(next.physical_offset >= end);
  BOOST_TEST(next.physical_offset < end + 200);
}

BOOST_FIXTURE_TEST_CASE(an_empty_store_may_crash_too, World) {
  open();
  crash();
  open();
  fill(*core, 0, 1);
  stop();
  open();
  check_all(*core, 1);
}

// The promise of a prefix: whatever is lost is at the end.
BOOST_FIXTURE_TEST_CASE(a_log_cut_at_any_byte_keeps_every_record_before, World) {
  open();
  fill(*core, 0, 15);
  // Where the records end but for their last two bytes: these are zeros (no properties), and a cut
  // file gets them back when it is extended.
  constexpr std::int64_t kZeros = 2;
  std::vector<std::int64_t> ends;
  for (std::int64_t at = 0; at < core->readable_end();) {
    SharedBytes record = core->read_record(at);
    BOOST_TEST_REQUIRE(!record.empty());
    ends.push_back(at += static_cast<std::int64_t>(record.size()));
  }
  crash();
  std::int64_t end = ends.back();
  BOOST_TEST_REQUIRE(end < 4096);  // one file
  fs::path original = directory.path() / "original";
  copy_store(config.root, original);
  for (std::int64_t cut = end; cut >= ends[ends.size() - 4]; --cut) {
    for (bool zeroed : {false, true}) {
      copy_store(original, config.root);
      fs::path file = log_file(config.root, 0);
      fs::resize_file(file, static_cast<std::uintmax_t>(cut));
      if (zeroed) fs::resize_file(file, 4096);
      open();
      auto whole =
          static_cast<int>(std::ranges::count_if(ends, [&](auto e) { return e - kZeros <= cut; }));
      check_bodies(*core, "T", 0, (whole + 1) / 2);
      check_bodies(*core, "T", 1, whole / 2);
      BOOST_TEST_REQUIRE(core->readable_end() == ends[static_cast<std::size_t>(whole - 1)]);
      must_append(*core, record_of("T", 0, body_of((whole + 1) / 2)));
      stop();
      open();
      check_bodies(*core, "T", 0, (whole + 1) / 2 + 1);
      check_bodies(*core, "T", 1, whole / 2);
      crash();
    }
  }
}

BOOST_FIXTURE_TEST_CASE(garbage_behind_the_log_is_cut, World) {
  open();
  fill(*core, 0, 10);
  std::int64_t end = core->readable_end();
  crash();
  std::string garbage(500, '\xEE');
  write_at(log_file(config.root, 0), end, garbage);
  open();
  BOOST_TEST(report().truncated == 500);
  BOOST_TEST(core->readable_end() == end);
  check_all(*core, 10);
  stop();
  BOOST_TEST(read_whole(log_file(config.root, 0)).find('\xEE') == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_changed_byte_cuts_the_log_in_front_of_its_record, World) {
  open();
  fill(*core, 0, 10);
  std::int64_t end = core->readable_end();
  AppendResult last = must_append(*core, record_of("T", 0, "the last one"));
  std::int64_t behind = core->readable_end();
  crash();
  fs::path original = directory.path() / "original";
  copy_store(config.root, original);
  // The fields that are checked: sizes, magic, checksum, place, body, lengths.
  for (std::int64_t at : {0, 3, 4, 7, 8, 11, 28, 35, 84, 87, 88, 99, 100, 102, 103}) {
    copy_store(original, config.root);
    std::string byte = read_whole(log_file(config.root, 0))
                           .substr(static_cast<std::size_t>(last.physical_offset + at), 1);
    byte[0] = static_cast<char>(byte[0] ^ 0x10);
    write_at(log_file(config.root, 0), last.physical_offset + at, byte);
    open();
    BOOST_TEST_CONTEXT("byte " << at) {
      BOOST_TEST_REQUIRE(core->readable_end() == end);
      BOOST_TEST_REQUIRE(report().truncated > 0);
      BOOST_TEST_REQUIRE(report().truncated <= behind - end);
      check_all(*core, 10);
      BOOST_TEST_REQUIRE(must_append(*core, record_of("T", 0, "x")).queue_offset == 10);
    }
    crash();
  }
}

BOOST_FIXTURE_TEST_CASE(a_hole_costs_the_record_that_was_in_it, World) {
  open();
  fill(*core, 0, 5);
  std::int64_t hole = core->readable_end();
  must_append(*core, record_of("T", 0, "falls into the hole"));
  std::int64_t behind = core->readable_end();
  must_append(*core, record_of("T", 0, "behind the hole"));
  std::int64_t end = core->readable_end();
  crash();
  write_at(log_file(config.root, 0), hole,
           std::string(static_cast<std::size_t>(behind - hole), '\0'));
  for (int starts = 0; starts < 2; ++starts) {
    open();
    BOOST_TEST(core->readable_end() == end);
    BOOST_TEST(core->max_offset("T", 0) == 7);
    BOOST_TEST(messages_of(core->read("T", 0, 5, ReadLimits(), {})).at(0).body() ==
               "behind the hole");
    starts == 0 ? crash() : stop();
  }
}

BOOST_FIXTURE_TEST_CASE(files_behind_the_end_are_removed_but_for_copies, World) {
  open();
  fill(*core, 0, 100);
  std::int64_t end = core->readable_end();
  BOOST_TEST_REQUIRE(end > 4 * 4096);
  crash();
  fs::remove(config.root + "/synced");
  // No record is whole in the third file and behind it.
  for (std::int64_t at = 2 * 4096; at < end; at += 8) {
    write_at(log_file(config.root, at - at % 4096), at % 4096, "damaged!");
  }
  open();
  BOOST_TEST(core->readable_end() == 2 * 4096);
  BOOST_TEST(fs::exists(log_file(config.root, 2 * 4096)));
  BOOST_TEST(!fs::exists(log_file(config.root, 3 * 4096)));
  BOOST_TEST(fs::exists(config.root + "/damaged/" + offset_file_name(3 * 4096) + ".damaged"));
  std::size_t kept = bodies_of(*core, "T", 0).size();
  BOOST_TEST(kept > 30U);
  BOOST_TEST(kept < 50U);
  check_bodies(*core, "T", 0, static_cast<int>(kept));
}

BOOST_FIXTURE_TEST_CASE(an_empty_or_short_last_file_is_made_whole, World) {
  open();
  fill(*core, 0, 100);
  std::int64_t end = core->readable_end();
  std::int64_t next = end - end % 4096 + 4096;
  stop();
  for (std::uintmax_t size : {0U, 1U, 4095U}) {
    {
      std::ofstream made(log_file(config.root, next));
    }
    fs::resize_file(log_file(config.root, next), size);
    open();
    BOOST_TEST(core->readable_end() == end);
    check_all(*core, 100);
    stop();
  }
}

BOOST_FIXTURE_TEST_CASE(files_of_another_size_are_refused_by_name, World) {
  open();
  fill(*core, 0, 100);
  stop();
  config.commit_log_file_size = 8192;
  auto names_file_and_size = [&](const Error& error) {
    return error.code() == make_error_code(StoreErrc::wrong_file_size) &&
           error.context().find(log_file(config.root, 0).string()) != std::string::npos &&
           error.context().find("mappedFileSizeCommitLog=8192") != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(open(), Error, names_file_and_size);
  config.commit_log_file_size = 2048;
  BOOST_CHECK_THROW(open(), Error);
  config.commit_log_file_size = 4096;
  open();
  check_all(*core, 100);
}

BOOST_FIXTURE_TEST_CASE(a_directory_is_open_only_once, World) {
  open();
  std::optional<StoreCore> second;
  auto names_directory = [&](const Error& error) {
    return error.code() == make_error_code(StoreErrc::locked) &&
           error.context().find(config.root) != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(second.emplace(config, time, files), Error, names_directory);
  fill(*core, 0, 3);
  stop();
  second.emplace(config, time, files);
  check_all(*second, 3);
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_cannot_be_made_is_named, World) {
  {
    std::ofstream file(directory.path() / "file");
  }
  config.root = (directory.path() / "file" / "store").string();
  auto names_directory = [&](const Error& error) {
    return error.code() == make_error_code(StoreErrc::not_writable) &&
           error.context().find(config.root) != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(open(), Error, names_directory);
}

BOOST_FIXTURE_TEST_CASE(new_directories_are_made_to_last, World) {
  config.root = (directory.path() / "deep" / "er" / "store").string();
  std::vector<std::string> synced;
  files.fail_when([&](Call call, const std::string& path) {
    if (call == Call::sync_directory) synced.push_back(path);
    return error_code();
  });
  open();
  for (const char* below :
       {"", "/deep", "/deep/er", "/deep/er/store", "/deep/er/store/commitlog"}) {
    std::string path = directory.path().string() + below;
    BOOST_TEST((std::ranges::find(synced, path) != synced.end()), path);
  }
}

BOOST_FIXTURE_TEST_CASE(foreign_files_in_the_log_directory_are_left_alone, World) {
  open();
  fill(*core, 0, 3);
  stop();
  {
    std::ofstream file(config.root + "/commitlog/readme.txt");
  }
  open();
  check_all(*core, 3);
  BOOST_TEST(fs::exists(config.root + "/commitlog/readme.txt"));
}

BOOST_FIXTURE_TEST_CASE(a_log_file_that_is_missing_between_others_is_named_and_refused, World) {
  open();
  fill(*core, 0, 100);
  stop();
  fs::remove(log_file(config.root, 4096));
  auto names_it = [&](const Error& error) {
    return error.code() == make_error_code(StoreErrc::too_much_lost) &&
           error.context().find(log_file(config.root, 4096).string()) != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(open(), Error, names_it);
  BOOST_CHECK_EXCEPTION(open(), Error, names_it);
  config.max_records_lost_at_start = -1;
  open();
  BOOST_TEST(core->min_physical_offset() == 0);
  BOOST_TEST(core->max_offset("T", 0) == 100);
  BOOST_TEST(messages_of(core->read("T", 0, 0, ReadLimits(), {})).at(0).body() == body_of(0));
}

// Consume queues. --------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(lost_queues_are_built_from_the_log, World) {
  for (bool crashed : {false, true}) {
    open();
    if (core->max_offset("T", 0) == 0) fill(*core, 0, 100);
    crashed ? crash() : stop();
    fs::remove_all(config.root + "/consumequeue");
    open();
    check_all(*core, 100);
    BOOST_TEST(report().rebuilt_units == 200);
    stop();
  }
}

BOOST_FIXTURE_TEST_CASE(one_lost_queue_is_missed_and_built_from_the_log, World) {
  open();
  fill(*core, 0, 10);
  for (int i = 10; i < 200; ++i) must_append(*core, record_of("T", 0, body_of(i)));
  stop();
  fs::remove_all(config.root + "/consumequeue/T/1");
  open();
  check_bodies(*core, "T", 0, 200);
  check_bodies(*core, "T", 1, 10);
}

BOOST_FIXTURE_TEST_CASE(a_queue_that_is_behind_is_brought_up, World) {
  for (bool crashed : {false, true}) {
    for (std::int64_t unit = 0; unit < 20; ++unit) {
      open();
      if (core->max_offset("T", 0) == 0) fill(*core, 0, 30);
      crashed ? crash() : stop();
      fs::remove(queue_file(config.root, "T", 0, 400));
      fs::path file = queue_file(config.root, "T", 0, 0);
      fs::resize_file(file, static_cast<std::uintmax_t>(unit * 20 + 13));  // within a unit
      open();
      check_all(*core, 30);
      stop();
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_queue_that_is_ahead_of_the_log_is_cut, World) {
  for (bool crashed : {false, true}) {
    open();
    if (core->max_offset("T", 0) == 0) fill(*core, 0, 30);
    std::int64_t end = core->readable_end();
    crashed ? crash() : stop();
    std::string units(10 * QueueUnit::kSize, '\0');
    for (int i = 0; i < 10; ++i) {
      QueueUnit unit;
      unit.physical_offset = end + i * 100;
      unit.size = 100;
      unit.encode_to(units.data() + i * QueueUnit::kSize);
    }
    write_at(queue_file(config.root, "T", 0, 400), 200, units);
    open();
    check_all(*core, 30);
    BOOST_TEST(core->max_offset("T", 0) == 30);
    std::string file = read_whole(queue_file(config.root, "T", 0, 400)).substr(200);
    BOOST_TEST(file.find_first_not_of('\0') == std::string::npos);
    stop();
  }
}

BOOST_FIXTURE_TEST_CASE(damaged_units_at_the_end_are_written_anew, World) {
  for (bool crashed : {false, true}) {
    // Fields of the last unit: a wrong place, a wrong size.
    for (std::int64_t field : {6, 7, 10, 11}) {
      open();
      if (core->max_offset("T", 0) == 0) fill(*core, 0, 30);
      crashed ? crash() : stop();
      write_at(queue_file(config.root, "T", 0, 400), 9 * 20 + field, "\x55");
      open();
      BOOST_TEST_CONTEXT("field " << field << " crashed " << crashed) { check_all(*core, 30); }
      stop();
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_queue_file_of_another_size_is_built_anew, World) {
  open();
  fill(*core, 0, 100);
  stop();
  config.consume_queue_file_size = 30 * 20;
  open();
  check_all(*core, 100);
  stop();
  BOOST_TEST(fs::file_size(queue_file(config.root, "T", 0, 1800)) == 600U);
  open();
  check_all(*core, 100);
}

BOOST_FIXTURE_TEST_CASE(after_a_crash_units_of_a_cut_record_are_gone_for_good, World) {
  open();
  fill(*core, 0, 10);
  std::int64_t end = core->readable_end();
  must_append(*core, record_of("T", 0, "torn"));
  crash();
  write_at(log_file(config.root, 0), end, "????");
  open();
  BOOST_TEST(core->max_offset("T", 0) == 10);
  must_append(*core, record_of("T", 1, body_of(10)));
  crash();
  open();
  BOOST_TEST(core->max_offset("T", 0) == 10);
  check_bodies(*core, "T", 0, 10);
  check_bodies(*core, "T", 1, 11);
}

BOOST_FIXTURE_TEST_CASE(a_queue_whose_first_messages_are_gone_begins_in_the_right_file, World) {
  open();
  must_append(*core, record_of("U", 0, std::string(500, 'x')));
  fill(*core, 0, 100);
  stop();
  fs::remove_all(config.root + "/consumequeue");
  fs::remove(log_file(config.root, 0));
  fs::remove(log_file(config.root, 4096));
  open();
  std::int64_t min = core->min_offset("T", 0);
  BOOST_TEST(min > 20);
  BOOST_TEST_REQUIRE(min % 20 != 0);
  BOOST_TEST(core->max_offset("T", 0) == 100);
  std::vector<std::string> bodies = bodies_of(*core, "T", 0, min);
  BOOST_TEST(bodies.front() == body_of(static_cast<int>(min)));
  BOOST_TEST(!fs::exists(queue_file(config.root, "T", 0, 0)));
  std::string units = read_whole(queue_file(config.root, "T", 0, min / 20 * 400));
  QueueUnit filler = QueueUnit::decode(units.data());
  BOOST_TEST(filler.physical_offset == 0);
  BOOST_TEST(filler.size == QueueUnit::kFillerSize);
  stop();
  open();
  BOOST_TEST(core->min_offset("T", 0) == min);
  BOOST_TEST(must_append(*core, record_of("T", 0, body_of(100))).queue_offset == 100);
}

// The queue offset of a record is covered by no checksum.
BOOST_FIXTURE_TEST_CASE(a_damaged_offset_of_the_first_message_costs_that_message_only, World) {
  open();
  fill(*core, 0, 10);
  stop();
  write_at(log_file(config.root, 0), 21, "\x40");
  fs::remove_all(config.root + "/consumequeue/T/0");  // of which that is the first message
  open();
  BOOST_TEST(core->max_offset("T", 0) == 10);
  BOOST_TEST(core->read("T", 0, 1, ReadLimits(), {}).count == 9);
  check_bodies(*core, "T", 1, 10);
}

BOOST_FIXTURE_TEST_CASE(a_queue_of_high_offsets_is_built_from_what_the_log_has, World) {
  open();
  for (int i = 0; i < 2; ++i) must_append(*core, record_of("T", 0, body_of(i)));
  must_append(*core, record_of("T", 1, body_of(0)));
  stop();
  // As after 16,777,216 messages that have expired.
  for (std::int64_t record : {0, 1, 2}) {
    write_at(log_file(config.root, 0), record * core_record_size() + 24, "\1");
  }
  fs::remove_all(config.root + "/consumequeue");
  open();
  BOOST_TEST(core->max_offset("T", 0) == (1 << 24) + 2);
  BOOST_TEST(core->read("T", 0, 1 << 24, ReadLimits(), {}).count == 2);
  BOOST_TEST(core->max_offset("T", 1) == (1 << 24) + 1);  // nothing disagrees
}

BOOST_FIXTURE_TEST_CASE(a_log_that_is_not_there_while_its_queues_are_refuses_the_start, World) {
  open();
  fill(*core, 0, 100);
  stop();
  auto names_it = [&](const Error& error) {
    return error.code() == make_error_code(StoreErrc::log_missing) &&
           error.context().find(config.root + "/commitlog") != std::string::npos;
  };
  fs::rename(config.root + "/commitlog", config.root + "/elsewhere");
  BOOST_CHECK_EXCEPTION(open(), Error, names_it);
  BOOST_TEST(!fs::exists(config.root + "/commitlog"));
  fs::create_directory(config.root + "/commitlog");  // where a disk is mounted
  BOOST_CHECK_EXCEPTION(open(), Error, names_it);
  config.commit_log_path = config.root + "/elsewhere/";
  open();
  check_all(*core, 100);
}

BOOST_FIXTURE_TEST_CASE(a_log_directory_that_is_missing_while_topics_are_there_refuses, World) {
  fs::create_directories(config.root + "/config");
  std::ofstream(config.root + "/config/topics.json") << "{}";
  BOOST_CHECK_THROW(open(), Error);
  fs::create_directory(config.root + "/commitlog");
  open();
  fill(*core, 0, 5);
  check_all(*core, 5);
}

BOOST_FIXTURE_TEST_CASE(queues_and_index_lie_where_the_configuration_says, World) {
  config.consume_queue_path = (directory.path() / "queues").string();
  config.index_path = (directory.path() / "keys").string();
  open();
  must_append(*core, record_of("T", 0, "x", "KEYS\1k"));
  stop();
  BOOST_TEST(fs::exists(directory.path() / "queues" / "T" / "0"));
  BOOST_TEST(!fs::is_empty(directory.path() / "keys"));
  BOOST_TEST(!fs::exists(config.root + "/consumequeue"));
}

// The checkpoint. --------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_checkpoint_bounds_what_is_read_after_a_crash, World) {
  open();
  for (int i = 0; i < 10; ++i) {
    fill(*core, i * 20, i * 20 + 20);
    time.step_wall_clock(std::chrono::seconds(10));
  }
  BOOST_TEST(!core->write_checkpoint([] {}));
  std::int64_t end = core->readable_end();
  fill(*core, 200, 205);
  crash();
  open();
  BOOST_TEST(report().unclean);
  BOOST_TEST(report().checked_from >= end - 2 * 4096);
  BOOST_TEST(report().rebuilt_units < 100);
  check_all(*core, 205);
}

BOOST_FIXTURE_TEST_CASE(without_a_checkpoint_everything_is_read_after_a_crash, World) {
  open();
  fill(*core, 0, 100);
  stop();
  for (const char* damage : {"missing", "short", "zero"}) {
    open();
    BOOST_TEST(!core->write_checkpoint([] {}));
    crash();
    fs::path checkpoint = config.root + "/checkpoint";
    fs::remove(checkpoint);
    if (damage == std::string_view("short")) std::ofstream(checkpoint) << "short";
    if (damage == std::string_view("zero")) std::ofstream(checkpoint) << std::string(4096, '\0');
    open();
    BOOST_TEST(report().checked_from == 0);
    check_all(*core, 100);
    stop();
  }
}

BOOST_FIXTURE_TEST_CASE(the_checkpoint_is_written_after_what_it_vouches_for, World) {
  open();
  fill(*core, 0, 10);
  std::vector<std::string> synced;
  files.fail_when([&](Call call, const std::string& path) {
    if (call == Call::sync_data) synced.push_back(path);
    if (call == Call::write && path.ends_with("/checkpoint")) synced.push_back("checkpoint");
    return error_code();
  });
  BOOST_TEST(!core->write_checkpoint([] {}));
  BOOST_TEST_REQUIRE(synced.size() == 5U);
  BOOST_TEST(synced[0].find("/commitlog/") != std::string::npos);
  BOOST_TEST(synced[1].find("/consumequeue/T/") != std::string::npos);
  BOOST_TEST(synced[2].find("/consumequeue/T/") != std::string::npos);
  BOOST_TEST(synced[3] == "checkpoint");
  BOOST_TEST(synced[4].ends_with("/checkpoint"));
}

BOOST_FIXTURE_TEST_CASE(what_a_killed_process_wrote_is_synced_before_it_is_shown, World) {
  open();
  fill(*core, 0, 60);
  crash();
  std::vector<std::string> synced;
  files.fail_when([&](Call call, const std::string& path) {
    if (call == Call::sync_data && path.find("commitlog") != std::string::npos) {
      synced.push_back(fs::path(path).filename());
    }
    return error_code();
  });
  open();
  std::vector<std::string> expected;
  for (std::int64_t at = 0; at < core->readable_end(); at += 4096) {
    expected.push_back(offset_file_name(at));
  }
  BOOST_TEST(expected.size() >= 3U);
  BOOST_TEST(synced == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(records_below_the_checked_part_are_checked_when_read, World) {
  open();
  fill(*core, 0, 200);
  stop();
  write_at(log_file(config.root, 0), 90, "?");
  open();
  BOOST_TEST_REQUIRE(report().checked_from > 4096);
  ReadLimits one;
  one.max_count = 1;
  ReadResult result = core->read("T", 0, 0, one, {});
  BOOST_TEST((result.status == ReadStatus::found));
  BOOST_TEST(messages_of(result).at(0).body() == body_of(1));
  BOOST_TEST(core->read_record(0).empty());
}

BOOST_FIXTURE_TEST_CASE(properties_that_were_written_in_part_end_the_log, World) {
  open();
  fill(*core, 0, 3);
  std::int64_t end = core->readable_end();
  must_append(*core, record_of("T", 0, "last", "KEYS\1some key"));
  std::int64_t torn = core->readable_end() - 4;
  crash();
  write_at(log_file(config.root, 0), torn, std::string(4, '\0'));
  open();
  BOOST_TEST(core->readable_end() == end);
  check_all(*core, 3);
  // The store takes none that look like that.
  BOOST_TEST(append_one(*core, record_of("T", 0, "x", std::string_view("KEYS\1a\0b", 8))).error ==
             make_error_code(StoreErrc::message_too_large));
}

// A power cut may mix a record with the remains of one that was refused at its place.
BOOST_FIXTURE_TEST_CASE(a_last_record_whose_queue_offset_is_taken_is_cut_off, World) {
  open();
  fill(*core, 0, 3);
  std::int64_t end = core->readable_end();
  must_append(*core, record_of("T", 0, "torn"));
  crash();
  write_at(log_file(config.root, 0), end + 27, "\1");
  for (int starts = 0; starts < 2; ++starts) {
    open();
    BOOST_TEST(core->readable_end() == end);
    check_all(*core, 3);
    crash();
  }
  open();
  fill(*core, 3, 5);
  check_all(*core, 5);
}

BOOST_FIXTURE_TEST_CASE(a_queue_offset_that_is_taken_costs_its_record_when_others_follow, World) {
  open();
  fill(*core, 0, 3);
  std::int64_t place = core->readable_end();
  must_append(*core, record_of("T", 0, "damaged"));
  must_append(*core, record_of("T", 1, body_of(3)));
  must_append(*core, record_of("T", 0, body_of(4)));
  std::int64_t end = core->readable_end();
  crash();
  write_at(log_file(config.root, 0), place + 27, "\1");
  for (int starts = 0; starts < 2; ++starts) {
    open();
    BOOST_TEST(core->readable_end() == end);
    check_bodies(*core, "T", 1, 4);
    BOOST_TEST(core->max_offset("T", 0) == 5);
    BOOST_TEST(messages_of(core->read("T", 0, 3, ReadLimits(), {})).at(0).body() == body_of(4));
    crash();
  }
}

// Until the next checkpoint a power cut may leave any part of what recovery wrote.
BOOST_FIXTURE_TEST_CASE(repaired_queues_are_not_vouched_for_before_the_next_checkpoint, World) {
  open();
  fill(*core, 0, 60);
  BOOST_TEST(!core->write_checkpoint([] {}));
  crash();
  fs::resize_file(queue_file(config.root, "T", 0, 0), 300);
  open();
  check_all(*core, 60);
  crash();
  fs::remove(queue_file(config.root, "T", 0, 0));  // the name was lost
  open();
  check_all(*core, 60);
  BOOST_TEST(!core->write_checkpoint([] {}));
  crash();
  open();
  BOOST_TEST(report().checked_from == report().end);
  check_all(*core, 60);
}

BOOST_FIXTURE_TEST_CASE(a_crash_checks_only_what_came_after_the_checkpoint, World) {
  open();
  fill(*core, 0, 30);
  BOOST_TEST(!core->write_checkpoint([] {}));
  std::int64_t vouched = core->readable_end();
  core.reset();
  time.step_wall_clock(std::chrono::seconds(-100));
  open();
  BOOST_TEST(core->recovery_report().checked_from == vouched);
  BOOST_TEST(core->recovery_report().records == 0);
  std::int64_t last = core->store_time("T", 0, core->max_offset("T", 0) - 1);
  fill(*core, 30, 40);
  BOOST_TEST(core->store_time("T", 0, core->max_offset("T", 0) - 1) >= last);
  core.reset();
  open();
  BOOST_TEST(core->recovery_report().records == 20);
  check_all(*core, 40);
}

BOOST_AUTO_TEST_SUITE_END()
