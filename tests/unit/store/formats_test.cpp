// The bytes on disk are Apache's.

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "checkpoint.hpp"
#include "comet/base/bytes.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/sys_flag.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

constexpr std::int64_t kNow = 1'600'000'000'123;

class World {
 public:
  World() : time(kNow) { files.skip_syncs = true; }
  void open() { core.emplace(config, time, files); }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

// A body that makes the record of `topic` without properties exactly `size` bytes long.
std::string body_for(std::int64_t size, std::string_view topic) {
  return std::string(static_cast<std::size_t>(size - kRecordOverhead) - topic.size(), 'b');
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (char c : bytes) text += fmt::format("{:02x}", static_cast<std::uint8_t>(c));
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(formats)

BOOST_FIXTURE_TEST_CASE(a_record_lies_in_the_log_as_apaches_encoder_writes_it, World) {
  open();
  RecordView record = record_of("TopicTest", 3, "hello", "TAGS\1TagA");
  record.flag = 7;
  record.born_timestamp = 1'600'000'000'000;
  record.born_host = IpEndpoint::v4({127, 0, 0, 1}, 10911);
  record.store_host = IpEndpoint::v4({192, 168, 1, 2}, 10911);
  record.reconsume_times = 2;
  must_append(*core, record);
  std::string expected =
      "00000072daa320a73610a68600000003000000070000000000000000000000000000000000000000"
      "00000174876e80007f00000100002a9f00000174876e807bc0a8010200002a9f00000002"
      "00000000000000000000000568656c6c6f09546f70696354657374000954414753015461674100000000";
  BOOST_TEST(hex(read_whole(log_file(config.root, 0)).substr(0, expected.size() / 2)) == expected);
}

BOOST_FIXTURE_TEST_CASE(a_queue_unit_is_offset_size_and_tags_hash, World) {
  open();
  must_append(*core, record_of("TopicTest", 3, "hello"));
  must_append(*core, record_of("TopicTest", 3, "hello", "TAGS\1TagA"));
  write_units(*core);
  std::string units = read_whole(queue_file(config.root, "TopicTest", 3, 0));
  BOOST_TEST(units.size() == 400U);
  BOOST_TEST(hex(units.substr(0, 60)) ==
             "0000000000000000"
             "00000069"
             "0000000000000000"
             "0000000000000069"
             "00000072"
             "000000000027a807"  // 2598919
             "0000000000000000000000000000000000000000");
}

BOOST_FIXTURE_TEST_CASE(negative_tags_hashes_are_sign_extended, World) {
  open();
  must_append(*core, record_of("T", 0, "", "TAGS\1polygenelubricants"));
  write_units(*core);
  std::string units = read_whole(queue_file(config.root, "T", 0, 0));
  BOOST_TEST(load_be<std::int64_t>(units.data() + 12) == std::numeric_limits<std::int32_t>::min());
}

BOOST_FIXTURE_TEST_CASE(in_the_schedule_topic_the_tags_code_is_the_time_of_delivery, World) {
  open();
  auto tags_code_at = [&](int queue_id) {
    write_units(*core);
    std::string units = read_whole(queue_file(config.root, "SCHEDULE_TOPIC_XXXX", queue_id, 0));
    return load_be<std::int64_t>(units.data() + 12);
  };
  must_append(*core, record_of("SCHEDULE_TOPIC_XXXX", 2, "x",
                               "DELAY\1"
                               "3\2TAGS\1TagA\2"));
  BOOST_TEST(tags_code_at(2) == kNow + 10'000);
  must_append(*core, record_of("SCHEDULE_TOPIC_XXXX", 17, "x",
                               "DELAY\1"
                               "99\2"));
  BOOST_TEST(tags_code_at(17) == kNow + 2 * 3600 * 1000);
  must_append(*core, record_of("SCHEDULE_TOPIC_XXXX", 0, "x", "TAGS\1TagA\2"));
  BOOST_TEST(tags_code_at(0) == 2598919);
}

BOOST_AUTO_TEST_CASE(delay_levels_are_read_as_apache_writes_them) {
  DelayLevels levels("1s  5m 2h 1d");
  BOOST_TEST(levels.delay_of(1) == 1000);
  BOOST_TEST(levels.delay_of(2) == 300'000);
  BOOST_TEST(levels.delay_of(3) == 7'200'000);
  BOOST_TEST(levels.delay_of(4) == 86'400'000);
  BOOST_TEST(levels.delay_of(5) == 86'400'000);
  BOOST_TEST(levels.delay_of(0) == 1000);
  for (const char* text : {"1", "s", "1x", "1ss", "-1s", "1s,5s", "99999999999999999999s"}) {
    BOOST_CHECK_THROW(DelayLevels{text}, Error);
  }
}

BOOST_FIXTURE_TEST_CASE(prepared_and_rollback_records_are_stored_and_not_indexed, World) {
  open();
  for (std::int32_t type : {sys_flag::kTransactionPrepared, sys_flag::kTransactionRollback}) {
    must_append(*core, record_of("T", 0, "plain"));
    RecordView record = record_of("T", 0, "half");
    record.sys_flag = type;
    AppendResult result = must_append(*core, record);
    BOOST_TEST(result.queue_offset == 0);
    SharedBytes stored = core->read_record(result.physical_offset);
    BOOST_TEST(parse_record(stored.view(), CheckCrc::yes).value().queue_offset == 0);
  }
  RecordView commit = record_of("T", 0, "committed");
  commit.sys_flag = sys_flag::kTransactionCommit;
  BOOST_TEST(must_append(*core, commit).queue_offset == 2);
  std::vector<std::string> expected{"plain", "plain", "committed"};
  BOOST_TEST(bodies_of(*core, "T", 0) == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_record_that_leaves_exactly_8_bytes_fits_its_file, World) {
  open();
  must_append(*core, record_of("T", 0, body_for(4096 - 8, "T")));
  BOOST_TEST(must_append(*core, record_of("T", 0, "next")).physical_offset == 4096);
  std::string bytes = read_whole(log_file(config.root, 0));
  BOOST_TEST(bytes.size() == 4096U);
  BOOST_TEST(hex(bytes.substr(4088)) == "00000008cbd43194");
}

BOOST_FIXTURE_TEST_CASE(a_record_that_would_leave_7_bytes_goes_to_the_next_file, World) {
  open();
  must_append(*core, record_of("T", 0, body_for(2000, "T")));
  AppendResult second = must_append(*core, record_of("T", 0, body_for(4096 - 2000 - 7, "T")));
  BOOST_TEST(second.physical_offset == 4096);
  std::string bytes = read_whole(log_file(config.root, 0));
  BOOST_TEST(hex(bytes.substr(2000, 12)) == "00000830cbd4319400000000");
  std::vector<std::string> expected{body_for(2000, "T"), body_for(4096 - 2000 - 7, "T")};
  BOOST_TEST(bodies_of(*core, "T", 0) == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_batch_goes_to_the_next_file_as_one_unit, World) {
  open();
  must_append(*core, record_of("T", 0, body_for(4096 - 200, "T")));
  // The first of the two would still fit.
  AppendResult batch = append_all(
      *core, {record_of("T", 0, body_for(150, "T")), record_of("T", 0, body_for(150, "T"))});
  BOOST_TEST(!batch.error);
  BOOST_TEST(batch.physical_offset == 4096);
  BOOST_TEST(batch.queue_offset == 1);
  std::vector<std::int64_t> offsets{4096, 4096 + 150};
  BOOST_TEST(batch.batch_offsets == offsets, boost::test_tools::per_element());
  BOOST_TEST(core->max_offset("T", 0) == 3);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_fit_an_empty_file_is_too_large, World) {
  open();
  BOOST_TEST(append_one(*core, record_of("T", 0, body_for(4096 - 7, "T"))).error ==
             make_error_code(StoreErrc::message_too_large));
  BOOST_TEST(!append_one(*core, record_of("T", 0, body_for(4096 - 8, "T"))).error);
}

BOOST_FIXTURE_TEST_CASE(files_are_named_by_their_start_and_have_full_size, World) {
  open();
  for (int i = 0; i < 100; ++i) must_append(*core, record_of("T", 1, std::string(300, 'x')));
  BOOST_TEST(fs::file_size(log_file(config.root, 36864)) == 4096U);
  BOOST_TEST(fs::path(log_file(config.root, 36864)).filename() == "00000000000000036864");
  write_units(*core);
  for (int start : {0, 400, 800, 1200, 1600}) {
    BOOST_TEST(fs::file_size(queue_file(config.root, "T", 1, start)) == 400U);
  }
  BOOST_TEST(!fs::exists(queue_file(config.root, "T", 1, 2000)));
  BOOST_TEST(bodies_of(*core, "T", 1).size() == 100U);
}

BOOST_FIXTURE_TEST_CASE(an_orderly_stop_leaves_a_checkpoint_and_no_abort_file, World) {
  open();
  BOOST_TEST(fs::exists(config.root + "/abort"));
  must_append(*core, record_of("T", 0, "x"));
  core->close();
  BOOST_TEST(!fs::exists(config.root + "/abort"));
  BOOST_TEST(read_whole(config.root + "/lock") == "lock");
  std::string checkpoint = read_whole(config.root + "/checkpoint");
  BOOST_TEST(checkpoint.size() == 4096U);
  BOOST_TEST(load_be<std::int64_t>(checkpoint.data()) == kNow);
  BOOST_TEST(load_be<std::int64_t>(checkpoint.data() + 8) == kNow);
  BOOST_TEST(load_be<std::int64_t>(checkpoint.data() + 16) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_keeps_apaches_index_time, World) {
  Checkpoint checkpoint;
  checkpoint.index_timestamp = 12345;
  fs::create_directories(config.root + "/commitlog");
  BOOST_TEST(!write_checkpoint(files, config.root + "/checkpoint", checkpoint));
  open();
  must_append(*core, record_of("T", 0, "x"));
  core->close();
  Checkpoint after = read_checkpoint(files, config.root + "/checkpoint").value();
  BOOST_TEST(after.index_timestamp == 12345);
  BOOST_TEST(after.log_timestamp == kNow);
  BOOST_TEST(after.vouched_timestamp() == kNow - 3000);
}

BOOST_FIXTURE_TEST_CASE(store_timestamps_never_go_back, World) {
  open();
  must_append(*core, record_of("T", 0, "x"));
  time.step_wall_clock(std::chrono::milliseconds(-5000));
  BOOST_TEST(must_append(*core, record_of("T", 0, "x")).store_timestamp == kNow);
  core->close();
  open();
  BOOST_TEST(must_append(*core, record_of("T", 0, "x")).store_timestamp == kNow);
}

BOOST_FIXTURE_TEST_CASE(records_with_ipv6_hosts_are_stored_and_read, World) {
  open();
  std::array<std::uint8_t, 16> ip{0x20, 0x01, 0x0d, 0xb8};
  RecordView record = record_of("T", 0, "six");
  record.born_host = IpEndpoint::v6(ip, 4000);
  record.store_host = IpEndpoint::v6(ip, 10911);
  must_append(*core, record);
  core->close();
  open();
  MessageExt message = messages_of(core->read("T", 0, 0, ReadLimits(), {})).at(0);
  BOOST_TEST((message.born_host == record.born_host));
  BOOST_TEST((message.store_host == record.store_host));
  BOOST_TEST(message.store_timestamp == kNow);
  BOOST_TEST(message.body() == "six");
}

BOOST_AUTO_TEST_SUITE_END()
