// What the broker counts of its traffic.

#include <algorithm>

#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

const broker::TrafficStats* find(const broker::BrokerStats& stats, const std::string& topic,
                                 const std::string& group = {}) {
  const auto found = std::ranges::find_if(stats.traffic, [&](const broker::TrafficStats& one) {
    return one.topic == topic && one.consumer_group == group;
  });
  return found == stats.traffic.end() ? nullptr : &*found;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(traffic, BrokerFixture)

BOOST_AUTO_TEST_CASE(stored_messages_count_by_topic) {
  start();
  ask(send_request("T", "12345"));
  ask(send_request("T", "67890"));
  ask(send_request("U", "x"));
  const broker::BrokerStats stats = broker->stats();
  BOOST_REQUIRE(find(stats, "T") != nullptr);
  BOOST_TEST(find(stats, "T")->messages == 2u);
  BOOST_TEST(find(stats, "T")->bytes == 10u);
  BOOST_TEST(find(stats, "U")->messages == 1u);
  BOOST_TEST(stats.connections == 1u);
  BOOST_TEST(stats.permission == 6);
}

BOOST_AUTO_TEST_CASE(refused_messages_do_not_count) {
  start();
  ask(send_request("T", "x", 99));
  BOOST_TEST(find(broker->stats(), "T") == nullptr);
}

BOOST_AUTO_TEST_CASE(what_consumers_get_counts_by_topic_and_group_also_when_they_waited) {
  start();
  ask(send_request("T", "one"));
  ask(pull_request("T", 0, 0));
  BOOST_TEST(find(broker->stats(), "T", "CG")->messages == 1u);
  ask(pull_request("T", 0, 1));  // nothing there
  BOOST_TEST(find(broker->stats(), "T", "CG")->messages == 1u);
  auto waiting =
      client->invoke(config.listen_at, pull_request("T", 0, 1, 15'000), world.time.now() + 30s);
  bool answered = false;
  asio::co_spawn(world.context, std::move(waiting),
                 [&](std::exception_ptr, RemotingCommand) { answered = true; });
  world.settle();
  ask(send_request("T", "two"));
  world.settle();
  BOOST_TEST(answered);
  BOOST_TEST(find(broker->stats(), "T", "CG")->messages == 2u);
  BOOST_TEST(find(broker->stats(), "T")->messages == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
