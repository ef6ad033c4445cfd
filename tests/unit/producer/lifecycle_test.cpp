// Starting, stopping, destroying and cancelling.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "producer_world.hpp"

#include "comet/client/client_instance.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

// A send that runs beside the test.
class SendInProgress {
 public:
  SendInProgress(ProducerWorld& world, Message message = Message("orders", "x")) {
    auto on_end = [this](std::exception_ptr error, SendResult) {
      done = true;
      problem = error;
    };
    asio::co_spawn(world.context, world.producer->send(std::move(message)),
                   asio::bind_cancellation_slot(signal.slot(), on_end));
  }
  [[nodiscard]] error_code error() const {
    try {
      if (problem) std::rethrow_exception(problem);
      return {};
    } catch (const boost::system::system_error& caught) {
      return caught.code();
    }
  }
  asio::cancellation_signal signal;
  bool done = false;
  std::exception_ptr problem;
};

BOOST_FIXTURE_TEST_SUITE(lifecycle, ProducerWorld)

BOOST_AUTO_TEST_CASE(a_send_before_the_start_is_refused) {
  producer = std::make_unique<Producer>(executor(), config(), network, time);
  Error error = failing_send();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::not_running));
  BOOST_TEST(contains(error.what(), "start()"));
}

BOOST_AUTO_TEST_CASE(a_send_after_the_shutdown_is_refused) {
  start();
  run(producer->shutdown());
  Error error = failing_send();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::not_running));
  BOOST_TEST(contains(error.what(), "shut down"));
}

BOOST_AUTO_TEST_CASE(a_producer_does_not_start_twice_in_its_life) {
  start();
  run(producer->shutdown());
  BOOST_CHECK_THROW(run(producer->start()), Error);
}

BOOST_AUTO_TEST_CASE(bad_group_names_are_refused_at_the_start) {
  for (const char* group : {"", "../x", "a b", "DEFAULT_PRODUCER"}) {
    BOOST_TEST_CONTEXT(group) {
      ProducerConfig bad{std::string(group)};
      bad.name_servers("ns1:9876");
      Producer refused(executor(), bad, network, time);
      try {
        run(refused.start());
        BOOST_ERROR("started");
      } catch (const Error& error) {
        BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_config));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_start_without_any_name_server_says_where_to_give_one) {
  ::unsetenv("NAMESRV_ADDR");
  Producer lost(executor(), ProducerConfig("g"), network, time);
  try {
    run(lost.start());
    BOOST_ERROR("started");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(ClientErrc::no_name_server));
    BOOST_TEST(contains(error.what(), "NAMESRV_ADDR"));
  }
}

BOOST_AUTO_TEST_CASE(the_environment_names_the_name_servers_when_nothing_else_does) {
  ::setenv("NAMESRV_ADDR", "ns1:9876", 1);
  producer = std::make_unique<Producer>(executor(), ProducerConfig("g"), network, time);
  ::unsetenv("NAMESRV_ADDR");
  run(producer->start());
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_CASE(a_name_server_that_is_no_address_is_refused_at_once) {
  BOOST_CHECK_THROW(ProducerConfig("g").name_servers("localhost"), Error);
  BOOST_CHECK_THROW(ProducerConfig("g").name_servers("h:99999"), Error);
}

BOOST_AUTO_TEST_CASE(a_shutdown_waits_for_sends_in_progress) {
  start();
  network.set_latency(100ms);
  SendInProgress sending(*this);
  settle();
  run(producer->shutdown(), 10s);
  BOOST_TEST(sending.done);
  BOOST_TEST(!sending.error());
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(a_shutdown_ends_with_the_deadline_of_the_last_send) {
  start();
  both(Act::hang());
  SendInProgress first(*this);
  pass(1s);
  SendInProgress second(*this);
  settle();
  const Instant begin = time.now();
  run(producer->shutdown(), 10s);
  BOOST_TEST((time.now() - begin == 3s));
  BOOST_TEST(first.error() == make_error_code(ClientErrc::broker_timeout));
  BOOST_TEST(second.error() == make_error_code(ClientErrc::broker_timeout));
}

BOOST_AUTO_TEST_CASE(new_sends_are_refused_while_a_shutdown_waits) {
  start();
  both(Act::hang());
  SendInProgress first(*this);
  settle();
  bool ended = false;
  auto on_end = [&ended](std::exception_ptr) { ended = true; };
  asio::co_spawn(context, producer->shutdown(), on_end);
  settle();
  SendInProgress late(*this);
  settle();
  BOOST_TEST(late.error() == make_error_code(ClientErrc::not_running));
  BOOST_TEST(!ended);
  run_until([&ended] { return ended; }, 4s);
}

BOOST_AUTO_TEST_CASE(shutdowns_at_the_same_time_all_wait_for_the_end) {
  start();
  both(Act::hang());
  SendInProgress sending(*this);
  settle();
  int ended = 0;
  auto on_end = [&](std::exception_ptr) {
    ++ended;
    BOOST_TEST(sending.done);
  };
  asio::co_spawn(context, producer->shutdown(), on_end);
  asio::co_spawn(context, producer->shutdown(), on_end);
  run_until([&ended] { return ended == 2; }, 4s);
}

BOOST_AUTO_TEST_CASE(a_cancelled_shutdown_can_be_finished_later) {
  start();
  both(Act::hang());
  SendInProgress sending(*this);
  settle();
  asio::cancellation_signal signal;
  bool ended = false;
  auto on_end = [&ended](std::exception_ptr problem) { ended = problem != nullptr; };
  asio::co_spawn(context, producer->shutdown(),
                 asio::bind_cancellation_slot(signal.slot(), on_end));
  settle();
  signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(ended);
  run(producer->shutdown(), 4s);
  BOOST_TEST(sending.done);
}

BOOST_AUTO_TEST_CASE(the_brokers_are_told_of_the_end) {
  start();
  send();
  FakeBroker& broker = first_choice();
  run(producer->shutdown());
  BOOST_TEST(broker.count(RequestCode::unregister_client) == 1);
  settle();
  BOOST_TEST(broker.connections() == 0u);
  BOOST_TEST(name_server.connections() == 0u);
}

BOOST_AUTO_TEST_CASE(a_silent_broker_delays_the_shutdown_by_a_second_at_most) {
  start();
  send();
  broker_a.silent = broker_b.silent = true;
  const Instant begin = time.now();
  run(producer->shutdown());
  BOOST_TEST((time.now() - begin <= 1s));
}

BOOST_AUTO_TEST_CASE(a_destroyed_producer_closes_its_connections) {
  start();
  send();
  FakeBroker& broker = first_choice();
  BOOST_TEST(broker.connections() == 1u);
  producer.reset();
  pass(2s);
  BOOST_TEST(broker.connections() == 0u);
  BOOST_TEST(name_server.connections() == 0u);
}

BOOST_AUTO_TEST_CASE(a_producer_destroyed_while_sending_lets_the_send_end) {
  start();
  network.set_latency(10ms);
  SendInProgress sending(*this);
  settle();
  producer.reset();
  run_until([&sending] { return sending.done; }, 3s);
  BOOST_TEST(!sending.error());
  pass(2s);
}

BOOST_AUTO_TEST_CASE(a_context_may_end_with_a_running_producer_and_a_send_in_progress) {
  VirtualTime own_time;
  MemoryNetwork own_network(own_time);
  bool ended = false;
  {
    asio::io_context own_context(1);
    Producer running(own_context.get_executor(), config(), own_network, own_time);
    auto work = [&]() -> asio::awaitable<void> {
      co_await running.start();
      own_network.set_frozen("ns1", true);
      Message message("orders", "x");
      co_await running.send(std::move(message));
    };
    auto on_end = [&ended](std::exception_ptr) { ended = true; };
    asio::co_spawn(own_context, work(), on_end);
    own_context.poll();
  }
  BOOST_TEST(!ended);
}

BOOST_AUTO_TEST_CASE(a_send_cancelled_while_it_waits_for_the_broker_ends_at_once) {
  start();
  send();
  both(Act::hang());
  SendInProgress sending(*this);
  settle();
  const Instant begin = time.now();
  sending.signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(sending.error() == make_error_code(asio::error::operation_aborted));
  BOOST_TEST((time.now() == begin));
  both(Act());
  BOOST_TEST(send().status == SendStatus::send_ok);
  BOOST_TEST(producer->client()->cached_publish_route("orders") != nullptr);
}

BOOST_AUTO_TEST_CASE(a_send_cancelled_while_it_waits_for_the_route_leaves_the_others_alone) {
  start();
  network.set_latency(10ms);
  SendInProgress cancelled(*this);
  SendInProgress other(*this);
  settle();
  cancelled.signal.emit(asio::cancellation_type::terminal);
  run_until([&other] { return other.done; }, 3s);
  BOOST_TEST(cancelled.error() == make_error_code(asio::error::operation_aborted));
  BOOST_TEST(!other.error());
  BOOST_TEST(name_server.queries["orders"] == 1);
}

BOOST_AUTO_TEST_CASE(producers_may_share_a_client) {
  client::ClientConfig settings = config().client();
  auto client = std::make_shared<client::ClientInstance>(executor(), network, time, settings);
  auto first = std::make_unique<Producer>(client, ProducerConfig("g1"));
  auto second = std::make_unique<Producer>(client, ProducerConfig("g2"));
  run(first->start());
  run(second->start());
  run(first->send(Message("orders", "x")));
  run(first->shutdown());
  BOOST_TEST(run(second->send(Message("orders", "x"))).status == SendStatus::send_ok);
  BOOST_TEST(name_server.queries["orders"] == 1);
  Producer twin(client, ProducerConfig("g2"));
  try {
    run(twin.start());
    BOOST_ERROR("two producers of one group in one client");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_config));
  }
  run(second->shutdown());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
