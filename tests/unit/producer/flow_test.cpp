// Bounds on what is on its way, and automatic batches.

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>
#include <list>

#include "comet/message/batch.hpp"
#include "comet/remoting/errors.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

class Sending {
 public:
  Sending(ProducerWorld& world, Message message) : time_(world.time) {
    auto on_end = [this](std::exception_ptr error, SendResult stored) {
      done = true;
      ended = time_.now();
      problem = error;
      result = std::move(stored);
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
  Instant ended{};
  std::exception_ptr problem;
  SendResult result;

 private:
  VirtualTime& time_;
};

class Flow : public ProducerWorld {
 public:
  std::list<Sending> sendings;

  ~Flow() {
    const auto is_done = [](const Sending& sending) { return sending.done; };
    run_until([&] { return std::all_of(sendings.begin(), sendings.end(), is_done); });
  }
  Sending& begin(std::string body = "x", std::string topic = "orders") {
    sendings.emplace_back(*this, Message(std::move(topic), std::move(body)));
    settle();
    return sendings.back();
  }
};

BOOST_FIXTURE_TEST_SUITE(flow, Flow)

BOOST_AUTO_TEST_CASE(sends_beyond_the_bound_of_messages_wait_for_room) {
  start(config().max_in_flight(2, 1 << 20));
  network.set_latency(10ms);
  for (int i = 0; i < 10; ++i) begin();
  pass(25ms);  // the route is there, the first two are on their way
  BOOST_TEST(tries() <= 2u);
  run_until([this] { return sendings.back().done; }, 3s);
  for (const Sending& sending : sendings) BOOST_TEST(!sending.error());
  BOOST_TEST(tries() == 10u);
}

BOOST_AUTO_TEST_CASE(sends_beyond_the_bound_of_bytes_wait_for_room) {
  start(config().max_in_flight(100, 3000).compress_over(1 << 20));
  send();
  both(Act::hang());
  for (int i = 0; i < 5; ++i) begin(std::string(1000, 'x'));
  pass(1ms);
  BOOST_TEST(tries() == 1u + 3u);
}

BOOST_AUTO_TEST_CASE(a_message_above_the_bound_of_bytes_passes_alone) {
  start(config().max_in_flight(100, 3000).compress_over(1 << 20));
  BOOST_TEST(!begin(std::string(10'000, 'x')).error());
  pass(1s);
  BOOST_TEST(sendings.back().done);
}

BOOST_AUTO_TEST_CASE(a_send_without_room_ends_at_its_deadline) {
  start(config().max_in_flight(1, 1 << 20).send_timeout(1s));
  send();
  both(Act::hang());
  Sending& first = begin();
  pass(500ms);
  Sending& second = begin();
  const Instant begun = time.now();
  // The first one's end makes room, in the middle of the second one's time.
  run_until([&] { return second.done; }, 3s);
  BOOST_TEST(first.error() == make_error_code(ClientErrc::broker_timeout));
  BOOST_TEST(second.error() == make_error_code(ClientErrc::broker_timeout));
  BOOST_TEST((second.ended - begun == 1s));
  Sending& blocker = begin();
  Sending& late = begin();
  late.signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(late.error() == make_error_code(asio::error::operation_aborted));
  BOOST_TEST(!blocker.done);
}

BOOST_AUTO_TEST_CASE(the_error_of_a_send_that_found_no_room_says_so) {
  start(config().max_in_flight(1, 1 << 20));
  send();
  both(Act::hang());
  begin();
  pass(1s);
  Message message("orders", "x");
  try {
    run(producer->send(std::move(message), SendOptions().timeout(500ms)));
    BOOST_ERROR("sent");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(remoting::RemotingErrc::too_many_requests));
    BOOST_TEST(contains(error.what(), "1 messages"));
  }
}

BOOST_AUTO_TEST_CASE(who_came_first_goes_first) {
  start(config().max_in_flight(1, 1 << 20));
  network.set_latency(1ms);
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) begin(std::to_string(i));
  run_until([this] { return sendings.back().done; }, 3s);
  Instant last{};
  for (const Sending& sending : sendings) {
    BOOST_TEST((sending.ended > last));
    last = sending.ended;
  }
}

// --- Automatic batches ---

ProducerConfig batching() {
  ProducerConfig config = ProducerWorld::config();
  config.auto_batch(true, 10ms, 2000);
  return config;
}

BOOST_AUTO_TEST_CASE(messages_sent_at_the_same_time_share_a_request) {
  start(batching());
  broker_a.otherwise.batch_ids = broker_b.otherwise.batch_ids = true;
  for (int i = 0; i < 5; ++i) begin("body " + std::to_string(i));
  BOOST_TEST(tries() == 0u);
  const Instant begun = time.now();
  run_until([this] { return sendings.back().done; }, 3s);
  BOOST_TEST((time.now() - begun == 10ms));
  BOOST_TEST(tries() == 1u);
  const FakeBroker::Received& request = first_choice().sends.at(0);
  BOOST_TEST(request.command.code == 320);
  const auto items = decode_batch(request.body).value();
  BOOST_REQUIRE(items.size() == 5u);
  std::size_t i = 0;
  for (const Sending& sending : sendings) {
    BOOST_TEST(!sending.error());
    BOOST_TEST(items[i].body == "body " + std::to_string(i));
    BOOST_TEST(find_property(items[i].properties, property::kUniqueKey) ==
               sending.result.message_id);
    BOOST_TEST(sending.result.queue_offset == static_cast<std::int64_t>(i));
    BOOST_TEST(sending.result.offset_message_id == "ID" + std::to_string(i));
    BOOST_TEST(sending.result.queue.topic == "orders");
    ++i;
  }
}

BOOST_AUTO_TEST_CASE(a_batch_that_is_large_enough_goes_at_once) {
  start(batching());
  begin("first");
  pass(20ms);
  const Instant begun = time.now();
  for (int i = 0; i < 3; ++i) begin(std::string(700, 'x'));
  pass(1ms);
  BOOST_TEST(tries() == 2u);
  BOOST_TEST((time.now() - begun == 1ms));
}

BOOST_AUTO_TEST_CASE(topics_and_guarantees_do_not_mix) {
  name_server.routes["bills"] = make_route({&broker_a});
  start(batching());
  begin("1");
  begin("2", "bills");
  sendings.emplace_back(*this, Message("orders", "3").wait_store_ok(false));
  pass(20ms);
  BOOST_TEST(tries() == 3u);
}

BOOST_AUTO_TEST_CASE(delayed_large_and_addressed_messages_go_alone) {
  start(batching());
  run(producer->send(Message("orders", "x").delay_level(1)));
  run(producer->send(Message("orders", std::string(5000, 'x'))));
  Message message("orders", "x");
  run(producer->send(std::move(message), SendOptions(MessageQueue("orders", "broker-a", 0))));
  for (const FakeBroker* broker : {&broker_a, &broker_b}) {
    for (const auto& sent : broker->sends) BOOST_TEST(sent.command.code == 310);
  }
  BOOST_TEST(tries() == 3u);
}

BOOST_AUTO_TEST_CASE(a_batch_that_fails_fails_all_its_messages) {
  start(batching());
  both(Act::code(ResponseCode::message_illegal, "no"));
  for (int i = 0; i < 3; ++i) begin();
  pass(20ms);
  for (const Sending& sending : sendings) {
    BOOST_TEST(sending.error() == make_error_code(ResponseCode::message_illegal));
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_message_leaves_the_others_of_its_batch_alone) {
  start(batching());
  Sending& first = begin("1");
  Sending& second = begin("2");
  first.signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(first.error() == make_error_code(asio::error::operation_aborted));
  pass(20ms);
  BOOST_TEST(second.done);
  BOOST_TEST(!second.error());
}

BOOST_AUTO_TEST_CASE(an_illegal_message_is_refused_alone) {
  start(batching());
  Sending& good = begin("1");
  BOOST_TEST(begin("").error() == make_error_code(ClientErrc::illegal_message));
  pass(20ms);
  BOOST_TEST(!good.error());
}

BOOST_AUTO_TEST_CASE(no_message_of_a_batch_outlives_its_deadline) {
  start(batching());
  send();
  both(Act::hang());
  const Instant begun = time.now();
  for (int i = 0; i < 3; ++i) begin();
  run_until([this] { return sendings.back().done; }, 10s);
  BOOST_TEST((time.now() - begun == 3s));
  BOOST_TEST(sendings.back().error() == make_error_code(ClientErrc::broker_timeout));
}

BOOST_AUTO_TEST_CASE(a_shutdown_sends_what_has_been_gathered) {
  start(batching());
  for (int i = 0; i < 3; ++i) begin();
  const Instant begun = time.now();
  run(producer->shutdown());
  BOOST_TEST((time.now() == begun));
  for (const Sending& sending : sendings) BOOST_TEST((sending.done && !sending.error()));
}

BOOST_AUTO_TEST_CASE(a_context_may_end_while_messages_are_gathered) {
  VirtualTime own_time;
  MemoryNetwork own_network(own_time);
  bool ended = false;
  {
    asio::io_context own_context(1);
    Producer running(own_context.get_executor(), batching(), own_network, own_time);
    auto work = [&]() -> asio::awaitable<void> {
      co_await running.start();
      Message message("orders", "x");
      co_await running.send(std::move(message));
    };
    auto on_end = [&ended](std::exception_ptr) { ended = true; };
    asio::co_spawn(own_context, work(), on_end);
    own_context.poll();
  }
  BOOST_TEST(!ended);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
