// How a producer finds out where to send.

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/remoting/errors.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

BOOST_FIXTURE_TEST_SUITE(route, ProducerWorld)

BOOST_AUTO_TEST_CASE(the_route_is_asked_for_once_and_then_kept) {
  start();
  for (int i = 0; i < 10; ++i) send();
  BOOST_TEST(name_server.queries["orders"] == 1);
}

BOOST_AUTO_TEST_CASE(concurrent_sends_share_one_query) {
  start();
  int done = 0;
  auto on_end = [&done](std::exception_ptr problem, SendResult) { done += problem ? 0 : 1; };
  for (int i = 0; i < 100; ++i) {
    Message message("orders", "x");
    asio::co_spawn(context, producer->send(std::move(message)), on_end);
  }
  run_until([&done] { return done == 100; }, 3s);
  BOOST_TEST(name_server.queries["orders"] == 1);
  BOOST_TEST(tries() == 100u);
}

BOOST_AUTO_TEST_CASE(a_new_topic_goes_to_the_brokers_that_create_topics_with_four_queues) {
  name_server.routes["TBW102"] = make_route({&broker_a}, 8);
  start();
  std::set<std::int32_t> queues;
  for (int i = 0; i < 16; ++i) queues.insert(send(Message("new", "x")).queue.queue_id);
  BOOST_TEST(queues == std::set<std::int32_t>({0, 1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(name_server.queries["new"] == 1);
  BOOST_TEST(name_server.queries["TBW102"] == 1);
  BOOST_TEST(broker_a.sends.at(0).field("b") == "new");
  BOOST_TEST(broker_a.sends.at(0).field("c") == "TBW102");
  BOOST_TEST(broker_a.sends.at(0).field("d") == "4");
}

BOOST_AUTO_TEST_CASE(a_template_with_fewer_queues_limits_a_new_topic) {
  name_server.routes["TBW102"] = make_route({&broker_a}, 2);
  start();
  std::set<std::int32_t> queues;
  for (int i = 0; i < 8; ++i) queues.insert(send(Message("new", "x")).queue.queue_id);
  BOOST_TEST(queues == std::set<std::int32_t>({0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_created_topic_gets_its_own_route_at_the_next_refresh) {
  name_server.routes["TBW102"] = make_route({&broker_a}, 8);
  start();
  send(Message("new", "x"));
  name_server.routes["new"] = make_route({&broker_b}, 8);
  send(Message("new", "x"));
  BOOST_TEST(broker_b.sends.size() == 0u);
  pass(30s);
  send(Message("new", "x"));
  BOOST_TEST(broker_b.sends.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_topic_that_nobody_creates_is_an_error) {
  start();
  Error error = failing_send(Message("missing", "x"));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::topic_not_found));
  BOOST_TEST_CONTEXT(error.what()) {
    BOOST_TEST(contains(error.what(), "send to topic missing: "));
    BOOST_TEST(contains(error.what(), "ns1:9876"));
    BOOST_TEST(contains(error.what(), "autoCreateTopicEnable"));
  }
}

BOOST_AUTO_TEST_CASE(a_topic_without_a_writable_queue_is_an_error) {
  name_server.routes["orders"].queues[0].perm = routing::perm::kRead;
  name_server.routes["orders"].queues[1].perm = routing::perm::kRead;
  name_server.routes["TBW102"] = make_route({&broker_a});
  start();
  BOOST_TEST(failing_send().code() == make_error_code(ClientErrc::topic_not_found));
}

BOOST_AUTO_TEST_CASE(a_changed_route_is_followed_within_30_seconds) {
  name_server.routes["orders"] = make_route({&broker_a});
  start();
  send();
  name_server.routes["orders"] = make_route({&broker_b});
  pass(30s);
  send();
  BOOST_TEST(broker_a.sends.size() == 1u);
  BOOST_TEST(broker_b.sends.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_route_that_vanishes_is_still_used) {
  start();
  send();
  name_server.routes.clear();
  pass(10min);
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(name_servers, ProducerWorld)

BOOST_AUTO_TEST_CASE(a_name_server_that_is_down_is_named_with_what_to_check) {
  network.set_down(name_server.address().host(), true);
  start();
  Error error = failing_send();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::no_name_server));
  BOOST_TEST_CONTEXT(error.what()) {
    BOOST_TEST(
        contains(error.what(),
                 "send to topic orders: no name server answered: ns1:9876 (Connection refused)"));
    BOOST_TEST(contains(error.what(), "check that comet-namesrv (or mqnamesrv) runs there"));
  }
}

BOOST_AUTO_TEST_CASE(all_name_servers_that_were_tried_are_named) {
  network.set_down(name_server.address().host(), true);
  FakeServer other(*this, Address("ns2", 9876));  // serves nothing that a producer asks for
  other.start();
  start(config("ns1:9876;ns2:9876"));
  Error error = failing_send();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::no_name_server));
  BOOST_TEST_CONTEXT(error.what()) {
    BOOST_TEST(contains(error.what(), "ns1:9876 (Connection refused)"));
    BOOST_TEST(contains(error.what(), "ns2:9876 (REQUEST_CODE_NOT_SUPPORTED"));
  }
  run(producer->shutdown());
  other.stop();
}

BOOST_AUTO_TEST_CASE(a_silent_name_server_is_an_error_within_the_budget) {
  name_server.silent = true;
  start();
  const Instant begin = time.now();
  Error error = failing_send();
  BOOST_TEST((time.now() - begin == 3s));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::no_name_server));
  BOOST_TEST(contains(error.what(), "ns1:9876"));
  name_server.silent = false;
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_CASE(a_second_name_server_takes_over_from_one_that_is_down_or_silent) {
  FakeNameServer second(*this, "ns2");
  second.routes = name_server.routes;
  start(config("ns1:9876;ns2:9876"));
  send();
  FakeNameServer& used = name_server.total_queries() > 0 ? name_server : second;
  FakeNameServer& other = &used == &second ? name_server : second;
  other.routes["late"] = make_route({&broker_a});
  used.silent = true;
  const Instant begin = time.now();
  BOOST_TEST(send(Message("late", "x")).status == SendStatus::send_ok);
  BOOST_TEST((time.now() - begin == 1500ms));  // half of the time is the second one's
  // From now on the second is in use.
  other.routes["later"] = make_route({&broker_a});
  const int asked = used.total_queries();
  send(Message("later", "x"));
  BOOST_TEST(used.total_queries() == asked);
  run(producer->shutdown());
  second.stop();
}

BOOST_AUTO_TEST_CASE(one_name_server_is_used_as_long_as_it_works) {
  FakeNameServer second(*this, "ns2");
  name_server.routes["TBW102"] = second.routes["TBW102"] = make_route({&broker_a});
  start(config("ns1:9876;ns2:9876"));
  for (int i = 0; i < 10; ++i) send(Message("topic" + std::to_string(i), "x"));
  BOOST_TEST((name_server.total_queries() == 0 || second.total_queries() == 0));
  run(producer->shutdown());
  second.stop();
}

BOOST_AUTO_TEST_CASE(a_name_server_that_comes_back_is_used_again) {
  network.set_down(name_server.address().host(), true);
  start();
  failing_send();
  network.set_down(name_server.address().host(), false);
  pass(1s);  // the longest pause between connection attempts
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_no_route_is_an_error_that_names_the_server) {
  name_server.body = "<html>not a name server</html>";
  start();
  Error error = failing_send();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::bad_answer));
  BOOST_TEST_CONTEXT(error.what()) { BOOST_TEST(contains(error.what(), "name server ns1:9876")); }
}

BOOST_AUTO_TEST_CASE(a_known_route_outlives_its_name_server) {
  start();
  send();
  network.set_down(name_server.address().host(), true);
  pass(5min);
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
