// What a client tells its operator about brokers and routes.

#include <boost/test/unit_test.hpp>

#include "broker_states.hpp"
#include "line_limit.hpp"
#include "route_change.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::client {
namespace {

const Address kBroker("10.0.0.2", 10911);

routing::TopicRouteData route_of(std::int32_t queues_of_a, bool with_b) {
  routing::TopicRouteData route;
  const auto add = [&route](const std::string& name, const std::string& address,
                            std::int32_t queues) {
    routing::BrokerData broker;
    broker.broker_name = name;
    broker.broker_addrs[routing::kMasterId] = address;
    route.brokers.push_back(broker);
    routing::QueueData queue;
    queue.broker_name = name;
    queue.write_queue_nums = queues;
    queue.perm = 6;
    route.queues.push_back(queue);
  };
  add("a", "10.0.0.1:10911", queues_of_a);
  if (with_b) add("b", "10.0.0.2:10911", 4);
  return route;
}

BOOST_AUTO_TEST_SUITE(reports)

BOOST_AUTO_TEST_CASE(each_change_of_a_brokers_state_is_told_once) {
  BrokerStates states;
  Instant now{};
  BOOST_TEST(!states.answered(kBroker, "b", now));
  BOOST_TEST(*states.failed(kBroker, "b", "Connection refused", now) ==
             "broker b at 10.0.0.2:10911 fails: Connection refused");
  BOOST_TEST(!states.failed(kBroker, "b", "Connection refused", now + 1s));
  BOOST_TEST(!states.all_well());
  BOOST_TEST(*states.answered(kBroker, "b", now + 2500ms) ==
             "broker b at 10.0.0.2:10911 answers again after 2.5 s");
  BOOST_TEST(!states.answered(kBroker, "b", now + 3s));
  BOOST_TEST(states.all_well());
}

BOOST_AUTO_TEST_CASE(brokers_that_no_route_names_are_forgotten) {
  BrokerStates states;
  for (std::uint16_t port = 1; port <= 100; ++port) {
    (void)states.failed(Address("10.0.0.3", port), "b", "no answer", Instant{});
  }
  states.forget_if([](const Address& broker) { return broker.port() != 7; });
  BOOST_TEST(states.size() == 1u);
  BOOST_TEST(!states.all_well());
  (void)states.answered(Address("10.0.0.3", 7), "b", Instant{});
  BOOST_TEST(states.all_well());
}

BOOST_AUTO_TEST_CASE(a_broker_that_comes_and_goes_is_told_of_every_ten_seconds) {
  BrokerStates states;
  int lines = 0;
  for (Duration at{}; at < 60s; at += 100ms) {
    const Instant now = Instant{} + at;
    if (states.failed(kBroker, "b", "no answer", now)) ++lines;
    if (states.answered(kBroker, "b", now + 50ms)) ++lines;
  }
  BOOST_TEST(lines == 12);
}

BOOST_AUTO_TEST_CASE(what_changed_in_a_route_is_said) {
  BOOST_TEST(describe_change(route_of(4, true), route_of(8, false)) == "a: 4 -> 8 queues; b gone");
  BOOST_TEST(describe_change(route_of(4, false), route_of(4, true)) ==
             "b new (10.0.0.2:10911, 4 queues)");
  routing::TopicRouteData moved = route_of(4, false);
  moved.brokers[0].broker_addrs.clear();
  moved.queues[0].perm = 4;
  BOOST_TEST(describe_change(route_of(4, false), moved) ==
             "a: 10.0.0.1:10911 -> no master, perm 6 -> 4");
  BOOST_TEST(describe_route(route_of(4, false)) == "a (10.0.0.1:10911, 4 queues)");
}

BOOST_AUTO_TEST_CASE(lines_beyond_the_limit_are_counted) {
  LineLimit limit(2, 10s);
  BOOST_TEST(limit.allows(Instant{} + 1s));
  BOOST_TEST(limit.allows(Instant{} + 2s));
  BOOST_TEST(!limit.allows(Instant{} + 3s));
  BOOST_TEST(limit.allows(Instant{} + 12s));
  BOOST_TEST(limit.take_untold() == 1u);
  BOOST_TEST(limit.take_untold() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::client
