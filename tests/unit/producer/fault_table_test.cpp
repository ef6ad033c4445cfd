#include "comet/producer/fault_table.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

using namespace std::chrono_literals;

namespace comet {
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
  BOOST_TEST((FaultTable::not_available_duration(549ms) == 0s));
  BOOST_TEST((FaultTable::not_available_duration(550ms) == 30s));
  BOOST_TEST((FaultTable::not_available_duration(999ms) == 30s));
  BOOST_TEST((FaultTable::not_available_duration(1000ms) == 60s));
  BOOST_TEST((FaultTable::not_available_duration(2000ms) == 120s));
  BOOST_TEST((FaultTable::not_available_duration(3000ms) == 180s));
  BOOST_TEST((FaultTable::not_available_duration(15s) == 600s));
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

BOOST_AUTO_TEST_CASE(with_no_broker_available_the_plain_choice_stands) {
  FaultTable table(true);
  routing::TopicPublishInfo topic = two_brokers();
  table.update("broker-a", 0ms, true, kStart);
  table.update("broker-b", 0ms, true, kStart);
  BOOST_TEST(table.select_queue(topic, "broker-a", kStart).broker_name == "broker-b");
  BOOST_TEST(table.select_queue(topic, "broker-b", kStart).broker_name == "broker-a");
}

BOOST_AUTO_TEST_CASE(a_disabled_table_remembers_nothing) {
  FaultTable table(false);
  table.update("broker-a", 1h, true, kStart);
  BOOST_TEST(table.available("broker-a", kStart));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet
