// What a send does when brokers fail.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/message/properties.hpp"
#include "comet/remoting/errors.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

BOOST_FIXTURE_TEST_SUITE(retry, ProducerWorld)

BOOST_AUTO_TEST_CASE(a_busy_broker_is_passed_over_for_another) {
  start();
  broker_a.otherwise = Act::code(ResponseCode::system_busy, "full");
  for (int i = 0; i < 8; ++i) BOOST_TEST(send().queue.broker_name == "broker-b");
  BOOST_TEST(broker_b.sends.size() == 8u);
  BOOST_TEST(broker_a.sends.size() > 0u);
}

BOOST_AUTO_TEST_CASE(codes_that_say_not_here_or_not_now_are_tried_again) {
  for (ResponseCode code :
       {ResponseCode::system_error, ResponseCode::system_busy, ResponseCode::service_not_available,
        ResponseCode::no_permission, ResponseCode::topic_not_exist, ResponseCode::no_buyer_id,
        ResponseCode::not_in_current_unit}) {
    BOOST_TEST_CONTEXT(remoting::to_string(code)) {
      ProducerWorld world;
      world.start();
      world.both(Act::code(code));
      SendError error = world.failing_send<SendError>();
      BOOST_TEST(error.code() == make_error_code(code));
      BOOST_TEST(error.tries().size() == 3u);
      BOOST_TEST(world.tries() == 3u);
    }
  }
}

BOOST_AUTO_TEST_CASE(each_try_that_is_told_to_go_away_is_made_once_more_on_a_new_connection) {
  ProducerWorld world;
  world.start();
  world.both(Act::code(ResponseCode::go_away));
  SendError error = world.failing_send<SendError>();
  BOOST_TEST(error.code() == make_error_code(ResponseCode::go_away));
  BOOST_TEST(error.tries().size() == 3u);
  BOOST_TEST(world.tries() == 6u);
}

BOOST_AUTO_TEST_CASE(a_message_that_the_broker_calls_illegal_fails_at_once) {
  start();
  both(Act::code(ResponseCode::message_illegal, "not good"));
  SendError error = failing_send<SendError>();
  BOOST_TEST(error.code() == make_error_code(ResponseCode::message_illegal));
  BOOST_TEST(error.tries().size() == 1u);
  BOOST_TEST(contains(error.what(), "not good"));
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(tries_alternate_between_the_brokers) {
  start();
  both(Act::code(ResponseCode::system_error));
  SendError error = failing_send<SendError>();
  BOOST_TEST(error.tries().at(0).broker_name != error.tries().at(1).broker_name);
  BOOST_TEST(error.tries().at(0).broker_name == error.tries().at(2).broker_name);
}

BOOST_AUTO_TEST_CASE(a_single_broker_is_tried_again) {
  name_server.routes["orders"] = make_route({&broker_a});
  start();
  broker_a.script = {Act::code(ResponseCode::system_busy), Act::code(ResponseCode::system_busy)};
  BOOST_TEST(send().queue.broker_name == "broker-a");
  BOOST_TEST(broker_a.sends.size() == 3u);
}

BOOST_AUTO_TEST_CASE(the_unique_id_stays_the_same_over_all_tries) {
  start();
  both(Act::code(ResponseCode::system_error));
  broker_a.script = {Act::code(ResponseCode::system_error)};
  failing_send();
  std::set<std::string> ids;
  for (const FakeBroker* broker : {&broker_a, &broker_b}) {
    for (const auto& sent : broker->sends) {
      ids.insert(std::string(find_property(sent.field("i"), property::kUniqueKey)));
      BOOST_TEST(sent.body == "the body");
      BOOST_TEST(sent.field("n") == broker->name());
    }
  }
  BOOST_TEST(tries() == 3u);
  BOOST_TEST(ids.size() == 1u);
}

BOOST_AUTO_TEST_CASE(without_retries_there_is_one_try) {
  start(config().retries(0));
  both(Act::code(ResponseCode::system_busy));
  BOOST_TEST(failing_send<SendError>().tries().size() == 1u);
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(a_broker_that_refuses_connections_is_passed_over) {
  start();
  network.set_down(broker_a.address().host(), true);
  for (int i = 0; i < 8; ++i) BOOST_TEST(send().queue.broker_name == "broker-b");
}

BOOST_AUTO_TEST_CASE(a_connection_that_closes_instead_of_an_answer_leads_to_another_broker) {
  start();
  broker_a.otherwise = Act::close();
  for (int i = 0; i < 8; ++i) BOOST_TEST(send().queue.broker_name == "broker-b");
  BOOST_TEST(broker_a.sends.size() > 0u);
}

BOOST_AUTO_TEST_CASE(a_broker_that_closes_in_the_middle_of_its_answer_leads_to_another) {
  broker_a.stop();
  std::unique_ptr<Listener> listener = network.listen(executor(), broker_a.address());
  int accepted = 0;
  auto half_answers = [](VirtualWorld& world, Listener& from, int& count) -> asio::awaitable<void> {
    for (;;) {
      std::unique_ptr<Stream> stream = co_await from.accept(world.executor());
      ++count;
      char request[4096];
      IoResult got = co_await stream->read_some(asio::buffer(request));
      const std::string half("\0\0\1\0\0\0\0\x20{\"code\":0,", 18);
      asio::const_buffer piece = asio::buffer(half);
      std::span<const asio::const_buffer> pieces(&piece, 1);
      if (!got.error) (void)co_await stream->write(pieces);
      stream->close();
    }
  };
  auto ignore = [](std::exception_ptr) {};
  asio::co_spawn(context, half_answers(*this, *listener, accepted), ignore);
  start();
  for (int i = 0; i < 8; ++i) BOOST_TEST(send().queue.broker_name == "broker-b");
  BOOST_TEST(accepted > 0);
  listener->close();
  settle();
}

BOOST_AUTO_TEST_CASE(brokers_that_never_answer_use_up_exactly_the_budget) {
  start();
  both(Act::hang());
  const Instant begin = time.now();
  SendError error = failing_send<SendError>();
  BOOST_TEST(((time.now() - begin) == 3s));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::broker_timeout));
  BOOST_TEST(error.tries().size() == 1u);
  BOOST_TEST(contains(error.what(), "no answer within 3000 ms"));
}

BOOST_AUTO_TEST_CASE(later_tries_have_what_earlier_ones_left) {
  start();
  network.set_latency(500ms);  // one way: a connection takes its time, a refusal another second
  both(Act::code(ResponseCode::system_busy));
  const Instant begin = time.now();
  SendError error = failing_send<SendError>();
  BOOST_TEST(((time.now() - begin) <= 3s));
  BOOST_TEST(((time.now() - begin) > 2s));
}

BOOST_AUTO_TEST_CASE(a_limit_per_try_leaves_time_for_another_broker) {
  start(config().max_timeout_per_try(1s));
  broker_a.otherwise = Act::hang();
  const Instant begin = time.now();
  for (int i = 0; i < 2; ++i) BOOST_TEST(send().queue.broker_name == "broker-b");
  BOOST_TEST((time.now() - begin == 1s));
}

BOOST_AUTO_TEST_CASE(an_answer_without_ids_is_not_tried_again) {
  start();
  Act empty;
  empty.with_fields = false;
  both(empty);
  SendError error = failing_send<SendError>();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::bad_answer));
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(the_error_lists_every_try_with_broker_address_reason_and_time) {
  start();
  broker_a.otherwise = Act::code(ResponseCode::system_busy, "too much");
  broker_b.otherwise = Act::close();
  SendError error = failing_send<SendError>();
  BOOST_TEST_CONTEXT(error.what()) {
    BOOST_TEST(contains(error.what(), "send to topic orders failed after 3 tries in"));
    BOOST_TEST(contains(error.what(), "broker-a at host-a:10911: SYSTEM_BUSY (2) too much ("));
    BOOST_TEST(contains(error.what(), "broker-b at host-b:10911: "));
  }
  const SendTry& by_b = error.tries().at(error.tries().at(0).broker_name == "broker-b" ? 0 : 1);
  BOOST_TEST(by_b.error == make_error_code(remoting::RemotingErrc::closed));
}

BOOST_AUTO_TEST_CASE(a_broker_without_an_address_is_asked_for_again_and_then_passed_over) {
  // The route names the queue's broker, but its master's address cannot be used.
  name_server.routes["orders"] = make_route({&broker_a});
  name_server.routes["orders"].brokers[0].broker_addrs[0] = "no-port";
  start();
  SendError error = failing_send<SendError>();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::broker_not_exist));
  BOOST_TEST(name_server.queries["orders"] == 4);  // the route, and once more for each try
  name_server.routes["orders"] = make_route({&broker_a});
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_CASE(a_broker_that_failed_is_left_out_when_fault_tolerance_is_on) {
  start(config().latency_fault_tolerance(true));
  broker_a.otherwise = Act::code(ResponseCode::system_busy);
  for (int i = 0; i < 20; ++i) send();
  BOOST_TEST(broker_a.sends.size() <= 1u);
  broker_a.otherwise = Act();
  pass(10min);
  for (int i = 0; i < 20; ++i) send();
  BOOST_TEST(broker_a.sends.size() > 5u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
