// What a connection and a dispatcher do not put up with.
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

constexpr const char* kOverload = "[OVERLOAD]system busy, start flow control for a while";

// Pulls take a second, at most `limit` at the same time.
std::shared_ptr<Dispatcher> limited(TimeSource& time, std::size_t limit) {
  auto handlers = RemotingWorld::echo(time);
  auto slow = [&time](Request request) -> asio::awaitable<Reply> {
    Timer timer(request.connection->executor(), time);
    co_await timer.wait_for(1s);
    co_return RemotingCommand::response(request.command, ResponseCode::success);
  };
  handlers->on_async(RequestCode::pull_message, slow, limit);
  return handlers;
}

std::string pulls(int count) {
  std::string burst;
  for (int i = 0; i < count; ++i) burst += frame_of(request_of(RequestCode::pull_message, i));
  return burst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(requests_beyond_the_limit_of_their_code_are_told_that_the_system_is_busy) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(limited(world.time, 3));
  world.run(peer.send(pulls(5) + frame_of(request_of(RequestCode::heart_beat, 9))));
  for (int refused : {3, 4}) {
    Result<RemotingCommand> answer = world.run(peer.receive());
    BOOST_TEST(answer->opaque == refused);
    BOOST_TEST((answer->response_code() == ResponseCode::system_busy));
    BOOST_TEST(answer->remark == kOverload);
  }
  BOOST_TEST(world.run(peer.receive())->opaque == 9);  // other codes are not affected
  for (int served : {0, 1, 2}) {
    Result<RemotingCommand> answer = world.run(peer.receive());
    BOOST_TEST(answer->opaque == served);
    BOOST_TEST((answer->response_code() == ResponseCode::success));
  }
}

BOOST_AUTO_TEST_CASE(a_place_is_free_again_when_its_handler_has_ended) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(limited(world.time, 2));
  for (int round = 0; round < 3; ++round) {
    world.run(peer.send(pulls(2)));
    for (int i = 0; i < 2; ++i) {
      Result<RemotingCommand> answer = world.run(peer.receive());
      BOOST_TEST((answer->response_code() == ResponseCode::success));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_limit_of_a_code_holds_over_all_connections) {
  RemotingWorld world;
  auto handlers = limited(world.time, 2);
  auto [first, first_peer] = world.serve_raw(handlers);
  auto [second, second_peer] = world.serve_raw(handlers);
  world.run(first_peer.send(pulls(2)));
  world.settle();
  world.run(second_peer.send(pulls(1)));
  Result<RemotingCommand> answer = world.run(second_peer.receive());
  BOOST_TEST((answer->response_code() == ResponseCode::system_busy));
  // Also the handlers of a connection that is gone count until they have ended, and no longer.
  first_peer.close();
  world.pass(2s);
  world.run(second_peer.send(pulls(2)));
  BOOST_TEST((world.run(second_peer.receive())->response_code() == ResponseCode::success));
  BOOST_TEST((world.run(second_peer.receive())->response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(oneway_requests_beyond_the_limit_are_dropped) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(limited(world.time, 1));
  RemotingCommand oneway = request_of(RequestCode::pull_message, 7);
  oneway.mark_oneway();
  world.run(peer.send(pulls(1) + frame_of(oneway)));
  BOOST_TEST(world.run(peer.receive())->opaque == 0);
  world.run(peer.send(frame_of(request_of(RequestCode::heart_beat, 8))));
  BOOST_TEST(world.run(peer.receive())->opaque == 8);
}

BOOST_AUTO_TEST_CASE(a_check_sees_every_request_first_and_may_refuse_it) {
  RemotingWorld world;
  auto handlers = RemotingWorld::echo(world.time);
  int seen = 0;
  handlers->before([&seen](Request& request) -> Reply {
    ++seen;
    if (request.command.body.view() == "throw")
      throw std::runtime_error("No accessKey is configured");
    if (request.command.body.view() != "bad") return std::nullopt;
    return RemotingCommand::response(request.command, ResponseCode::no_permission, "refused");
  });
  auto [server, peer] = world.serve_raw(handlers);
  for (RequestCode code : {RequestCode::heart_beat, RequestCode::pull_message}) {
    world.run(peer.send(frame_of(request_of(code, 1, "bad"))));
    Result<RemotingCommand> refused = world.run(peer.receive());
    BOOST_TEST((refused->response_code() == ResponseCode::no_permission));
    BOOST_TEST(refused->opaque == 1);
    world.run(peer.send(frame_of(request_of(code, 2, "good"))));
    BOOST_TEST(world.run(peer.receive())->body.view() == "good");
    world.run(peer.send(frame_of(request_of(code, 3, "throw"))));
    refused = world.run(peer.receive());
    BOOST_TEST((refused->response_code() == ResponseCode::system_error));
    BOOST_TEST(refused->remark == "No accessKey is configured");
  }
  BOOST_TEST(seen == 6);
}

BOOST_AUTO_TEST_CASE(a_frame_that_is_never_finished_closes_the_connection_however_bytes_trickle) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  const std::string frame = frame_of(request_of(RequestCode::heart_beat, 1, std::string(200, 'x')));
  std::size_t sent = 0;
  for (; sent < 119; ++sent) {
    world.run(peer.send(frame.substr(sent, 1)));
    world.pass(1s);
  }
  BOOST_TEST(!server.ended.has_value());
  world.run(peer.send(frame.substr(sent, 1)));
  world.pass(2s);
  BOOST_TEST((server.ended == error_code(RemotingErrc::frame_stalled)));
}

BOOST_AUTO_TEST_CASE(a_slow_peer_that_finishes_its_frames_stays) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  const std::string frame = frame_of(request_of(RequestCode::heart_beat, 1, "x"));
  for (int round = 0; round < 5; ++round) {
    for (std::size_t half : {std::size_t(0), frame.size() / 2}) {
      world.run(peer.send(frame.substr(half, half == 0 ? frame.size() / 2 : std::string::npos)));
      world.pass(100s);
    }
    BOOST_TEST(world.run(peer.receive())->opaque == 1);
  }
  BOOST_TEST(!server.ended.has_value());
}

BOOST_AUTO_TEST_CASE(each_frame_has_its_own_time_also_when_reads_end_within_frames) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  const std::string frame = frame_of(request_of(RequestCode::heart_beat, 1, "x"));
  world.run(peer.send(frame.substr(0, 10)));
  for (int round = 0; round < 10; ++round) {  // the rest of one frame and the begin of the next
    world.pass(50s);
    world.run(peer.send(frame.substr(10) + frame.substr(0, 10)));
    BOOST_TEST(world.run(peer.receive())->opaque == 1);
  }
  BOOST_TEST(!server.ended.has_value());
  world.pass(121s);
  BOOST_TEST((server.ended == error_code(RemotingErrc::frame_stalled)));
}

BOOST_AUTO_TEST_CASE(the_time_in_which_we_do_not_read_is_not_the_peers_fault) {
  RemotingWorld world;
  ConnectionLimits limits;
  limits.max_handlers = 1;
  limits.frame_stall = 500ms;  // pulls take a second
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time), limits);
  const std::string frame = frame_of(request_of(RequestCode::heart_beat, 9, "x"));
  world.run(peer.send(pulls(2) + frame.substr(0, 10)));
  world.pass(900ms);
  BOOST_TEST(!server.ended.has_value());
  world.run(peer.send(frame.substr(10)));
  for (int opaque : {0, 1, 9}) BOOST_TEST(world.run(peer.receive())->opaque == opaque);
}
