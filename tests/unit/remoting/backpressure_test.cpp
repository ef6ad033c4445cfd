// A peer that does not read what it is sent.
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>
#include <string>

#include "gated_stream.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

struct Gated {
  explicit Gated(ConnectionLimits limits) {
    auto owned = std::make_unique<GatedStream>(world.executor(), world.time);
    stream = owned.get();
    running = &world.run_on(std::move(owned), RemotingWorld::echo(world.time), limits);
    world.settle();
  }
  RemotingWorld world;
  GatedStream* stream = nullptr;
  Running* running = nullptr;
};

}  // namespace

BOOST_AUTO_TEST_CASE(reading_pauses_while_answers_are_not_taken_and_resumes_below_half) {
  ConnectionLimits limits;
  limits.max_unsent = 100'000;
  Gated gated(limits);
  const std::string request =
      frame_of(request_of(RequestCode::heart_beat, 1, std::string(10'000, 'x')));
  for (int i = 0; i < 100; ++i) gated.stream->feed(request);
  gated.world.settle();
  // What was taken before the pause: the limit, one frame, and what the last read held besides.
  BOOST_TEST(gated.stream->incoming.size() > 800'000u);
  std::size_t left = gated.stream->incoming.size();
  gated.world.pass(10s);
  BOOST_TEST(gated.stream->incoming.size() == left);
  gated.stream->set_open(true);
  gated.world.settle();
  BOOST_TEST(gated.stream->incoming.empty());
  BOOST_TEST(gated.stream->written > 100 * 10'000u);
}

BOOST_AUTO_TEST_CASE(answers_of_a_burst_are_written_together) {
  Gated gated(ConnectionLimits{});
  gated.stream->set_open(true);
  gated.world.settle();
  std::string burst;
  for (int i = 0; i < 10; ++i) burst += frame_of(request_of(RequestCode::heart_beat, i, "x"));
  gated.stream->feed(burst);
  gated.world.settle();
  BOOST_TEST(gated.stream->reads == 1u);
  BOOST_TEST(gated.stream->writes == 1u);
}

BOOST_AUTO_TEST_CASE(a_peer_that_takes_nothing_is_closed_after_the_stall_limit) {
  Gated gated(ConnectionLimits{});
  gated.stream->feed(frame_of(request_of(RequestCode::heart_beat, 1, "x")));
  gated.world.pass(29s);
  // What it sends meanwhile does not count.
  gated.stream->feed(frame_of(request_of(RequestCode::heart_beat, 2, "x")));
  gated.world.settle();
  BOOST_TEST(!gated.running->ended.has_value());
  gated.world.pass(2s);
  BOOST_TEST((gated.running->ended == error_code(RemotingErrc::write_stalled)));
}

BOOST_AUTO_TEST_CASE(a_peer_that_takes_a_little_within_each_stall_limit_stays) {
  Gated gated(ConnectionLimits{});
  for (int i = 0; i < 10; ++i) {
    gated.stream->set_open(false);
    gated.stream->feed(frame_of(request_of(RequestCode::heart_beat, i, "x")));
    gated.world.pass(29s);
    gated.stream->set_open(true);
    gated.world.settle();
  }
  BOOST_TEST(!gated.running->ended.has_value());
}

BOOST_AUTO_TEST_CASE(a_large_body_is_written_in_parts_that_each_have_their_time) {
  Gated gated(ConnectionLimits{});
  gated.stream->set_open(true);
  std::string body(2u << 20, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 9);
  RemotingCommand answer = request_of(RequestCode::heart_beat, 1, body);
  answer.flag = RemotingCommand::kResponseFlag;
  const std::string frame = frame_of(answer);
  gated.running->connection->send(std::move(answer));
  gated.world.settle();
  BOOST_TEST(gated.stream->writes >= 8u);
  BOOST_TEST((gated.stream->outgoing == frame));
}

BOOST_AUTO_TEST_CASE(answers_that_pile_up_beyond_all_measure_close_the_connection) {
  ConnectionLimits limits;
  limits.max_unsent = 10'000;
  Gated gated(limits);
  for (int i = 0; i < 100 && gated.running->connection->is_open(); ++i) {
    RemotingCommand answer = request_of(RequestCode::heart_beat, i, std::string(1000, 'x'));
    answer.flag = RemotingCommand::kResponseFlag;
    gated.running->connection->send(std::move(answer));
    gated.world.settle();
    if (i == 35) BOOST_TEST(gated.running->connection->is_open());
  }
  gated.world.settle();
  BOOST_TEST((gated.running->ended == error_code(RemotingErrc::write_stalled)));
}

BOOST_AUTO_TEST_CASE(own_requests_wait_while_too_many_bytes_are_unsent) {
  ConnectionLimits limits;
  limits.max_unsent = 10'000;
  Gated gated(limits);
  RemotingCommand large =
      RemotingCommand::request(RequestCode::send_message, std::string(20'000, 'x'));
  large.mark_oneway();
  gated.running->connection->send(std::move(large));
  gated.world.settle();
  error_code code = gated.world.error_of(gated.running->connection->invoke(
      RemotingCommand::request(RequestCode::heart_beat), gated.world.time.now() + 1s));
  BOOST_TEST((code == RemotingErrc::too_many_requests));

  std::size_t before = gated.stream->written;
  gated.stream->set_open(true);
  code = gated.world.error_of(gated.running->connection->invoke_oneway(
      RemotingCommand::request(RequestCode::heart_beat), gated.world.time.now() + 1s));
  BOOST_TEST(!code);
  gated.world.settle();
  BOOST_TEST(gated.stream->written > before + 20'000u);
}

BOOST_AUTO_TEST_CASE(requests_that_were_never_begun_to_be_written_are_not_sent) {
  Gated gated(ConnectionLimits{});
  std::vector<error_code> codes;
  TaskGroup tasks(gated.world.executor(), gated.world.time);
  auto call = [](std::shared_ptr<Connection> connection, Instant deadline,
                 std::vector<error_code>& out) -> asio::awaitable<void> {
    try {
      RemotingCommand request = RemotingCommand::request(RequestCode::heart_beat);
      co_await connection->invoke(std::move(request), deadline);
    } catch (const Error& problem) {
      out.push_back(problem.code());
    }
  };
  const Instant deadline = gated.world.time.now() + 10s;
  tasks.spawn("writing", call(gated.running->connection, deadline, codes));
  gated.world.settle();
  tasks.spawn("queued", call(gated.running->connection, deadline, codes));
  gated.world.settle();
  gated.running->connection->close();
  gated.world.settle();
  BOOST_REQUIRE(codes.size() == 2u);
  BOOST_TEST((codes[0] == RemotingErrc::closed));
  BOOST_TEST((codes[1] == RemotingErrc::not_sent));
}
