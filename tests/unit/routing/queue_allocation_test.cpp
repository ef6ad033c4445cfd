#include "comet/routing/queue_allocation.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <limits>

#include "test_data.hpp"

using namespace comet;
using namespace comet::routing;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> texts(const boost::json::value& list) {
  std::vector<std::string> result;
  for (const auto& one : list.as_array()) result.emplace_back(one.as_string());
  return result;
}

// Queues are written BROKER/ID.
std::vector<MessageQueue> queues_of(const std::string& topic, const boost::json::value& list) {
  std::vector<MessageQueue> queues;
  for (const std::string& text : texts(list)) {
    const std::size_t slash = text.rfind('/');
    queues.emplace_back(topic, text.substr(0, slash), std::stoi(text.substr(slash + 1)));
  }
  return queues;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(queue_allocation)

// What Apache's own classes have computed (4.9.8; 5.5.0 computes the same).
BOOST_AUTO_TEST_CASE(queues_are_given_out_as_java_clients_give_them_out) {
  const boost::json::value data =
      boost::json::parse(text_of(test::test_data() + "/consumer_allocations.json"));
  int compared = 0;
  for (const auto& one : data.at("cases").as_array()) {
    const std::string topic(one.at("topic").as_string());
    for (const auto& [name, members] : one.at("result").as_object()) {
      const auto strategy = allocation_strategy(name);
      if (!strategy) continue;
      for (const auto& [member, wanted] : members.as_object()) {
        const auto seen = allocate_queues(*strategy, queues_of(topic, one.at("queues_unsorted")),
                                          texts(one.at("clients_unsorted")), member);
        BOOST_TEST((seen == queues_of(topic, wanted)), one.at("note").as_string()
                                                           << ", " << name << ", " << member);
        ++compared;
      }
    }
  }
  BOOST_TEST(compared > 200);
}

BOOST_AUTO_TEST_CASE(who_is_not_a_member_has_no_queues) {
  const std::vector<MessageQueue> queues = {MessageQueue("T", "b", 0)};
  BOOST_TEST(allocate_queues(AllocationStrategy::averagely, queues, {"a"}, "b").empty());
  BOOST_TEST(allocate_queues(AllocationStrategy::averagely_by_circle, queues, {}, "b").empty());
}

BOOST_AUTO_TEST_CASE(only_queues_that_may_be_read_are_given_out) {
  TopicRouteData route;
  route.queues.resize(2);
  route.queues[0].broker_name = "a";
  route.queues[0].perm = 6;
  route.queues[0].read_queue_nums = 2;
  route.queues[0].write_queue_nums = 3;
  route.queues[1].broker_name = "b";
  route.queues[1].perm = 2;
  route.queues[1].read_queue_nums = 4;
  const auto queues = readable_queues("T", route);
  BOOST_REQUIRE(queues.size() == 2u);
  BOOST_TEST((queues[1] == MessageQueue("T", "a", 1)));
}

BOOST_AUTO_TEST_CASE(a_route_may_say_any_number_of_queues) {
  TopicRouteData route;
  route.queues.resize(10);
  for (QueueData& data : route.queues) {
    data.perm = 6;
    data.read_queue_nums = std::numeric_limits<std::int32_t>::max();
  }
  BOOST_TEST(readable_queues("T", route).size() == kMostQueuesOfTopic);
  route.queues.resize(1);
  BOOST_TEST(readable_queues("T", route).size() == 65'536u);
  route.queues[0].read_queue_nums = -5;
  BOOST_TEST(readable_queues("T", route).empty());
}

BOOST_AUTO_TEST_SUITE_END()
