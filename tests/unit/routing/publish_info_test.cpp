#include "comet/routing/publish_info.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <vector>

using comet::MessageQueue;
using comet::routing::BrokerData;
using comet::routing::QueueData;
using comet::routing::TopicPublishInfo;
using comet::routing::TopicRouteData;

namespace {

QueueData queue_data(std::string broker, std::int32_t read, std::int32_t write,
                     std::int32_t perm = 6) {
  QueueData data;
  data.broker_name = std::move(broker);
  data.read_queue_nums = read;
  data.write_queue_nums = write;
  data.perm = perm;
  return data;
}

BrokerData broker_data(std::string name, std::int64_t id = 0) {
  BrokerData data;
  data.cluster = "c";
  data.broker_name = std::move(name);
  data.broker_addrs[id] = "10.0.0.1:10911";
  return data;
}

TopicRouteData two_brokers() {
  TopicRouteData route;
  route.queues = {queue_data("b", 8, 2), queue_data("a", 8, 2)};
  route.brokers = {broker_data("b"), broker_data("a")};
  return route;
}

std::vector<std::string> names(const std::vector<MessageQueue>& queues) {
  std::vector<std::string> all;
  for (const MessageQueue& queue : queues) {
    all.push_back(queue.topic + "/" + queue.broker_name + "/" + std::to_string(queue.queue_id));
  }
  return all;
}

std::string pick(TopicPublishInfo& info, std::string_view last_broker = {}) {
  const MessageQueue& queue = info.select_queue(last_broker);
  return queue.broker_name + std::to_string(queue.queue_id);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(topic_publish_info)

BOOST_AUTO_TEST_CASE(write_queues_are_listed_by_broker_name) {
  auto info = TopicPublishInfo::from_route("T", two_brokers());
  BOOST_TEST(info.ok());
  BOOST_TEST(info.topic() == "T");
  BOOST_TEST(names(info.queues()) == (std::vector<std::string>{"T/a/0", "T/a/1", "T/b/0", "T/b/1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(entries_without_write_permission_are_left_out) {
  TopicRouteData route = two_brokers();
  route.queues[1].perm = comet::routing::perm::kRead;
  auto info = TopicPublishInfo::from_route("T", route);
  BOOST_TEST(names(info.queues()) == (std::vector<std::string>{"T/b/0", "T/b/1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(brokers_without_a_master_or_without_data_are_left_out) {
  TopicRouteData route = two_brokers();
  route.brokers[1] = broker_data("a", 1);
  route.queues.push_back(queue_data("unknown", 4, 4));
  auto info = TopicPublishInfo::from_route("T", route);
  BOOST_TEST(names(info.queues()) == (std::vector<std::string>{"T/b/0", "T/b/1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_order_configuration_decides_alone) {
  TopicRouteData route = two_brokers();
  route.order_topic_conf = "z:1;;broken;:3;x:many;c:-1;b:3";
  auto info = TopicPublishInfo::from_route("T", route);
  BOOST_TEST(names(info.queues()) == (std::vector<std::string>{"T/z/0", "T/b/0", "T/b/1", "T/b/2"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_route_without_queues_is_not_ok) {
  BOOST_TEST(!TopicPublishInfo::from_route("T", {}).ok());
  BOOST_TEST(!TopicPublishInfo().ok());
}

BOOST_AUTO_TEST_CASE(absurd_queue_numbers_are_bounded) {
  TopicRouteData route = two_brokers();
  route.queues[0].write_queue_nums = INT32_MAX;
  route.queues[1].write_queue_nums = -5;
  auto info = TopicPublishInfo::from_route("T", route);
  BOOST_TEST(info.queues().size() == TopicPublishInfo::kMaxQueues);
  route.order_topic_conf = "a:2147483647;b:2147483647";
  info = TopicPublishInfo::from_route("T", route);
  BOOST_TEST(info.queues().size() == TopicPublishInfo::kMaxQueues);
}

BOOST_AUTO_TEST_CASE(queues_are_taken_in_turn_from_the_given_start) {
  auto info = TopicPublishInfo::from_route("T", two_brokers(), 7);
  BOOST_TEST(info.position() == 3u);
  BOOST_TEST(pick(info) == "b1");
  BOOST_TEST(pick(info) == "a0");
  BOOST_TEST(pick(info) == "a1");
  BOOST_TEST(pick(info) == "b0");
  BOOST_TEST(pick(info) == "b1");
}

BOOST_AUTO_TEST_CASE(a_retry_goes_to_another_broker) {
  auto info = TopicPublishInfo::from_route("T", two_brokers());
  BOOST_TEST(pick(info) == "a0");
  BOOST_TEST(pick(info, "a") == "b0");
  BOOST_TEST(pick(info, "b") == "a0");
}

BOOST_AUTO_TEST_CASE(a_retry_with_one_broker_takes_its_next_queue) {
  TopicRouteData route = two_brokers();
  route.brokers.pop_back();
  auto info = TopicPublishInfo::from_route("T", route);
  BOOST_TEST(pick(info) == "b0");
  BOOST_TEST(pick(info, "b") == "b1");
  BOOST_TEST(pick(info, "b") == "b0");
}

BOOST_AUTO_TEST_SUITE_END()
