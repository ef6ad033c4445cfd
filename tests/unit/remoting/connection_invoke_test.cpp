// Requests that a connection sends: matching, deadlines, cancellation, limits, the connection's
// end.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/remoting/unsent_memory.hpp"
#include "gated_stream.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

RemotingCommand heart_beat(std::string body = {}) {
  return RemotingCommand::request(RequestCode::heart_beat, Body(std::move(body)));
}

// Requests under way, with their outcomes in the order of arrival.
class Calls {
 public:
  explicit Calls(RemotingWorld& world) : world_(world) {}
  ~Calls() { world_.run(tasks_.join()); }

  void begin(Running& from, std::string body, Duration timeout = 3s) {
    tasks_.spawn("call", call(from.connection, std::move(body), timeout));
    world_.settle();
  }
  void cancel() {
    tasks_.cancel();
    world_.settle();
  }

  std::vector<std::string> answers;
  std::vector<error_code> errors;

 private:
  asio::awaitable<void> call(std::shared_ptr<Connection> connection, std::string body,
                             Duration timeout) {
    try {
      RemotingCommand answer =
          co_await connection->invoke(heart_beat(std::move(body)), world_.time.now() + timeout);
      answers.emplace_back(answer.body.view());
    } catch (const Error& problem) {
      errors.push_back(problem.code());
    }
  }

  RemotingWorld& world_;
  TaskGroup tasks_{world_.executor(), world_.time};
};

RemotingCommand answer_to(const RemotingCommand& request, std::string body = {}) {
  RemotingCommand answer = RemotingCommand::response(request, ResponseCode::success);
  answer.body = Body(std::move(body));
  return answer;
}

// One request in flight at a time, in a burst large frames are written at once, and the peer takes
// them.
struct LargeFrames {
  LargeFrames() {
    auto owned = std::make_unique<GatedStream>(world.executor(), world.time);
    stream = owned.get();
    stream->open = stream->at_once = true;
    ConnectionLimits limits;
    limits.max_in_flight = 1;
    limits.unsent = std::make_shared<UnsentMemory>(96U << 20U);
    running = &world.run_on(std::move(owned), nullptr, limits);
    world.settle();
  }
  // The bodies' first bytes of the requests that were sent since.
  std::string take_requests() {
    std::string first;
    std::string_view rest = stream->outgoing;
    while (!rest.empty()) {
      const Result<FrameInfo> frame = inspect_frame(rest, 16U << 20U);
      BOOST_REQUIRE((frame && frame->complete));
      BOOST_REQUIRE(!decode_header(frame->type, frame->header, last));
      first += frame->body.front();
      rest.remove_prefix(frame->size);
    }
    stream->outgoing.clear();
    return first;
  }
  void answer_last() {
    stream->feed(frame_of(answer_to(last, "answer")));
    world.settle();
  }

  RemotingWorld world;
  GatedStream* stream = nullptr;
  Running* running = nullptr;
  RemotingCommand last;
  Calls calls{world};
};

constexpr std::size_t kLarge = 300U << 10U;

}  // namespace

BOOST_FIXTURE_TEST_CASE(
    a_request_that_waited_for_room_is_sent_once_though_its_frame_is_written_at_once, LargeFrames) {
  for (const char name : {'a', 'b', 'c', 'd'}) calls.begin(*running, std::string(kLarge, name));
  std::string sent = take_requests();
  for (int i = 0; i < 3; ++i) {
    answer_last();
    const std::string now = take_requests();
    BOOST_TEST_REQUIRE(now.size() == 1U);
    sent += now;
  }
  answer_last();
  BOOST_TEST(sent == "abcd");
  BOOST_TEST(calls.answers.size() == 4U);
  BOOST_TEST(calls.errors.empty());
}

// It may be with the peer: it must not be sent elsewhere.
BOOST_FIXTURE_TEST_CASE(a_request_whose_frame_is_the_last_that_a_connection_writes_ends_as_sent,
                        LargeFrames) {
  calls.begin(*running, "a");
  calls.begin(*running, std::string(kLarge, 'b'));
  BOOST_TEST(take_requests() == "a");
  // With the bytes of the first, the connection ends: in the middle of the launch of b, which the
  // answer sets off before they are written.
  running->connection->send(heart_beat("c"));
  running->connection->close_when_sent();
  answer_last();
  BOOST_TEST(running->ended.has_value());
  BOOST_TEST(take_requests() == "cb");
  BOOST_TEST(calls.answers.size() == 1U);
  BOOST_REQUIRE(calls.errors.size() == 1U);
  BOOST_TEST((calls.errors[0] == RemotingErrc::closed));
}

BOOST_AUTO_TEST_CASE(an_invoke_returns_the_answer) {
  RemotingWorld world;
  world.network.set_latency(5ms);
  auto [client, server] = world.connect(RemotingWorld::echo(world.time));
  RemotingCommand answer = world.run(client->invoke(heart_beat("hello"), world.time.now() + 3s));
  BOOST_TEST(answer.body.view() == "hello");
}

BOOST_AUTO_TEST_CASE(an_error_answer_is_returned_not_thrown) {
  RemotingWorld world;
  auto [client, server] = world.connect(nullptr);
  RemotingCommand answer = world.run(client->invoke(heart_beat(), world.time.now() + 3s));
  BOOST_TEST((answer.response_code() == ResponseCode::request_code_not_supported));
}

BOOST_AUTO_TEST_CASE(answers_are_matched_in_any_order) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  Calls calls(world);
  calls.begin(client, "first");
  calls.begin(client, "second");
  RemotingCommand first = *world.run(peer.receive());
  RemotingCommand second = *world.run(peer.receive());
  BOOST_TEST(first.opaque != second.opaque);
  BOOST_TEST(first.flag == 0);
  world.run(peer.send(frame_of(answer_to(second, "2")) + frame_of(answer_to(first, "1"))));
  world.settle();
  BOOST_TEST(calls.answers == (std::vector<std::string>{"2", "1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(both_sides_may_ask_over_one_connection) {
  RemotingWorld world;
  auto [client, server] =
      world.connect(RemotingWorld::echo(world.time), RemotingWorld::echo(world.time));
  Calls calls(world);
  for (int i = 0; i < 10; ++i) {
    calls.begin(client, "from client");
    calls.begin(server, "from server");
  }
  BOOST_TEST(calls.answers.size() == 20u);
}

BOOST_AUTO_TEST_CASE(a_request_without_answer_times_out_at_its_deadline) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  error_code code = world.error_of(client->invoke(heart_beat(), world.time.now() + 3s));
  BOOST_TEST((code == RemotingErrc::timed_out));
  BOOST_TEST(world.last_message.starts_with("send HEART_BEAT to "));
  BOOST_TEST(world.last_message.find(client->remote().to_string()) != std::string::npos);
  BOOST_TEST(to_millis(world.time.now().time_since_epoch()) == 3000);
  BOOST_TEST(client->is_open());
}

BOOST_AUTO_TEST_CASE(each_request_has_its_own_deadline) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  Calls calls(world);
  calls.begin(client, "long", 10s);
  calls.begin(client, "short", 1s);
  calls.begin(client, "middle", 5s);
  world.pass(1s);
  BOOST_TEST(calls.errors.size() == 1u);
  world.pass(3999ms);
  BOOST_TEST(calls.errors.size() == 1u);
  world.pass(1ms);
  BOOST_TEST(calls.errors.size() == 2u);
  world.pass(5s);
  BOOST_TEST(calls.errors.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_deadline_in_the_past_sends_nothing) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  BOOST_TEST(
      (world.error_of(client->invoke(heart_beat(), world.time.now())) == RemotingErrc::timed_out));
  Calls calls(world);
  calls.begin(client, "next");
  BOOST_TEST(world.run(peer.receive())->body.view() == "next");
}

BOOST_AUTO_TEST_CASE(a_late_answer_is_dropped_and_the_connection_goes_on) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  BOOST_TEST((world.error_of(client->invoke(heart_beat("late"), world.time.now() + 1s)) ==
              RemotingErrc::timed_out));
  RemotingCommand late = *world.run(peer.receive());
  Calls calls(world);
  calls.begin(client, "next");
  RemotingCommand next = *world.run(peer.receive());
  world.run(peer.send(frame_of(answer_to(late, "late")) + frame_of(answer_to(late, "twice")) +
                      frame_of(answer_to(next, "next"))));
  world.settle();
  BOOST_TEST(calls.answers == std::vector<std::string>{"next"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_cancelled_request_is_forgotten_and_the_connection_goes_on) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  Calls calls(world);
  calls.begin(client, "cancelled");
  calls.cancel();
  BOOST_REQUIRE(calls.errors.size() == 1u);
  BOOST_TEST((calls.errors[0] == asio::error::operation_aborted));
  RemotingCommand cancelled = *world.run(peer.receive());
  world.run(peer.send(frame_of(answer_to(cancelled, "too late"))));
  calls.begin(client, "next");
  RemotingCommand next = *world.run(peer.receive());
  world.run(peer.send(frame_of(answer_to(next, "next"))));
  world.settle();
  BOOST_TEST(calls.answers == std::vector<std::string>{"next"}, boost::test_tools::per_element());
  BOOST_TEST(client->is_open());
}

BOOST_AUTO_TEST_CASE(requests_in_flight_fail_when_the_connection_is_lost) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  Calls calls(world);
  calls.begin(client, "sent");
  calls.begin(client, "sent, too");
  peer.close();
  world.settle();
  BOOST_REQUIRE(calls.errors.size() == 2u);
  BOOST_TEST((calls.errors[0] == RemotingErrc::closed));
  BOOST_TEST((calls.errors[1] == RemotingErrc::closed));
  BOOST_TEST((client.ended == error_code(asio::error::eof)));
  BOOST_TEST((world.error_of(client->invoke(heart_beat(), world.time.now() + 1s)) ==
              RemotingErrc::not_sent));
}

BOOST_AUTO_TEST_CASE(requests_in_flight_fail_when_the_connection_is_closed_here) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  Calls calls(world);
  calls.begin(client, "sent");
  client->close();
  world.settle();
  BOOST_REQUIRE(calls.errors.size() == 1u);
  BOOST_TEST((calls.errors[0] == RemotingErrc::closed));
  BOOST_TEST((client.ended == error_code(asio::error::operation_aborted)));
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_left_for_its_silence_ends_with_its_last_request) {
  RemotingWorld world;
  ConnectionLimits limits;
  limits.silence = 1s;
  auto [client, peer] = world.call_raw(limits);
  Calls calls(world);
  calls.begin(client, "sent", 1s);
  world.pass(1s);
  BOOST_TEST(calls.errors.size() == 1u);
  BOOST_TEST(client.ended.has_value());  // not when it would have been idle for too long
}

BOOST_AUTO_TEST_CASE(requests_beyond_the_limit_wait_for_room) {
  RemotingWorld world;
  ConnectionLimits limits;
  limits.max_in_flight = 2;
  auto [client, peer] = world.call_raw(limits);
  Calls calls(world);
  for (const char* body : {"1", "2", "3", "4"}) calls.begin(client, body);
  RemotingCommand first = *world.run(peer.receive());
  RemotingCommand second = *world.run(peer.receive());
  world.run(peer.send(frame_of(answer_to(first, "a1"))));
  RemotingCommand third = *world.run(peer.receive());
  BOOST_TEST(third.body.view() == "3");
  world.pass(3s);  // the rest expires; the fourth never got room
  BOOST_TEST(calls.answers == std::vector<std::string>{"a1"}, boost::test_tools::per_element());
  BOOST_REQUIRE(calls.errors.size() == 3u);
  BOOST_TEST((calls.errors[0] == RemotingErrc::timed_out));
  BOOST_TEST((calls.errors[2] == RemotingErrc::too_many_requests));
}

BOOST_AUTO_TEST_CASE(a_waiting_request_takes_the_room_of_a_cancelled_one) {
  RemotingWorld world;
  ConnectionLimits limits;
  limits.max_in_flight = 1;
  auto [client, peer] = world.call_raw(limits);
  Calls second(world);
  {
    Calls first(world);
    first.begin(client, "1");
    second.begin(client, "2");
    first.cancel();
  }
  BOOST_TEST(world.run(peer.receive())->body.view() == "1");
  BOOST_TEST(world.run(peer.receive())->body.view() == "2");
  world.pass(3s);
}

BOOST_AUTO_TEST_CASE(a_oneway_request_is_queued_and_not_waited_for) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  world.run(client->invoke_oneway(heart_beat("oneway"), world.time.now() + 1s));
  RemotingCommand request = *world.run(peer.receive());
  BOOST_TEST(request.is_oneway());
  BOOST_TEST(request.body.view() == "oneway");
  BOOST_TEST(to_millis(world.time.now().time_since_epoch()) == 0);
}

BOOST_AUTO_TEST_CASE(requests_through_send_get_an_opaque_of_their_own) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  for (int i = 0; i < 2; ++i) {
    RemotingCommand notice = heart_beat();
    notice.mark_oneway();
    client->send(std::move(notice));
  }
  std::int32_t first = world.run(peer.receive())->opaque;
  BOOST_TEST(world.run(peer.receive())->opaque != first);
}

BOOST_AUTO_TEST_CASE(a_request_beyond_the_frame_limit_is_refused) {
  RemotingWorld world;
  auto [client, peer] = world.call_raw();
  error_code code = world.error_of(
      client->invoke(heart_beat(std::string(17u << 20, 'x')), world.time.now() + 1s));
  BOOST_TEST((code == RemotingErrc::frame_too_large));
  Calls calls(world);
  calls.begin(client, "next");
  BOOST_TEST(world.run(peer.receive())->body.view() == "next");
  world.pass(3s);
}

BOOST_AUTO_TEST_CASE(cancelling_run_closes_the_connection) {
  RemotingWorld world;
  auto [near, far] = world.streams();
  auto connection =
      std::make_shared<Connection>(std::move(near), nullptr, world.time, ConnectionLimits());
  TaskGroup tasks(world.executor(), world.time);
  std::optional<error_code> reason;
  auto run = [](std::shared_ptr<Connection> it,
                std::optional<error_code>& out) -> asio::awaitable<void> {
    out = co_await it->run();
  };
  tasks.spawn("run", run(connection, reason));
  world.settle();
  tasks.cancel();
  world.settle();
  BOOST_TEST((reason == error_code(asio::error::operation_aborted)));
  BOOST_TEST(!connection->is_open());
  BOOST_TEST(tasks.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_context_may_go_away_with_everything_under_way) {
  // The sanitizers' leak check is the judge.
  VirtualTime time;
  MemoryNetwork network(time);
  asio::io_context context{1};
  auto listener = network.listen(context.get_executor(), Address("server", 1));
  auto on_end = [](std::exception_ptr) {};
  auto serve = [](Listener& from, TimeSource& clock) -> asio::awaitable<void> {
    auto executor = co_await asio::this_coro::executor;
    std::unique_ptr<Stream> stream = co_await from.accept(executor);
    auto connection = std::make_shared<Connection>(std::move(stream), RemotingWorld::echo(clock),
                                                   clock, ConnectionLimits());
    co_await connection->run();
  };
  auto call = [](Network& to, TimeSource& clock) -> asio::awaitable<void> {
    auto executor = co_await asio::this_coro::executor;
    std::unique_ptr<Stream> stream = co_await to.connect(Address("server", 1), clock.now() + 3s);
    auto connection =
        std::make_shared<Connection>(std::move(stream), nullptr, clock, ConnectionLimits());
    TaskGroup tasks(executor, clock);
    auto run = [](std::shared_ptr<Connection> it) -> asio::awaitable<void> { co_await it->run(); };
    tasks.spawn("run", run(connection));
    RemotingCommand request = RemotingCommand::request(RequestCode::pull_message);
    co_await connection->invoke(std::move(request), clock.now() + 10s);
    BOOST_ERROR("the answer comes after a second that never passes");
  };
  asio::co_spawn(context, serve(*listener, time), on_end);
  asio::co_spawn(context, call(network, time), on_end);
  while (context.poll() != 0 || time.advance_to_next(time.now())) context.restart();
}
