// The inspector judges directories by the formats' rules: Apache's and ours are in order, damaged
// ones are not.

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <sstream>

#include "comet/base/timer.hpp"
#include "comet/store/inspect.hpp"
#include "index_file.hpp"
#include "store_support.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

constexpr const char* kDirectories[] = {"apache_4_9_8_clean", "apache_4_9_8_unclean"};

class World {
 public:
  World() {
    files.skip_syncs = true;
    config.index_slots = 50;
    config.index_entries = 100;
    open();
  }
  void open() { core.emplace(config, time, files); }
  void close() {
    core->close();
    core.reset();
  }
  void fill(int count) {
    for (int i = 0; i < count; ++i) {
      std::string number = std::to_string(i);
      must_append(*core, record_of("T", i % 2, "body " + number,
                                   "TAGS\1tag" + number + "\2KEYS\1k" + number +
                                       " both\2UNIQ_KEY\1u" + number));
    }
  }
  InspectOptions options() const {
    InspectOptions options;
    options.root = config.root;
    options.index_slots = config.index_slots;
    options.index_entries = config.index_entries;
    return options;
  }
  VerifyReport verify() {
    lines.str("");
    return verify_store(options(), lines);
  }
  boost::test_tools::assertion_result is_fine() {
    boost::test_tools::assertion_result fine(verify().problems == 0);
    fine.message() << lines.str();
    return fine;
  }
  fs::path index_file() const { return fs::directory_iterator(config.root + "/index")->path(); }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
  std::ostringstream lines;
};

// Changes a byte of a good directory, expects a problem, and puts it back.
void expect_problem(World& world, const fs::path& path, std::int64_t at) {
  std::string before = read_whole(path).substr(static_cast<std::size_t>(at), 1);
  write_at(path, at, std::string(1, static_cast<char>(before[0] ^ 1)));
  BOOST_TEST(!world.is_fine(), path << " at " << at);
  write_at(path, at, before);
  BOOST_TEST_REQUIRE(world.is_fine());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(inspection)

BOOST_DATA_TEST_CASE(apaches_directories_are_in_order_before_and_after_we_had_them,
                     boost::unit_test::data::make(kDirectories), name) {
  TempDirectory directory;
  std::string command = std::string("tar xzf '") + comet::test::test_data() +
                        "/apache_4_9_8_store.tar.gz' -C '" + directory.path().string() + "'";
  BOOST_TEST_REQUIRE(std::system(command.c_str()) == 0);
  InspectOptions options;
  options.root = (directory.path() / name).string();
  options.index_slots = 5000;
  options.index_entries = 20000;
  std::ostringstream lines;
  VerifyReport before = verify_store(options, lines);
  BOOST_TEST(before.problems == 0, lines.str());
  BOOST_TEST(before.records > 1600);
  StoreConfig config;
  config.root = options.root;
  config.commit_log_file_size = 262144;
  config.consume_queue_file_size = 6000;
  config.index_slots = options.index_slots;
  config.index_entries = options.index_entries;
  VirtualTime time(1'900'000'000'000);
  FaultyFiles files;
  files.skip_syncs = true;
  {
    // On the heap: the thread sanitizer takes mutexes at one place of the stack for the same ones.
    const auto core = std::make_unique<StoreCore>(config, time, files);
    for (int i = 0; i < 1000; ++i) {
      must_append(*core, record_of("SampleTopic", i % 4, std::string(1000, 'x'),
                                   "KEYS\1ours" + std::to_string(i)));
    }
    core->close();
  }
  VerifyReport after = verify_store(options, lines);
  BOOST_TEST(after.problems == 0, lines.str());
  BOOST_TEST(after.records == before.records + 1000);
  BOOST_TEST(after.units == before.units + 1000);
  // What had to be built anew has entries for tags, too, as 4.9's index has not.
  const bool is_built_anew = std::string_view(name) == "apache_4_9_8_unclean";
  BOOST_TEST(after.index_entries - before.index_entries == (is_built_anew ? 2211 : 1000));
  BOOST_TEST(!after.unclean);
}

BOOST_FIXTURE_TEST_CASE(a_store_of_ours_is_in_order_whatever_its_life, World) {
  BOOST_TEST(verify().unclean);
  fill(200);
  close();
  VerifyReport report = verify();
  BOOST_TEST(report.problems == 0, lines.str());
  BOOST_TEST(report.records == 200);
  BOOST_TEST(report.units == 200);
  BOOST_TEST(report.index_entries == 800);
  open();
  core->request_deletion();
  core->clean(4'000'000'000'000);
  fill(30);
  close();
  BOOST_TEST(is_fine());
  open();
  fill(5);
  BOOST_TEST(core->remove_topic("T") == 2);
  fill(5);
  close();
  BOOST_TEST(is_fine());
}

BOOST_FIXTURE_TEST_CASE(every_kind_of_damage_is_named, World) {
  fill(5);
  std::int64_t second = core->queue_entries("T", 1, 0, 1).at(0).physical_offset;
  close();
  BOOST_TEST_REQUIRE(is_fine());
  fs::path log = log_file(config.root, 0);
  for (std::int64_t field : {0, 4, 8, 12, 20, 28, 84, 88})
    expect_problem(*this, log, second + field);
  fs::path queue = queue_file(config.root, "T", 1, 0);
  for (std::int64_t field : {7, 11, 19, 20 * 19}) expect_problem(*this, queue, field);
  fs::path index = index_file();
  for (std::int64_t field : {39, 40 + 50 * 4 + 20, 40 + 50 * 4 + 20 + 11, 40 + 50 * 4 + 39}) {
    expect_problem(*this, index, field);
  }
  expect_problem(*this, config.root + "/checkpoint", 0);
}

// Apache's broker finds messages by tag from 5.5.0 on.
BOOST_FIXTURE_TEST_CASE(index_entries_of_tags_are_in_order, World) {
  fill(5);
  close();
  const auto put = [&](std::string_view key) {
    auto opened = IndexFile::open(posix_files(), index_file(), {.slots = 50, .entries = 100});
    BOOST_TEST_REQUIRE(opened.has_value());
    IndexFile& file = **opened;
    BOOST_TEST_REQUIRE(!file.load_slots());
    file.put(index_hash(key), 0, file.header().end_timestamp);
    BOOST_TEST_REQUIRE(!file.write_all());
  };
  put("T#T#tag0");
  BOOST_TEST(is_fine());
  put("T#T#tag1");
  BOOST_TEST(!is_fine());
}

BOOST_FIXTURE_TEST_CASE(missing_and_short_files_are_named, World) {
  fill(200);
  close();
  fs::rename(log_file(config.root, 4096), config.root + "/kept");
  BOOST_TEST(!is_fine());
  fs::rename(config.root + "/kept", log_file(config.root, 4096));
  BOOST_TEST(is_fine());
  fs::resize_file(log_file(config.root, 4096), 4000);
  BOOST_TEST(!is_fine());
  fs::resize_file(log_file(config.root, 4096), 4096);
  fs::remove(config.root + "/checkpoint");
  BOOST_TEST(!is_fine());
}

BOOST_FIXTURE_TEST_CASE(what_is_printed_names_files_records_queues_and_keys, World) {
  fill(40);
  close();
  std::ostringstream out;
  print_segments(options(), out);
  print_queues(options(), out);
  print_queue(options(), "T", 1, out);
  print_index(options(), out);
  print_checkpoint(options(), out);
  InspectOptions all = options();
  all.count = 1000;
  print_records(all, out);
  std::string text = out.str();
  for (const char* part :
       {"00000000000000004096  4096 bytes  begins", "T 1  offsets 0 to 20  1 files",
        "0  log offset ", "entries\n", "stopped in order", "T 0 offset 0", "tag \"tag39\"",
        "keys \"k39 both\"", "id \"u39\"", "blank", "end of the log"}) {
    BOOST_TEST((text.find(part) != std::string::npos), part);
  }
}

BOOST_FIXTURE_TEST_CASE(a_directory_without_a_store_is_an_error, World) {
  InspectOptions nothing;
  nothing.root = directory.path().string();
  std::ostringstream out;
  BOOST_CHECK_THROW((void)verify_store(nothing, out), Error);
  BOOST_CHECK_THROW(print_segments(nothing, out), Error);
  BOOST_CHECK_THROW(print_queues(nothing, out), Error);
}

BOOST_AUTO_TEST_SUITE_END()
