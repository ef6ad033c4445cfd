// Peers that do what they should not, and cancellation at every moment.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/remoting/errors.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

BOOST_FIXTURE_TEST_SUITE(faults, ProducerWorld)

BOOST_AUTO_TEST_CASE(a_port_where_a_broker_listens_is_no_name_server) {
  start(config("host-a:10911"));
  const Error error = failing_send();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::no_name_server));
  BOOST_TEST_CONTEXT(error.what()) {
    BOOST_TEST(contains(error.what(), "host-a:10911"));
    BOOST_TEST(contains(error.what(), "REQUEST_CODE_NOT_SUPPORTED"));
  }
}

BOOST_AUTO_TEST_CASE(a_port_where_nobody_listens_is_named) {
  start(config("ns1:9999"));
  const Instant begin = time.now();
  const Error error = failing_send();
  BOOST_TEST(error.code() == make_error_code(ClientErrc::no_name_server));
  BOOST_TEST(contains(error.what(), "ns1:9999"));
  BOOST_TEST((time.now() - begin <= 3s));
}

BOOST_AUTO_TEST_CASE(every_code_of_a_broker_is_the_code_of_the_error) {
  const auto codes = default_retry_response_codes();
  const std::set<ResponseCode> repeated(codes.begin(), codes.end());
  for (const int code :
       {1, 2, 3, 4, 13, 14, 15, 16, 17, 204, 205, 206, 207, 208, 209, 215, 216, 500, 1500}) {
    BOOST_TEST_CONTEXT("code " << code) {
      ProducerWorld world;
      world.start(config().retries(1));
      world.both(Act::code(static_cast<ResponseCode>(code), "the remark"));
      const auto error = world.failing_send<SendError>();
      BOOST_TEST(error.code().value() == code);
      BOOST_TEST((error.code().category() == remoting::response_category()));
      BOOST_TEST(contains(error.what(), "the remark"));
      const bool is_repeated = repeated.contains(static_cast<ResponseCode>(code));
      BOOST_TEST(error.tries().size() == (is_repeated ? 2u : 1u));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_broker_that_answers_garbage_is_passed_over) {
  broker_a.stop();
  std::unique_ptr<Listener> listener = network.listen(executor(), broker_a.address());
  auto noise = [](VirtualWorld& world, Listener& from) -> asio::awaitable<void> {
    std::string request(4096, '\0');
    for (;;) {
      std::unique_ptr<Stream> stream = co_await from.accept(world.executor());
      IoResult got = co_await stream->read_some(asio::buffer(request));
      const std::string garbage("HTTP/1.1 400 Bad Request\r\n\r\n");
      const asio::const_buffer piece = asio::buffer(garbage);
      if (!got.error) (void)co_await stream->write(std::span(&piece, 1));
      Timer timer(world.executor(), world.time);
      co_await timer.wait_for(1s);  // the connection stays open
    }
  };
  auto ignore = [](std::exception_ptr) {};
  asio::co_spawn(context, noise(*this, *listener), ignore);
  start();
  const Instant begin = time.now();
  for (int i = 0; i < 4; ++i) BOOST_TEST(send().queue.broker_name == "broker-b");
  BOOST_TEST((time.now() - begin <= 3s));
  listener->close();
  pass(2s);
}

BOOST_AUTO_TEST_CASE(a_name_server_that_dies_and_comes_back_is_used_again_by_topics_that_are_new) {
  name_server.routes["bills"] = make_route({&broker_a});
  start();
  send();
  network.set_down("ns1", true);
  BOOST_TEST(failing_send(Message("bills", "x")).code() ==
             make_error_code(ClientErrc::no_name_server));
  BOOST_TEST(send().status == SendStatus::send_ok);
  network.set_down("ns1", false);
  pass(2s);
  BOOST_TEST(send(Message("bills", "x")).status == SendStatus::send_ok);
}

// The whole of a send with a retry: the route, connections, a refusal, the pause, the answer.
BOOST_AUTO_TEST_CASE(a_send_can_be_cancelled_at_any_moment_and_the_producer_goes_on) {
  int cancelled = 0;
  int stored = 0;
  for (Duration when = 0ms; when <= 260ms; when += 5ms) {
    BOOST_TEST_CONTEXT("cancelled after " << to_millis(when) << " ms") {
      ProducerWorld world;
      world.name_server.routes["orders"] = make_route({&world.broker_a}, 1);
      world.broker_a.script = {Act::code(ResponseCode::system_busy)};
      world.start();
      world.network.set_latency(10ms);
      asio::cancellation_signal signal;
      bool done = false;
      error_code ended_with;
      auto on_end = [&](std::exception_ptr problem, SendResult) {
        done = true;
        try {
          if (problem) std::rethrow_exception(problem);
        } catch (const boost::system::system_error& error) {
          ended_with = error.code();
        }
      };
      asio::co_spawn(world.context, world.producer->send(Message("orders", "x")),
                     asio::bind_cancellation_slot(signal.slot(), on_end));
      world.pass(when);
      const bool was_done = done;
      signal.emit(asio::cancellation_type::terminal);
      world.settle();
      BOOST_TEST(done);
      if (was_done) {
        ++stored;
        BOOST_TEST(!ended_with);
      } else {
        ++cancelled;
        BOOST_TEST(ended_with == make_error_code(asio::error::operation_aborted));
      }
      world.broker_a.script.clear();
      BOOST_TEST(world.send().status == SendStatus::send_ok);
    }
  }
  BOOST_TEST(cancelled > 20);
  BOOST_TEST(stored > 5);
}

BOOST_AUTO_TEST_CASE(a_shutdown_ends_every_kind_of_send) {
  start(config().max_in_flight(2, 1 << 20).auto_batch(true));
  send();
  both(Act::hang());
  int ended = 0;
  auto on_end = [&ended](std::exception_ptr, SendResult) { ++ended; };
  for (int i = 0; i < 5; ++i) {  // two on their way, three that wait for room
    asio::co_spawn(context, producer->send(Message("orders", "x")), on_end);
  }
  std::vector<Message> batch(3, Message("orders", "x"));
  asio::co_spawn(context, producer->send_batch(batch), on_end);
  settle();
  const Instant begin = time.now();
  run(producer->shutdown(), 10s);
  BOOST_TEST(ended == 6);
  BOOST_TEST((time.now() - begin <= 4s));  // the sends' deadline, and the brokers' farewell
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
