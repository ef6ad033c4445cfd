// What a slave makes of its master's tables.

#include <boost/test/unit_test.hpp>

#include "comet/base/memory_network.hpp"
#include "replication/table_items.hpp"
#include "request/helper_thread.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace comet::broker;

namespace {

class Tables {
 public:
  Tables() {
    config.store.root = directory.path();
    topics.load({});
    groups.load();
  }
  test::TempDirectory directory;
  test::VirtualWorld world;
  BrokerConfig config;
  HelperThread files{world.executor(), world.time};
  TopicTable topics{config, world.time, files};
  GroupTable groups{config, world.time, files};
  OffsetTable offsets{directory.path(), world.time};
};

routing::TopicConfig topic(const std::string& name, std::int32_t queues) {
  routing::TopicConfig config;
  config.topic_name = name;
  config.read_queue_nums = queues;
  config.write_queue_nums = queues;
  return config;
}

BOOST_FIXTURE_TEST_SUITE(tables_of_a_slave, Tables)

BOOST_AUTO_TEST_CASE(changes_of_offsets_come_over_as_they_are) {
  (void)offsets.take_changes();
  offsets.commit("G", "T", 0, 5);
  offsets.commit("G", "T", 1, 7);
  offsets.commit("H", "T", 0, 1);
  BOOST_REQUIRE(offsets.reset("H", "T", {{0, 0}}));
  offsets.forget_topic("gone");
  const auto changes = parse_offset_changes(to_json(offsets.take_changes()));
  BOOST_REQUIRE(changes.has_value());
  BOOST_TEST((changes->committed.at("T@G") == OffsetTable::Queues{{0, 5}, {1, 7}}));
  BOOST_TEST((changes->reset.at("T@H") == OffsetTable::Queues{{0, 0}}));
  BOOST_TEST(offsets.take_changes().empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_text_of_changes_is_refused) {
  for (const char* text :
       {"", "[]", "{}", R"({"committed":{"a@b":{"0":-1}},"removed":[],"reset":{}})",
        R"({"committed":{"a@b":{"x":1}},"removed":[],"reset":{}})",
        R"({"committed":{},"removed":[1],"reset":{}})"}) {
    BOOST_TEST(!parse_offset_changes(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(ends_of_queues_come_over_as_they_are) {
  const std::vector<store::QueueEnd> ends{{"a", 0, 30}, {"a", 7, 2}, {"b\"", 1, 5'000'000'000}};
  const auto read = parse_queue_ends(to_json(ends));
  BOOST_REQUIRE(read.has_value());
  BOOST_REQUIRE(read->size() == 3);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    BOOST_TEST((*read)[i].topic == ends[i].topic);
    BOOST_TEST((*read)[i].queue_id == ends[i].queue_id);
    BOOST_TEST((*read)[i].queue_offset == ends[i].queue_offset);
  }
  for (const char* text : {"", "[]", R"({"a":1})", R"({"a":{"x":1}})", R"({"a":{"-1":1}})",
                           R"({"a":{"0":-1}})", R"({"a":{"0":"1"}})"}) {
    BOOST_TEST(!parse_queue_ends(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(a_commit_never_lowers_a_slaves_offset_and_a_reset_does) {
  offsets.commit("G", "T", 0, 9);
  OffsetTable::Changes changes;
  changes.committed["T@G"] = {{0, 4}, {1, 2}};
  offsets.apply(changes);
  BOOST_TEST(offsets.find("G", "T", 0).value() == 9);
  BOOST_TEST(offsets.find("G", "T", 1).value() == 2);
  changes = {};
  changes.reset["T@G"] = {{0, 4}};
  offsets.apply(changes);
  BOOST_TEST(offsets.find("G", "T", 0).value() == 4);
  changes = {};
  changes.removed.insert("T@G");
  offsets.apply(changes);
  BOOST_TEST(!offsets.find("G", "T", 0).has_value());
}

BOOST_AUTO_TEST_CASE(all_offsets_of_a_java_master_are_merged_and_the_higher_ones_hold) {
  offsets.commit("G", "T", 0, 9);
  BOOST_TEST(!offsets.merge(R"({"offsetTable":{"T@G":{0:3,1:4},"T@H":{2:1}}})"));
  BOOST_TEST(offsets.find("G", "T", 0).value() == 9);
  BOOST_TEST(offsets.find("G", "T", 1).value() == 4);
  BOOST_TEST(offsets.find("H", "T", 2).value() == 1);
  BOOST_TEST(!!offsets.merge("{}"));
  BOOST_TEST(!!offsets.merge("no"));
}

BOOST_AUTO_TEST_CASE(a_master_tells_its_slaves_what_it_has_merged_and_a_reset_stays) {
  (void)offsets.take_changes();
  BOOST_REQUIRE(offsets.reset("G", "T", {{0, 2}}));
  (void)offsets.take_changes();
  BOOST_TEST(!offsets.merge(R"({"offsetTable":{"T@G":{"0":9},"T@H":{"1":4}}})"));
  BOOST_TEST(offsets.find("G", "T", 0).value() == 2);
  const OffsetTable::Changes changes = offsets.take_changes();
  BOOST_TEST((changes.committed == decltype(changes.committed){{"T@H", {{1, 4}}}}));
}

BOOST_AUTO_TEST_CASE(topics_are_replaced_whole_and_those_of_every_broker_stay) {
  topics.put({topic("old", 2), topic("kept", 4)});
  world.settle();
  const auto system = topics.size() - 2;
  bool saved = false;
  const auto gone = topics.replace_all({{"kept", topic("kept", 8)}, {"new", topic("new", 1)}},
                                       [&saved](bool done) { saved = done; });
  world.settle();
  BOOST_TEST(saved);
  BOOST_TEST(topics.find("old") == nullptr);
  BOOST_TEST(topics.find("kept")->read_queue_nums == 8);
  BOOST_TEST(topics.find("new")->read_queue_nums == 1);
  BOOST_TEST(std::ranges::count(gone, "old") == 1);
  BOOST_TEST(topics.size() <= system + 2);
  BOOST_TEST(topics.find("broker-a") != nullptr);
}

BOOST_AUTO_TEST_CASE(groups_are_replaced_whole_or_not_at_all) {
  GroupConfig group;
  group.group_name = "old";
  BOOST_REQUIRE(groups.put({group}));
  world.settle();
  BOOST_TEST(!!groups.replace_all("no"));
  BOOST_TEST(!!groups.replace_all("{}"));
  BOOST_TEST(groups.find("old") != nullptr);
  BOOST_TEST(!groups.replace_all(
      R"({"subscriptionGroupTable":{"new":{"groupName":"new","retryMaxTimes":3}}})"));
  world.settle();
  BOOST_TEST(groups.find("old") == nullptr);
  BOOST_TEST(groups.find("new")->retry_max_times == 3);
  BOOST_TEST(groups.find("TOOLS_CONSUMER") != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
