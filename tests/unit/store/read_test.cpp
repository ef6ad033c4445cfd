// Reading queues: what comes back, and what is said when nothing does.

#include <boost/test/unit_test.hpp>

#include "comet/base/bytes.hpp"
#include "comet/base/timer.hpp"
#include "store_support.hpp"

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
  ReadResult read(std::int64_t offset, ReadLimits limits = {}, const TagFilter& filter = {}) {
    return core->read("T", 0, offset, limits, filter);
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

boost::test_tools::assertion_result is(const ReadResult& result, ReadStatus status,
                                       std::int64_t next) {
  boost::test_tools::assertion_result answer(result.status == status && result.next_offset == next);
  answer.message() << "status " << static_cast<int>(result.status) << ", next "
                   << result.next_offset << ", count " << result.count;
  return answer;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reading)

BOOST_FIXTURE_TEST_CASE(unknown_and_empty_queues_are_told_apart, World) {
  BOOST_TEST(is(read(7), ReadStatus::no_matched_logic_queue, 0));
  BOOST_TEST(core->max_offset("T", 0) == 0);
  BOOST_TEST(core->min_offset("T", 0) == 0);
  // A refused append knows the queue; it stays empty.
  files.fail_when(fail_on(Call::write, "commitlog", ENOSPC));
  BOOST_TEST(append_one(*core, record_of("T", 0, "x")).error ==
             make_error_code(StoreErrc::disk_full));
  BOOST_TEST(is(read(7), ReadStatus::no_message_in_queue, 0));
}

BOOST_FIXTURE_TEST_CASE(offsets_outside_the_queue_are_corrected, World) {
  for (int i = 0; i < 8; ++i) must_append(*core, record_of("T", 0, "x"));
  BOOST_TEST(is(read(8), ReadStatus::offset_overflow_one, 8));
  BOOST_TEST(is(read(9), ReadStatus::offset_overflow_badly, 8));
  BOOST_TEST(is(read(1000), ReadStatus::offset_overflow_badly, 8));
  BOOST_TEST(is(read(-1), ReadStatus::offset_too_small, 0));
  ReadResult found = read(3);
  BOOST_TEST(is(found, ReadStatus::found, 8));
  BOOST_TEST(found.count == 5);
  BOOST_TEST(found.min_offset == 0);
  BOOST_TEST(found.max_offset == 8);
}

BOOST_FIXTURE_TEST_CASE(a_read_stops_at_the_count, World) {
  for (int i = 0; i < 10; ++i) must_append(*core, record_of("T", 0, std::to_string(i)));
  ReadLimits limits;
  limits.max_count = 4;
  ReadResult result = read(2, limits);
  BOOST_TEST(is(result, ReadStatus::found, 6));
  std::vector<MessageExt> messages = messages_of(result);
  BOOST_TEST_REQUIRE(messages.size() == 4U);
  BOOST_TEST(messages[0].body() == "2");
  BOOST_TEST(messages[3].body() == "5");
}

BOOST_FIXTURE_TEST_CASE(a_read_stops_before_the_bytes_but_returns_one_record, World) {
  for (int i = 0; i < 10; ++i) must_append(*core, record_of("T", 0, std::string(8, 'x')));
  ReadLimits limits;
  limits.max_bytes = 100 * 3 + 99;  // a record has 100 bytes
  BOOST_TEST(is(read(0, limits), ReadStatus::found, 3));
  limits.max_bytes = 100 * 3;
  BOOST_TEST(is(read(0, limits), ReadStatus::found, 3));
  limits.max_bytes = 1;
  BOOST_TEST(is(read(0, limits), ReadStatus::found, 1));
}

BOOST_FIXTURE_TEST_CASE(neighbours_in_the_log_are_one_slice, World) {
  for (int i = 0; i < 3; ++i) must_append(*core, record_of("T", 0, "x"));
  must_append(*core, record_of("other", 0, "x"));
  for (int i = 0; i < 2; ++i) must_append(*core, record_of("T", 0, "x"));
  ReadResult result = read(0);
  BOOST_TEST(result.count == 5);
  BOOST_TEST(result.records.pieces() == 2U);
  BOOST_TEST(messages_of(result).size() == 5U);
}

BOOST_FIXTURE_TEST_CASE(the_filter_sees_tags_codes_and_skips_records, World) {
  for (int i = 0; i < 100; ++i) {
    must_append(*core, record_of("T", 0, std::to_string(i), i % 10 == 5 ? "TAGS\1TagA\2" : ""));
  }
  TagFilter tag_a = [](std::int64_t code) { return code == 2598919; };
  ReadLimits limits;
  limits.max_count = 3;
  ReadResult result = read(6, limits, tag_a);
  BOOST_TEST(is(result, ReadStatus::found, 36));
  BOOST_TEST(messages_of(result).at(0).body() == "15");
  BOOST_TEST(is(read(96, limits, tag_a), ReadStatus::no_matched_message, 100));
  TagFilter none = [](std::int64_t) { return false; };
  BOOST_TEST(is(read(0, limits, none), ReadStatus::no_matched_message, 100));
}

BOOST_FIXTURE_TEST_CASE(a_filter_that_matches_nothing_examines_800_units_at_a_time, World) {
  for (int i = 0; i < 900; ++i) must_append(*core, record_of("T", 0, ""));
  TagFilter none = [](std::int64_t) { return false; };
  BOOST_TEST(is(read(0, {}, none), ReadStatus::no_matched_message, 800));
  BOOST_TEST(is(read(800, {}, none), ReadStatus::no_matched_message, 900));
}

BOOST_FIXTURE_TEST_CASE(what_was_read_outlives_the_store, World) {
  for (int i = 0; i < 3; ++i) must_append(*core, record_of("T", 0, std::to_string(i)));
  ReadResult result = read(0);
  core->close();
  core.reset();
  fs::remove_all(config.root);
  BOOST_TEST(messages_of(result).at(2).body() == "2");
}

BOOST_FIXTURE_TEST_CASE(records_are_found_by_their_place_and_nothing_else_is, World) {
  AppendResult first = must_append(*core, record_of("T", 0, "first"));
  AppendResult second = must_append(*core, record_of("T", 0, "second"));
  SharedBytes bytes = core->read_record(second.physical_offset);
  BOOST_TEST(parse_record(bytes.view(), CheckCrc::yes).value().body == "second");
  BOOST_TEST(bytes.size() ==
             static_cast<std::size_t>(core->readable_end() - second.physical_offset));
  for (std::int64_t offset = -1; offset < 8192; ++offset) {
    if (offset == first.physical_offset || offset == second.physical_offset) continue;
    BOOST_TEST_REQUIRE(core->read_record(offset).empty());
  }
  BOOST_TEST(core->read_record(std::numeric_limits<std::int64_t>::max()).empty());
}

BOOST_FIXTURE_TEST_CASE(a_record_in_a_body_is_not_found_by_its_place, World) {
  std::string inner;
  RecordView fake = record_of("T", 0, "forged");
  fake.physical_offset = 5;
  encode_record(fake, inner);
  AppendResult result = must_append(*core, record_of("T", 0, inner));
  BOOST_TEST(core->read_record(result.physical_offset + 88).empty());
}

BOOST_FIXTURE_TEST_CASE(new_units_are_read_from_memory_and_written_in_pieces, World) {
  const auto file = queue_file(config.root, "T", 0, 0);
  for (int i = 0; i < 30; ++i) must_append(*core, record_of("T", 0, std::to_string(i)));
  BOOST_TEST(!fs::exists(file));
  BOOST_TEST(bodies_of(*core, "T", 0).size() == 30U);
  BOOST_TEST(is(read(25), ReadStatus::found, 30));
  write_units(*core);
  BOOST_TEST(read_whole(file).substr(0, 400).find(std::string(20, '\0')) == std::string::npos);
  for (int i = 30; i < 35; ++i) must_append(*core, record_of("T", 0, std::to_string(i)));
  BOOST_TEST(bodies_of(*core, "T", 0).size() == 35U);  // some from the file, some from memory
  BOOST_TEST(core->queue_entries("T", 0, 28, 4).size() == 4U);
  // Many are not kept for long.
  for (int i = 35; i < 230; ++i) must_append(*core, record_of("T", 0, std::to_string(i)));
  BOOST_TEST(fs::exists(queue_file(config.root, "T", 0, 4400)));
  BOOST_TEST(bodies_of(*core, "T", 0).size() == 230U);
}

BOOST_FIXTURE_TEST_CASE(damaged_units_make_no_other_message_appear, World) {
  for (int i = 0; i < 4; ++i) must_append(*core, record_of("T", 0, "x"));
  must_append(*core, record_of("U", 0, "of another topic"));
  write_units(*core);
  // Unit 1 points at the other topic's record, unit 2 nowhere.
  std::string unit;
  append_be<std::int64_t>(unit, 4 * 93);
  write_at(queue_file(config.root, "T", 0, 0), 20, unit);
  unit.clear();
  append_be<std::int64_t>(unit, std::int64_t{1} << 40U);
  write_at(queue_file(config.root, "T", 0, 0), 40, unit);
  ReadResult result = read(0);
  BOOST_TEST(is(result, ReadStatus::found, 4));
  BOOST_TEST(result.count == 2);
  ReadLimits one;
  one.max_count = 1;
  BOOST_TEST(messages_of(read(1, one)).at(0).queue_offset == 3);
}

BOOST_FIXTURE_TEST_CASE(a_missing_queue_file_fails_the_read_and_takes_no_message_away, World) {
  for (int i = 0; i < 45; ++i) must_append(*core, record_of("T", 0, "x"));
  core->close();
  open();
  BOOST_TEST_REQUIRE(core->max_offset("T", 0) == 45);
  // More queues than the store keeps files open: the descriptors of T are gone.
  for (int i = 0; i < 300; ++i) must_append(*core, record_of("U", i, "x"));
  write_units(*core);
  fs::remove(queue_file(config.root, "T", 0, 400));
  BOOST_TEST(is(read(25), ReadStatus::read_failed, 25));
  BOOST_TEST(core->damage_stats().read_faults == 1);
  BOOST_TEST(is(read(10), ReadStatus::found, 20));
}

BOOST_FIXTURE_TEST_CASE(queues_begin_where_the_log_does, World) {
  for (int i = 0; i < 60; ++i) must_append(*core, record_of("T", 0, std::string(200, 'x')));
  core->close();
  core.reset();
  fs::remove(log_file(config.root, 0));
  open();
  // 13 records of 292 bytes lay in the first file.
  BOOST_TEST(core->min_physical_offset() == 4096);
  BOOST_TEST(core->min_offset("T", 0) == 14);
  BOOST_TEST(core->max_offset("T", 0) == 60);
  BOOST_TEST(is(read(3), ReadStatus::offset_too_small, 14));
  BOOST_TEST(bodies_of(*core, "T", 0, 14).size() == 46U);
}

BOOST_FIXTURE_TEST_CASE(what_is_near_the_logs_end_is_probably_in_memory, World) {
  must_append(*core, record_of("T", 0, "x"));
  BOOST_TEST(core->probably_in_memory("T", 0, 0));
  BOOST_TEST(!core->probably_in_memory("T", 0, 1));
  BOOST_TEST(!core->probably_in_memory("T", 0, -1));
  BOOST_TEST(!core->probably_in_memory("T", 0, std::numeric_limits<std::int64_t>::max()));
  BOOST_TEST(
      is(read(std::numeric_limits<std::int64_t>::max()), ReadStatus::offset_overflow_badly, 1));
  BOOST_TEST(is(read(std::numeric_limits<std::int64_t>::min()), ReadStatus::offset_too_small, 0));
  BOOST_TEST(!core->probably_in_memory("T", 1, 0));
}

BOOST_FIXTURE_TEST_CASE(topics_cannot_leave_the_store, World) {
  for (const char* topic : {"", ".", "..", "../../etc", "a/b", "a\\b"}) {
    BOOST_TEST(append_one(*core, record_of(topic, 0, "x")).error ==
               make_error_code(StoreErrc::illegal_queue));
  }
  std::string with_zero("a\0b", 3);
  BOOST_TEST(append_one(*core, record_of(with_zero, 0, "x")).error ==
             make_error_code(StoreErrc::illegal_queue));
  BOOST_TEST(append_one(*core, record_of("T", -1, "x")).error ==
             make_error_code(StoreErrc::illegal_queue));
  BOOST_TEST(fs::is_empty(config.root + "/consumequeue"));
}

BOOST_FIXTURE_TEST_CASE(each_part_of_a_message_has_its_limit, World) {
  core->close();
  config.commit_log_file_size = 1 << 20;
  config.max_message_size = 1000;
  core.reset();
  fs::remove_all(config.root);
  open();
  auto too_large = make_error_code(StoreErrc::message_too_large);
  std::string bytes(40'000, 'p');
  std::string_view text = bytes;
  BOOST_TEST(!append_one(*core, record_of("T", 0, text.substr(0, 1000))).error);
  BOOST_TEST(append_one(*core, record_of("T", 0, text.substr(0, 1001))).error == too_large);
  BOOST_TEST(!append_one(*core, record_of("T", 0, "", text.substr(0, 32767))).error);
  BOOST_TEST(append_one(*core, record_of("T", 0, "", text.substr(0, 32768))).error == too_large);
  // A batch is limited by the sum of its records.
  RecordView half = record_of("T", 0, text.substr(0, 408));  // a record of 500 bytes
  BOOST_TEST(!append_all(*core, {half, half}).error);
  RecordView more = record_of("T", 0, text.substr(0, 409));
  BOOST_TEST(append_all(*core, {half, more}).error == too_large);
  BOOST_TEST(append_all(*core, {}).error.failed());
}

BOOST_FIXTURE_TEST_CASE(the_exact_filter_sees_what_the_tag_filter_lets_through, World) {
  for (int i = 0; i < 12; ++i) {
    std::string tag(1, static_cast<char>('a' + i % 3));
    must_append(*core, record_of("T", 0, std::to_string(i), std::string("TAGS\1") + tag));
  }
  std::int64_t hash = java_hash_code("b");
  std::vector<std::string> seen;
  ReadResult result = core->read(
      "T", 0, 0, ReadLimits(), [&](std::int64_t code) { return code == hash; },
      [&](const RecordView& record) {
        seen.emplace_back(record.body);
        return record.body != "4" && record.properties == "TAGS\1b";
      });
  BOOST_TEST(seen == (std::vector<std::string>{"1", "4", "7", "10"}),
             boost::test_tools::per_element());
  BOOST_TEST(is(result, ReadStatus::found, 12));
  BOOST_TEST(result.count == 3);
  std::vector<MessageExt> messages = messages_of(result);
  BOOST_TEST_REQUIRE(messages.size() == 3U);
  BOOST_TEST(messages[0].body() == "1");
  BOOST_TEST(messages[1].body() == "7");
  BOOST_TEST(messages[2].body() == "10");
}

BOOST_FIXTURE_TEST_CASE(an_exact_filter_that_matches_nothing_moves_on, World) {
  for (int i = 0; i < 5; ++i) must_append(*core, record_of("T", 0, "x"));
  ReadResult result =
      core->read("T", 0, 1, ReadLimits(), {}, [](const RecordView&) { return false; });
  BOOST_TEST(is(result, ReadStatus::no_matched_message, 5));
  BOOST_TEST(result.records.empty());
}

// Several queues lie between each other in the log, and one read goes over all of them.
BOOST_FIXTURE_TEST_CASE(what_is_lent_is_no_larger_than_the_answer, World) {
  config.root += ".large";
  config.commit_log_file_size = 1 << 20;
  open();
  const std::string body(1024, 'x');
  for (int i = 0; i < 160; ++i) must_append(*core, record_of("T", i % 4, body));
  ReadResult result = read(0);
  BOOST_TEST(result.count == 32);
  BOOST_TEST(result.records.pieces() == 1U);
  BOOST_TEST(core->lent_bytes() <= 2 * std::ssize(result.records.to_string()));
  int next = 0;
  for (const MessageExt& message : messages_of(result)) {
    BOOST_TEST(message.body() == body);
    BOOST_TEST(message.queue_offset == next++);
  }
  BOOST_TEST(next == 32);
  result = {};
  BOOST_TEST(core->lent_bytes() == 0);
}

BOOST_AUTO_TEST_CASE(memory_that_was_read_into_is_used_again_within_a_limit) {
  ReadMemory memory;
  const char* first = nullptr;
  {
    const auto block = memory.take(100'000);
    first = block->bytes().data();
    BOOST_TEST(block->bytes().size() == 100'000U);
    BOOST_TEST(memory.lent_bytes() == 131'072);
  }
  BOOST_TEST(memory.lent_bytes() == 0);
  BOOST_TEST(memory.kept_bytes() == 131'072U);
  BOOST_TEST(memory.take(70'000)->bytes().data() == first);
  std::vector<std::shared_ptr<ReadMemory::Block>> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(memory.take(250'000));
  blocks.push_back(memory.take(64 << 20));
  blocks.push_back(memory.take(10));
  blocks.clear();
  BOOST_TEST(memory.lent_bytes() == 0);
  BOOST_TEST(memory.kept_bytes() <= ReadMemory::kMostKept);
  BOOST_TEST(memory.kept_bytes() > ReadMemory::kMostKept / 2);
}

BOOST_AUTO_TEST_CASE(memory_that_was_read_into_may_outlive_the_store) {
  std::shared_ptr<ReadMemory::Block> block;
  {
    ReadMemory memory;
    block = memory.take(50'000);
  }
  std::ranges::fill(block->bytes(), 'x');
  block.reset();
}

BOOST_AUTO_TEST_SUITE_END()
