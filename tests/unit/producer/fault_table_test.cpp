#include "comet/producer/fault_table.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

using namespace std::chrono_literals;

namespace comet::inline v0_1 {
namespace {

const Instant kStart{};

routing::TopicPublishInfo two_brokers() {
  routing::TopicRouteData route;
  for (std::string name : {"broker-a", "broker-b"}) {
    routing::QueueData queue;
    queue.broker_name = name;
    queue.read_queue_nums = queue.write_queue_nums = 2;
    queue.perm = 6;
    route.queues.push_back(queue);
    routing::BrokerData broker;
    broker.broker_name = name;
    broker.broker_addrs[routing::kMasterId] = name + ":10911";
    route.brokers.push_back(broker);
  }
  return routing::TopicPublishInfo::from_route("t", route);
}

BOOST_AUTO_TEST_SUITE(fault_table)

BOOST_AUTO_TEST_CASE(latency_decides_how_long_a_broker_is_left_out) {
  const FaultTable v4(true);
  BOOST_TEST((v4.not_available_duration(549ms) == 0s));
  BOOST_TEST((v4.not_available_duration(550ms) == 30s));
  BOOST_TEST((v4.not_available_duration(999ms) == 30s));
  BOOST_TEST((v4.not_available_duration(1000ms) == 60s));
  BOOST_TEST((v4.not_available_duration(2000ms) == 120s));
  BOOST_TEST((v4.not_available_duration(3000ms) == 180s));
  BOOST_TEST((v4.not_available_duration(15s) == 600s));
  const FaultTable v5(true, FaultRules::v5_3);
  BOOST_TEST((v5.not_available_duration(549ms) == 0s));
  BOOST_TEST((v5.not_available_duration(550ms) == 2s));
  BOOST_TEST((v5.not_available_duration(1800ms) == 5s));
  BOOST_TEST((v5.not_available_duration(3000ms) == 6s));
  BOOST_TEST((v5.not_available_duration(5000ms) == 10s));
  BOOST_TEST((v5.not_available_duration(15s) == 30s));
}

BOOST_AUTO_TEST_CASE(a_failed_try_takes_a_broker_out_for_ten_minutes) {
  FaultTable table(true);
  table.update("broker-a", 1ms, true, kStart);
  BOOST_TEST(!table.available("broker-a", kStart + 599s));
  BOOST_TEST(table.available("broker-a", kStart + 600s));
  BOOST_TEST(table.available("broker-b", kStart));
}

BOOST_AUTO_TEST_CASE(a_fast_try_brings_a_broker_back) {
  FaultTable table(true);
  table.update("broker-a", 1s, false, kStart);
  BOOST_TEST(!table.available("broker-a", kStart));
  table.update("broker-a", 5ms, false, kStart);
  BOOST_TEST(table.available("broker-a", kStart));
}

BOOST_AUTO_TEST_CASE(queues_of_unavailable_brokers_are_passed_over) {
  FaultTable table(true);
  routing::TopicPublishInfo topic = two_brokers();
  table.update("broker-a", 0ms, true, kStart);
  for (int i = 0; i < 8; ++i) {
    BOOST_TEST(table.select_queue(topic, {}, kStart).broker_name == "broker-b");
  }
  std::set<std::string> later;
  for (int i = 0; i < 8; ++i) {
    later.insert(table.select_queue(topic, {}, kStart + 600s).broker_name);
  }
  BOOST_TEST(later.size() == 2u);
}

// Apache 4.9: pickOneAtLeast.
BOOST_AUTO_TEST_CASE(with_no_broker_available_one_of_the_better_half_is_taken) {
  FaultTable table(true);
  routing::TopicPublishInfo topic = two_brokers();
  table.update("broker-a", 2s, true, kStart);
  table.update("broker-b", 1s, true, kStart);
  for (int i = 0; i < 4; ++i) {
    BOOST_TEST(table.select_queue(topic, "broker-b", kStart).broker_name == "broker-b");
  }
}

BOOST_AUTO_TEST_CASE(a_better_broker_without_a_queue_of_the_topic_is_forgotten) {
  FaultTable table(true);
  routing::TopicPublishInfo topic = two_brokers();
  table.update("elsewhere", 1s, true, kStart);
  table.update("broker-a", 2s, true, kStart);
  table.update("broker-b", 3s, true, kStart);
  (void)table.select_queue(topic, {}, kStart);
  BOOST_TEST(table.available("elsewhere", kStart));
  BOOST_TEST(table.select_queue(topic, {}, kStart).broker_name == "broker-a");
}

// Apache 5.3: available, then reachable, then any.
BOOST_AUTO_TEST_CASE(the_newer_rules_prefer_brokers_that_are_reachable) {
  FaultTable table(true, FaultRules::v5_3);
  routing::TopicPublishInfo topic = two_brokers();
  table.update("broker-a", 0ms, true, kStart, false);
  table.update("broker-b", 0ms, true, kStart, true);
  BOOST_TEST(!table.available("broker-b", kStart + 9s));
  BOOST_TEST(table.available("broker-b", kStart + 10s));
  for (int i = 0; i < 4; ++i) {
    BOOST_TEST(table.select_queue(topic, {}, kStart).broker_name == "broker-b");
  }
  table.update("broker-b", 0ms, true, kStart, false);
  std::set<std::string> chosen;
  for (int i = 0; i < 4; ++i) chosen.insert(table.select_queue(topic, {}, kStart).broker_name);
  BOOST_TEST(chosen.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_check_makes_a_broker_reachable_and_only_an_answer_does) {
  FaultTable table(true, FaultRules::v5_3);
  table.update("broker-a", 0ms, true, kStart, false);
  BOOST_TEST(table.due_for_check(kStart, 2s).size() == 1u);
  BOOST_TEST(table.due_for_check(kStart + 1s, 2s).empty());
  table.checked("broker-a", false);
  BOOST_TEST(!table.reachable("broker-a"));
  BOOST_TEST(table.due_for_check(kStart + 2s, 2s).size() == 1u);
  table.checked("broker-a", true);
  BOOST_TEST(table.reachable("broker-a"));
}

BOOST_AUTO_TEST_CASE(a_disabled_table_remembers_nothing) {
  FaultTable table(false);
  table.update("broker-a", 1h, true, kStart);
  BOOST_TEST(table.available("broker-a", kStart));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1
