#include "comet/store/set_aside.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

BOOST_AUTO_TEST_SUITE(a_store_set_aside)

BOOST_AUTO_TEST_CASE(is_whole_where_it_was_moved_and_another_begins_in_its_place) {
  StoreOnDisk store;
  store.open();
  must_append(*store.core, record_of("T", 0, "old"));
  const std::int64_t end = store.core->appended_end();
  BOOST_CHECK_THROW(set_aside(store.config, "aside"), Error);  // it is open
  store.core->close();
  store.core.reset();
  std::filesystem::create_directories(store.config.root + "/config");
  const auto places = set_aside(store.config, "aside");
  BOOST_TEST_REQUIRE(!places.empty());
  BOOST_TEST(places.front() == store.config.root + "/aside/commitlog");
  BOOST_TEST(std::filesystem::exists(store.config.root + "/config"));
  // A crash behind it has it done once more.
  BOOST_TEST(set_aside(store.config, "aside").size() == places.size());
  store.open();
  BOOST_TEST(store.core->appended_end() == 0);
  BOOST_TEST(store.core->max_offset("T", 0) == 0);
  BOOST_TEST(must_append(*store.core, record_of("T", 0, "new")).queue_offset == 0);
  store.core->close();
  store.config.root += "/aside";
  store.open();
  BOOST_TEST(store.core->appended_end() == end);
  BOOST_TEST((bodies_of(*store.core, "T", 0) == std::vector<std::string>{"old"}));
}

BOOST_AUTO_TEST_CASE(is_moved_part_by_part_where_parts_lie_elsewhere) {
  StoreOnDisk store;
  store.config.commit_log_path = (store.directory.path() / "elsewhere/log").string();
  store.open();
  must_append(*store.core, record_of("T", 0, "old"));
  store.core->close();
  store.core.reset();
  const auto places = set_aside(store.config, "aside");
  BOOST_TEST(places.front() == store.config.commit_log_path + ".aside");
  store.open();
  BOOST_TEST(store.core->appended_end() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
