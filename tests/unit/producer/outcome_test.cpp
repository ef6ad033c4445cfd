// What a program learns of a send that failed: the message's id, whether it may be stored, every
// try.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

// With an id of its own, so that the test knows it.
Message named(std::string id = "THE-ID") {
  Message message("orders", "the body");
  message.properties().set(property::kUniqueKey, id);
  return message;
}

// A send whose outcome is looked at, with a way to cancel it.
class Sending {
 public:
  Sending(VirtualWorld& world, Producer& producer, Message message, SendOptions options = {}) {
    (void)world;
    auto on_end = [this](error_code code, SendOutcome ended) {
      done = true;
      error = code;
      outcome = std::move(ended);
    };
    producer.async_send(std::move(message), std::move(options),
                        asio::bind_cancellation_slot(signal.slot(), on_end));
  }
  void cancel() { signal.emit(asio::cancellation_type::terminal); }

  asio::cancellation_signal signal;
  bool done = false;
  error_code error;
  SendOutcome outcome;
};

class Outcomes : public ProducerWorld {
 public:
  SendOutcome outcome_of(Message message = named(), SendOptions options = {}) {
    Sending sending(*this, *producer, std::move(message), std::move(options));
    run_until([&] { return sending.done; });
    BOOST_TEST(sending.error == sending.outcome.error());
    return sending.outcome;
  }
  void check_cancelled(Sending& sending, bool may_be_stored) {
    const Instant begin = time.now();
    sending.cancel();
    settle();
    BOOST_REQUIRE(sending.done);
    BOOST_TEST((time.now() == begin));
    BOOST_TEST(sending.error == make_error_code(asio::error::operation_aborted));
    BOOST_TEST(sending.outcome.message_id() == "THE-ID");
    BOOST_TEST(sending.outcome.may_be_stored() == may_be_stored);
  }
};

BOOST_FIXTURE_TEST_SUITE(outcomes, Outcomes)

BOOST_AUTO_TEST_CASE(a_stored_message_has_a_result_and_no_error) {
  start();
  const SendOutcome outcome = outcome_of();
  BOOST_TEST(outcome.ok());
  BOOST_TEST(!outcome.error());
  BOOST_TEST(outcome.text() == "");
  BOOST_TEST(outcome.message_id() == "THE-ID");
  BOOST_TEST(outcome.result().message_id == "THE-ID");
  BOOST_TEST(outcome.may_be_stored());
  BOOST_TEST(outcome.tries().empty());
}

BOOST_AUTO_TEST_CASE(a_message_stored_by_its_second_try_shows_the_first) {
  start();
  broker_a.otherwise = Act::code(ResponseCode::system_busy);
  SendOutcome outcome = outcome_of();
  if (outcome.tries().empty()) outcome = outcome_of();
  BOOST_TEST(outcome.ok());
  BOOST_REQUIRE(outcome.tries().size() == 1u);
  BOOST_TEST(outcome.tries()[0].broker_name == "broker-a");
  BOOST_TEST(!outcome.tries()[0].may_be_stored);
}

BOOST_AUTO_TEST_CASE(the_result_of_a_failed_send_throws_its_error) {
  start();
  both(Act::code(ResponseCode::message_illegal));
  const SendOutcome outcome = outcome_of();
  BOOST_TEST(!outcome.ok());
  try {
    (void)outcome.result();
    BOOST_ERROR("a failed send has a result");
  } catch (const SendError& error) {
    BOOST_TEST(error.code() == outcome.error());
    BOOST_TEST(error.message_id() == "THE-ID");
    BOOST_TEST(error.what() == outcome.text());
    BOOST_TEST(error.tries().size() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(refusals_before_anything_is_stored_say_so_and_others_do_not) {
  const std::pair<ResponseCode, bool> codes[] = {{ResponseCode::topic_not_exist, false},
                                                 {ResponseCode::no_permission, false},
                                                 {ResponseCode::system_busy, false},
                                                 {ResponseCode::message_illegal, false},
                                                 {ResponseCode::no_buyer_id, false},
                                                 {ResponseCode::not_in_current_unit, false},
                                                 {ResponseCode::go_away, false},
                                                 {ResponseCode::request_code_not_supported, false},
                                                 {ResponseCode::service_not_available, true},
                                                 {ResponseCode::system_error, true},
                                                 {static_cast<ResponseCode>(29), true}};
  for (const auto& [code, may_be_stored] : codes) {
    BOOST_TEST_CONTEXT(remoting::to_string(code)) {
      ProducerWorld world;
      world.start();
      world.both(Act::code(code));
      const SendError error = world.failing_send<SendError>(named());
      BOOST_TEST(error.message_id() == "THE-ID");
      BOOST_TEST(error.may_be_stored() == may_be_stored);
      for (const SendTry& attempt : error.tries()) {
        BOOST_TEST(attempt.may_be_stored == may_be_stored);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(one_try_without_an_answer_is_enough_to_leave_it_open) {
  start(config().max_timeout_per_try(1s).retries(1));
  broker_a.otherwise = Act::hang();
  broker_b.otherwise = Act::code(ResponseCode::no_permission);
  const SendError error = failing_send<SendError>(named());
  BOOST_TEST(error.message_id() == "THE-ID");
  BOOST_TEST(error.may_be_stored());
  BOOST_REQUIRE(error.tries().size() == 2u);
  for (const SendTry& attempt : error.tries()) {
    BOOST_TEST(attempt.may_be_stored == (attempt.broker_name == "broker-a"));
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_breaks_before_the_answer_leaves_it_open) {
  start();
  both(Act::close());
  BOOST_TEST(failing_send<SendError>(named()).may_be_stored());
}

BOOST_AUTO_TEST_CASE(connections_that_cannot_be_made_store_nothing) {
  start();
  send();
  network.set_down(broker_a.address().host(), true);
  network.set_down(broker_b.address().host(), true);
  pass(1s);
  const SendError error = failing_send<SendError>(named());
  BOOST_TEST(error.code() == make_error_code(ClientErrc::connect_broker));
  BOOST_TEST(error.tries().size() == 3u);
  BOOST_TEST(!error.may_be_stored());
}

BOOST_AUTO_TEST_CASE(an_attempt_to_connect_that_times_out_stores_nothing) {
  start();
  run(producer->publish_queues("orders"));
  network.set_latency(10s);
  const SendError error = failing_send<SendError>(named());
  BOOST_TEST(error.code() == make_error_code(ClientErrc::broker_timeout));
  BOOST_TEST(!error.may_be_stored());
}

BOOST_AUTO_TEST_CASE(a_request_that_never_left_its_queue_stores_nothing) {
  ProducerConfig narrow = config();
  narrow.client().remoting.connection.max_in_flight = 1;
  narrow.retries(0);
  name_server.routes["orders"] = make_route({&broker_a}, 1);
  start(narrow);
  broker_a.otherwise = Act::hang();
  Sending first(*this, *producer, named("FIRST"));
  pass(100ms);
  const SendOutcome outcome = outcome_of(named(), SendOptions().timeout(1s));
  BOOST_TEST(!outcome.ok());
  BOOST_TEST(!outcome.may_be_stored());
  pass(3s);
  BOOST_TEST(first.outcome.may_be_stored());
}

BOOST_AUTO_TEST_CASE(an_answer_that_cannot_be_read_means_stored) {
  start();
  both(Act::empty_answer());
  const SendError error = failing_send<SendError>(named());
  BOOST_TEST(error.code() == make_error_code(ClientErrc::bad_answer));
  BOOST_TEST(error.message_id() == "THE-ID");
  BOOST_TEST(error.may_be_stored());
}

BOOST_AUTO_TEST_CASE(without_a_route_nothing_is_stored_and_the_id_is_known) {
  start();
  const SendError error = failing_send<SendError>(Message("nowhere", "x"));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::topic_not_found));
  BOOST_TEST(error.message_id().size() == 32u);
  BOOST_TEST(!error.may_be_stored());
  BOOST_TEST(error.tries().empty());
}

BOOST_AUTO_TEST_CASE(without_room_in_time_nothing_is_stored_and_the_id_is_known) {
  start(config().max_in_flight(1, 1 << 20));
  both(Act::hang());
  Sending first(*this, *producer, named("FIRST"));
  settle();
  const SendOutcome outcome = outcome_of(named(), SendOptions().timeout(1s));
  BOOST_TEST(outcome.error() == make_error_code(remoting::RemotingErrc::too_many_requests));
  BOOST_TEST(outcome.message_id() == "THE-ID");
  BOOST_TEST(!outcome.may_be_stored());
  pass(3s);
}

BOOST_AUTO_TEST_CASE(programming_errors_come_as_outcomes_too) {
  start();
  const SendOutcome illegal = outcome_of(Message("orders", ""));
  BOOST_TEST(illegal.error() == make_error_code(ClientErrc::illegal_message));
  BOOST_TEST(!illegal.may_be_stored());
  BOOST_TEST(contains(illegal.text(), "orders"));
  run(producer->shutdown());
  const SendOutcome late = outcome_of();
  BOOST_TEST(late.error() == make_error_code(ClientErrc::not_running));
  BOOST_TEST(!late.may_be_stored());
}

BOOST_AUTO_TEST_CASE(what_a_selector_throws_comes_as_it_is_or_as_an_outcome) {
  start();
  const QueueSelector choose = [](const std::vector<MessageQueue>&, const Message&) -> std::size_t {
    throw std::domain_error("no such shard");
  };
  BOOST_CHECK_THROW(run(producer->send(named(), SendOptions(choose))), std::domain_error);
  const SendOutcome outcome = outcome_of(named(), SendOptions(choose));
  BOOST_TEST(outcome.error() == make_error_code(ClientErrc::callback_failed));
  BOOST_TEST(contains(outcome.text(), "no such shard"));
  BOOST_TEST(outcome.message_id() == "THE-ID");
  BOOST_TEST(!outcome.may_be_stored());
}

BOOST_AUTO_TEST_CASE(all_messages_of_a_failed_batch_are_named) {
  start();
  both(Act::close());
  try {
    std::vector<Message> batch = {named("ONE"), named("TWO")};
    run(producer->send_batch(std::move(batch)));
    BOOST_ERROR("stored");
  } catch (const SendError& error) {
    BOOST_TEST(error.message_id() == "ONE,TWO");
    BOOST_TEST(error.may_be_stored());
    BOOST_TEST(error.tries().size() == 3u);
  }
}

BOOST_AUTO_TEST_CASE(each_message_of_a_gathered_batch_has_its_own_outcome) {
  start(config().auto_batch(true));
  both(Act::close());
  Sending one(*this, *producer, named("ONE"));
  Sending two(*this, *producer, named("TWO"));
  run_until([&] { return one.done && two.done; });
  for (Sending* sending : {&one, &two}) {
    BOOST_TEST(sending->error == make_error_code(ClientErrc::connect_broker));
    BOOST_TEST(sending->outcome.message_id() == (sending == &one ? "ONE" : "TWO"));
    BOOST_TEST(sending->outcome.may_be_stored());
    BOOST_TEST(sending->outcome.tries().size() == 3u);
  }
  BOOST_TEST(tries() == 3u);
}

BOOST_AUTO_TEST_CASE(a_message_cancelled_in_a_gathered_batch_goes_with_it) {
  start(config().auto_batch(true));
  Sending sending(*this, *producer, named());
  settle();
  check_cancelled(sending, true);
  pass(1s);
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(a_oneway_send_names_its_message) {
  start();
  BOOST_TEST(run(producer->send_oneway(named())) == "THE-ID");
  network.set_down(broker_a.address().host(), true);
  network.set_down(broker_b.address().host(), true);
  try {
    run(producer->send_oneway(named()));
    BOOST_ERROR("queued");
  } catch (const SendError& error) {
    BOOST_TEST(error.message_id() == "THE-ID");
    BOOST_TEST(!error.may_be_stored());
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(cancelled_sends, Outcomes)

BOOST_AUTO_TEST_CASE(before_it_has_begun_nothing_is_stored) {
  start();
  Sending sending(*this, *producer, named());
  sending.cancel();
  settle();
  BOOST_TEST(sending.done);
  BOOST_TEST(sending.error == make_error_code(asio::error::operation_aborted));
  BOOST_TEST(tries() == 0u);
}

BOOST_AUTO_TEST_CASE(while_it_waits_for_room_nothing_is_stored) {
  start(config().max_in_flight(1, 1 << 20));
  both(Act::hang());
  Sending first(*this, *producer, named("FIRST"));
  settle();
  Sending sending(*this, *producer, named());
  settle();
  check_cancelled(sending, false);
  pass(4s);
}

BOOST_AUTO_TEST_CASE(while_it_waits_for_the_route_nothing_is_stored) {
  start();
  name_server.silent = true;
  Sending sending(*this, *producer, named());
  settle();
  check_cancelled(sending, false);
  pass(10s);
}

BOOST_AUTO_TEST_CASE(while_it_waits_for_the_brokers_address_nothing_is_stored) {
  name_server.routes["orders"].brokers[0].broker_addrs[0] = "no-port";
  name_server.routes["orders"].brokers[1].broker_addrs[0] = "no-port";
  start();
  BOOST_TEST(failing_send<SendError>().code() == make_error_code(ClientErrc::broker_not_exist));
  name_server.silent = true;
  Sending sending(*this, *producer, named());
  settle();
  check_cancelled(sending, false);
  pass(10s);
}

BOOST_AUTO_TEST_CASE(while_it_waits_for_a_connection_nothing_is_stored) {
  start();
  run(producer->publish_queues("orders"));
  network.set_latency(10s);
  Sending sending(*this, *producer, named());
  pass(1s);
  check_cancelled(sending, false);
  network.set_latency(0s);
  pass(30s);
}

BOOST_AUTO_TEST_CASE(while_its_request_waits_for_others_nothing_is_stored) {
  ProducerConfig narrow = config();
  narrow.client().remoting.connection.max_in_flight = 1;
  name_server.routes["orders"] = make_route({&broker_a}, 1);
  start(narrow);
  broker_a.otherwise = Act::hang();
  Sending first(*this, *producer, named("FIRST"));
  pass(100ms);
  Sending sending(*this, *producer, named());
  pass(100ms);
  check_cancelled(sending, false);
  pass(4s);
}

BOOST_AUTO_TEST_CASE(while_it_waits_for_the_answer_the_message_may_be_stored) {
  start();
  both(Act::hang());
  Sending sending(*this, *producer, named());
  pass(100ms);
  check_cancelled(sending, true);
  BOOST_REQUIRE(sending.outcome.tries().size() == 1u);
  BOOST_TEST(sending.outcome.tries()[0].error == make_error_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(while_it_waits_before_another_try_the_earlier_ones_count) {
  name_server.routes["orders"] = make_route({&broker_a}, 1);
  start(config().retry_pause(500ms));
  for (const bool may_be_stored : {false, true}) {
    broker_a.script = {may_be_stored ? Act::code(ResponseCode::system_error)
                                     : Act::code(ResponseCode::system_busy)};
    Sending sending(*this, *producer, named());
    pass(100ms);
    BOOST_TEST(!sending.done);
    check_cancelled(sending, may_be_stored);
    BOOST_TEST(sending.outcome.tries().size() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_coroutine_gets_the_outcome_with_the_exception) {
  start();
  both(Act::hang());
  asio::cancellation_signal signal;
  bool thrown = false;
  auto work = [&]() -> asio::awaitable<void> {
    Message message = named();
    try {
      co_await producer->send(std::move(message));
    } catch (const SendError& error) {
      thrown = true;
      BOOST_TEST(error.code() == make_error_code(asio::error::operation_aborted));
      BOOST_TEST(error.message_id() == "THE-ID");
      BOOST_TEST(error.may_be_stored());
    }
  };
  auto ignore = [](std::exception_ptr) {};
  asio::co_spawn(context, work(), asio::bind_cancellation_slot(signal.slot(), ignore));
  pass(100ms);
  signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(thrown);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
