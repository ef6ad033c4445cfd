#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "route_table_fixture.hpp"
#include "tables/route_table.hpp"

using comet::Instant;
using namespace comet::test;

BOOST_AUTO_TEST_SUITE(route_table_answers)

BOOST_AUTO_TEST_CASE(an_encoded_answer_is_the_recorded_one_and_is_kept) {
  RouteTable table;
  Registration registration;
  registration.at("127.0.0.1:20911").cluster = "DefaultCluster";
  table.register_broker(registration, kStart);
  const auto answer = table.find_route_json("T", IntegerKeys::unquoted).value();
  BOOST_TEST(
      answer.view() ==
      R"({"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:20911"},"brokerName":"broker-a",)"
      R"("cluster":"DefaultCluster","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":)"
      R"("broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]})");
  BOOST_TEST(table.find_route_json("T", IntegerKeys::unquoted)->view().data() ==
             answer.view().data());
  BOOST_TEST(table.find_route_json("T", IntegerKeys::quoted)->view().find("{\"0\":") !=
             std::string_view::npos);
  table.register_broker(registration, kStart);  // nothing new
  BOOST_TEST(table.find_route_json("T", IntegerKeys::unquoted)->view().data() ==
             answer.view().data());
  BOOST_TEST(!table.find_route_json("X", IntegerKeys::unquoted));
}

BOOST_AUTO_TEST_CASE(answers_stay_right_with_a_cache_of_any_size) {
  for (const std::size_t room :
       {std::size_t{0}, std::size_t{100}, std::size_t{500}, std::size_t{900}}) {
    RouteTableLimits limits;
    limits.max_cached = room;
    RouteTable table(limits);
    table.register_broker(Registration({"T", "U", "V"}), kStart);
    for (int round = 0; round < 3; ++round) {
      for (const std::string_view name : {"T", "U", "V"}) {
        BOOST_TEST(table.find_route_json(name, IntegerKeys::quoted)->view() ==
                   to_json(route(table, name), IntegerKeys::quoted));
      }
    }
  }
}

// Whatever happens, the kept answer is what a fresh one would be.
BOOST_AUTO_TEST_CASE(answers_follow_every_change) {
  const unsigned seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  BOOST_TEST_CONTEXT("seed " << seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random()) % limit; };
    RouteTableLimits limits;
    limits.max_cached = 2000;
    RouteTable table(limits);
    Instant now = kStart;
    for (int step = 0; step < 5000; ++step) {
      now += 1s;
      const std::string peer = "10.0.0." + std::to_string(1 + below(4)) + ":1";
      switch (below(8)) {
        case 0:
          table.connection_closed(below(6));
          break;
        case 1:
          table.unregister_broker(peer);
          break;
        case 2:
          table.expire(now);
          break;
        case 3:
          table.wipe_write_permission("b" + std::to_string(below(3)));
          break;
        case 4:
          table.remove_topic("t" + std::to_string(below(4)), below(2) ? "c" : "");
          break;
        default: {
          Registration registration({});
          registration.name("b" + std::to_string(below(3))).at(peer).over(below(6)).id(below(2));
          registration.version(static_cast<std::int64_t>(below(3)));
          registration.timeout = std::chrono::seconds(1 + below(30));
          for (unsigned i = 0; i < 4; ++i) {
            if (below(2))
              registration.topic(topic("t" + std::to_string(i), 1 + static_cast<int>(below(3))));
          }
          BOOST_REQUIRE(table.register_broker(registration, now).refusal == "");
        }
      }
      std::size_t members = 0;
      for (const auto& [cluster, brokers] : table.clusters()) {
        for (const auto& broker : brokers) members += broker.broker_addrs.size();
      }
      BOOST_REQUIRE(members == table.brokers());
      for (unsigned i = 0; i < 4; ++i) {
        const std::string name = "t" + std::to_string(i);
        const auto fresh = table.find_route(name);
        const IntegerKeys keys = below(2) ? IntegerKeys::quoted : IntegerKeys::unquoted;
        const auto kept = table.find_route_json(name, keys);
        BOOST_REQUIRE(fresh.has_value() == kept.has_value());
        if (fresh) BOOST_REQUIRE(kept->view() == to_json(*fresh, keys));
        if (fresh) BOOST_REQUIRE(!fresh->brokers.at(0).broker_addrs.empty());
      }
    }
    for (std::uint64_t connection = 0; connection < 6; ++connection)
      table.connection_closed(connection);
    BOOST_TEST(table.brokers() == 0u);
    BOOST_TEST(table.topics().empty());
  }
}

BOOST_AUTO_TEST_CASE(write_permission_can_be_taken_and_given) {
  RouteTable table;
  table.register_broker(Registration({"T", "U"}).topic(topic("P", 4, 7)), kStart);
  table.register_broker(Registration({"T"}).name("z").at(kB), kStart);
  BOOST_TEST(table.wipe_write_permission("broker-a") == 3u);
  BOOST_TEST(route(table, "T").queues.at(0).perm == 4);
  BOOST_TEST(route(table, "T").queues.at(1).perm == 6);
  BOOST_TEST(route(table, "P").queues.at(0).perm == 5);
  // The same data version does not bring it back, a new one does.
  table.register_broker(Registration({"T", "U"}).topic(topic("P", 4, 7)), kStart);
  BOOST_TEST(route(table, "T").queues.at(0).perm == 4);
  BOOST_TEST(table.add_write_permission("broker-a") == 3u);
  BOOST_TEST(route(table, "P").queues.at(0).perm == 6);
  table.register_broker(Registration({"T", "U"}).topic(topic("P", 4, 7)).version(2), kStart);
  BOOST_TEST(route(table, "P").queues.at(0).perm == 7);
  BOOST_TEST(table.wipe_write_permission("unknown") == 0u);
  BOOST_TEST(table.add_write_permission("unknown") == 0u);
}

BOOST_AUTO_TEST_CASE(a_topic_can_be_removed_from_everywhere_or_from_one_cluster) {
  RouteTable table;
  Registration other({"T", "U"});
  other.name("b").at(kB).cluster = "d";
  table.register_broker(Registration({"T", "U"}), kStart);
  table.register_broker(other, kStart);
  table.remove_topic("T", "d");
  BOOST_TEST(route(table, "T").queues.size() == 1u);
  BOOST_TEST(route(table, "T").queues.at(0).broker_name == "broker-a");
  table.remove_topic("T", "c");
  BOOST_TEST(!table.find_route("T"));
  table.remove_topic("U");
  BOOST_TEST(!table.find_route("U"));
  table.remove_topic("X");
}

BOOST_AUTO_TEST_CASE(topics_and_clusters_are_listed) {
  RouteTable table;
  Registration other({"V", "T"});
  other.name("b").at(kB).cluster = "d";
  table.register_broker(Registration({"T", "%RETRY%g"}), kStart);
  table.register_broker(other, kStart);
  BOOST_TEST(table.topics() == (std::vector<std::string>{"%RETRY%g", "T", "V"}),
             boost::test_tools::per_element());
  BOOST_TEST(table.topics_of_cluster("d") == (std::vector<std::string>{"T", "V"}),
             boost::test_tools::per_element());
  BOOST_TEST(table.topics_of_cluster("x").empty());
  const auto clusters = table.clusters();
  BOOST_REQUIRE(clusters.size() == 2u);
  BOOST_TEST(clusters.at("d").at(0).broker_name == "b");
  BOOST_TEST(clusters.at("c").at(0).broker_addrs.at(0) == kA);
  BOOST_TEST(table.find_broker("b").value().broker_addrs.at(0) == kB);
  BOOST_TEST(!table.find_broker("x"));
}

BOOST_AUTO_TEST_CASE(topics_are_listed_by_the_bits_of_their_flag) {
  RouteTable table;
  Registration registration({"none"});
  for (std::int32_t flag = 1; flag <= 3; ++flag) {
    TopicConfig config = topic("flag" + std::to_string(flag));
    config.topic_sys_flag = flag;
    registration.topic(config);
  }
  table.register_broker(registration, kStart);
  BOOST_TEST(table.topics_by_flag(1) == (std::vector<std::string>{"flag1", "flag3"}),
             boost::test_tools::per_element());
  BOOST_TEST(table.topics_by_flag(2, 1) == (std::vector<std::string>{"flag2"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
