// comet-store-inspect repair: says what a start would do, touches nothing, and does it when asked.

#include <boost/test/unit_test.hpp>
#include <map>
#include <sstream>

#include "comet/base/timer.hpp"
#include "comet/store/repair.hpp"
#include "store_support.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

class World {
 public:
  World() {
    config.index_slots = options.index_slots = 16;
    config.index_entries = options.index_entries = 64;
    options.root = config.root;
    options.consume_queue_file_size = config.consume_queue_file_size;
  }
  void open() {
    core.reset();
    core.emplace(config, time, files);
  }
  // Messages in T 0 with keys; returns where each lies.
  std::vector<std::int64_t> fill(int count) {
    std::vector<std::int64_t> places;
    for (int i = 0; i < count; ++i) {
      const std::string properties = "UNIQ_KEY\1u" + std::to_string(i) + "\2KEYS\1k";
      places.push_back(
          must_append(*core, record_of("T", 0, std::to_string(i), properties)).physical_offset);
    }
    BOOST_TEST_REQUIRE(!core->sync());
    return places;
  }
  std::map<std::string, std::string> everything() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(options.root)) {
      all[entry.path()] = entry.is_regular_file() ? read_whole(entry.path()) : "a directory";
    }
    return all;
  }
  RepairReport repair(bool apply = false) {
    options.apply = apply;
    std::ostringstream out;
    const auto before = apply ? std::map<std::string, std::string>() : everything();
    const RepairReport report = repair_store(options, out);
    said = out.str();
    if (!apply) BOOST_TEST((everything() == before), "a dry run has changed something");
    return report;
  }
  void damage(std::int64_t place) { write_at(log_file(config.root, 0), place, "\xff"); }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
  RepairOptions options;
  std::string said;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(repair)

BOOST_FIXTURE_TEST_CASE(a_store_in_order_needs_nothing, World) {
  open();
  fill(50);
  core->close();
  core.reset();
  BOOST_TEST(!repair().is_needed);
  BOOST_TEST(said.empty(), said);
  BOOST_TEST(!repair(true).is_needed);
}

BOOST_FIXTURE_TEST_CASE(a_lost_record_is_told_with_its_place_and_ids, World) {
  open();
  const std::vector<std::int64_t> places = fill(50);
  core->close();
  core.reset();
  damage(places[7] + 88);
  const RepairReport report = repair();
  BOOST_TEST(report.is_needed);
  BOOST_TEST(report.lost_records == 1);
  BOOST_TEST(contains(said, "topic T queue 0 offset 7, message id "), said);
  BOOST_TEST(contains(said, "unique id u7"), said);
  BOOST_TEST(contains(said, "made: " + config.root + "/damagedRanges"), said);
  const std::string dry = said;
  BOOST_TEST(repair(true).lost_records == 1);
  BOOST_TEST(said == dry);
  BOOST_TEST(!repair().is_needed, said);
  open();
  BOOST_TEST(!core->recovery_report().unclean);
  BOOST_TEST(core->recovery_report().damage.empty());
  BOOST_TEST(core->recovery_report().rebuilt_units == 0);
  BOOST_TEST(core->max_offset("T", 0) == 50);
}

BOOST_FIXTURE_TEST_CASE(a_torn_tail_is_told_with_its_copy_and_the_cut, World) {
  open();
  fill(20);
  const std::int64_t end = core->readable_end();
  core.reset();  // as kill -9 leaves it
  write_at(log_file(config.root, 0), end, "half a record");
  BOOST_TEST(repair().is_needed);
  BOOST_TEST(contains(said, "made: " + config.root + "/damaged/" + offset_file_name(0)), said);
  BOOST_TEST(contains(said, "13 bytes given up"), said);
  BOOST_TEST(contains(said, "changed: " + log_file(config.root, 0).string() + ", bytes " +
                                std::to_string(end) + " to " + std::to_string(end + 13)),
             said);
  BOOST_TEST(repair(true).is_needed);
  BOOST_TEST(!repair().is_needed, said);
  open();
  BOOST_TEST(core->recovery_report().truncated == 0);
  BOOST_TEST(bodies_of(*core, "T", 0).size() == 20U);
}

BOOST_FIXTURE_TEST_CASE(queues_and_index_that_would_be_rebuilt_are_told, World) {
  open();
  fill(60);
  core->close();
  core.reset();
  fs::remove_all(config.root + "/consumequeue");
  for (const auto& entry : fs::directory_iterator(config.root + "/index")) {
    fs::resize_file(entry.path(), 10);
  }
  BOOST_TEST(repair().is_needed);
  BOOST_TEST(contains(said, "/consumequeue/T/0/" + offset_file_name(0)), said);
  BOOST_TEST(contains(said, "cannot be used: built anew from the log"), said);
  BOOST_TEST(repair(true).is_needed);
  BOOST_TEST(!repair().is_needed, said);
  open();
  BOOST_TEST(bodies_of(*core, "T", 0).size() == 60U);
}

// A start with them would take good files for damaged ones.
BOOST_FIXTURE_TEST_CASE(other_sizes_than_those_of_the_files_are_refused, World) {
  open();
  fill(60);
  core->close();
  core.reset();
  const auto before = everything();
  const auto refuses = [&](const char* key) {
    for (bool apply : {false, true}) {
      options.apply = apply;
      std::ostringstream out;
      BOOST_CHECK_EXCEPTION((void)repair_store(options, out), Error, [&](const Error& error) {
        return error.code() == make_error_code(BaseErrc::bad_value) && contains(error.what(), key);
      });
    }
    BOOST_TEST((everything() == before));
  };
  for (std::int32_t entries : {32, 128}) {
    options.index_entries = entries;
    refuses("maxIndexNum");
  }
  options.index_entries = config.index_entries;
  for (std::int64_t size : {200, 400 * 20}) {
    options.consume_queue_file_size = size;
    refuses("mappedFileSizeConsumeQueue");
  }
  options.consume_queue_file_size = config.consume_queue_file_size;
  BOOST_TEST(!repair(true).is_needed, said);
}

BOOST_FIXTURE_TEST_CASE(too_much_lost_is_refused_until_more_is_allowed, World) {
  config.commit_log_file_size = 64 * 1024;
  open();
  const std::vector<std::int64_t> places = fill(300);
  core->close();
  core.reset();
  write_at(log_file(config.root, 0), places[50],
           std::string(static_cast<std::size_t>(places[250] - places[50]), '\0'));
  BOOST_TEST(repair().is_refused);
  BOOST_TEST(contains(said, "a start would be refused"), said);
  const auto before = everything();
  BOOST_TEST(repair(true).is_refused);
  BOOST_TEST((everything() == before));
  options.max_records_lost = 1000;
  BOOST_TEST(!repair().is_refused);
  BOOST_TEST(!repair(true).is_refused);
  open();
  BOOST_TEST(core->max_offset("T", 0) == 300);
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_a_broker_has_open_is_refused, World) {
  open();
  for (bool apply : {false, true}) {
    options.apply = apply;
    std::ostringstream out;
    BOOST_CHECK_EXCEPTION((void)repair_store(options, out), Error, [](const Error& error) {
      return error.code() == make_error_code(StoreErrc::locked);
    });
  }
  options.root += ".none";
  std::ostringstream out;
  BOOST_CHECK_THROW((void)repair_store(options, out), Error);
  BOOST_TEST(!fs::exists(options.root));
}

// The sizes are those of the files.
BOOST_FIXTURE_TEST_CASE(what_apache_left_is_looked_at_and_repaired, World) {
  const std::string command = "tar -xzf '" + comet::test::test_data() +
                              "/apache_4_9_8_store.tar.gz' -C '" + directory.path().string() + "'";
  BOOST_TEST_REQUIRE(std::system(command.c_str()) == 0);
  options.consume_queue_file_size = 0;
  options.index_slots = 5000;
  options.index_entries = 20000;
  for (const char* name : {"apache_4_9_8_clean", "apache_4_9_8_unclean"}) {
    options.root = (directory.path() / name).string();
    BOOST_TEST(!repair().is_refused, said);
    BOOST_TEST(repair(true).lost_records == 0, said);
    BOOST_TEST(!repair().is_needed, said);
  }
}

BOOST_AUTO_TEST_SUITE_END()
