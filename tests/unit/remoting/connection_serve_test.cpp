// What a connection does with the requests of its peer.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/base/bytes.hpp"
#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;
namespace data = boost::unit_test::data;

namespace {

RemotingCommand exchange(RemotingWorld& world, RawPeer& peer, const RemotingCommand& request) {
  world.run(peer.send(frame_of(request)));
  Result<RemotingCommand> answer = world.run(peer.receive());
  BOOST_REQUIRE_MESSAGE(answer.has_value(), answer.error().message());
  return std::move(*answer);
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_answer_has_the_opaque_and_serialization_of_its_request) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  for (SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
    RemotingCommand request = request_of(RequestCode::heart_beat, -5, "hello");
    request.serialize_type = type;
    RemotingCommand answer = exchange(world, peer, request);
    BOOST_TEST(answer.is_response());
    BOOST_TEST(answer.code == 0);
    BOOST_TEST(answer.opaque == -5);
    BOOST_TEST((answer.serialize_type == type));
    BOOST_TEST(answer.body.view() == "hello");
  }
}

BOOST_AUTO_TEST_CASE(several_requests_in_one_read_are_all_answered) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  std::string burst;
  for (int i = 0; i < 100; ++i) {
    burst += frame_of(request_of(RequestCode::heart_beat, i, std::to_string(i)));
  }
  world.run(peer.send(burst));
  for (int i = 0; i < 100; ++i) {
    Result<RemotingCommand> answer = world.run(peer.receive());
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->opaque == i);
    BOOST_TEST(answer->body.view() == std::to_string(i));
  }
}

BOOST_AUTO_TEST_CASE(requests_in_single_bytes_are_answered) {
  RemotingWorld world;
  world.network.set_max_read(1);
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  std::string body(3000, 'b');
  BOOST_TEST(exchange(world, peer, request_of(RequestCode::heart_beat, 1, body)).body.view() ==
             body);
  BOOST_TEST(exchange(world, peer, request_of(RequestCode::heart_beat, 2, "x")).body.view() == "x");
}

BOOST_AUTO_TEST_CASE(large_bodies_travel_whole_both_ways) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  std::string body(5u << 20, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 8);
  BOOST_TEST(
      (exchange(world, peer, request_of(RequestCode::heart_beat, 1, body)).body.view() == body));
}

BOOST_AUTO_TEST_CASE(slow_handlers_do_not_hold_up_other_requests) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  world.run(peer.send(frame_of(request_of(RequestCode::pull_message, 1, "slow")) +
                      frame_of(request_of(RequestCode::heart_beat, 2, "fast"))));
  BOOST_TEST(world.run(peer.receive())->opaque == 2);
  Result<RemotingCommand> slow = world.run(peer.receive());
  BOOST_TEST(slow->opaque == 1);
  BOOST_TEST(slow->body.view() == "slow");
  BOOST_TEST(to_millis(world.time.now().time_since_epoch()) == 1000);
}

BOOST_AUTO_TEST_CASE(an_unknown_code_is_answered_as_not_supported) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  RemotingCommand answer = exchange(world, peer, request_of(static_cast<RequestCode>(4711), 9));
  BOOST_TEST((answer.response_code() == ResponseCode::request_code_not_supported));
  BOOST_TEST(answer.remark == " request type 4711 not supported");
  BOOST_TEST(answer.opaque == 9);
}

BOOST_AUTO_TEST_CASE(a_fallback_gets_the_codes_without_handler) {
  RemotingWorld world;
  auto handlers = RemotingWorld::echo(world.time);
  handlers->otherwise([](Request& request) -> Reply {
    return RemotingCommand::response(request.command, ResponseCode::no_permission, "fallback");
  });
  auto [server, peer] = world.serve_raw(handlers);
  BOOST_TEST(exchange(world, peer, request_of(RequestCode::send_message, 1)).remark == "fallback");
}

BOOST_AUTO_TEST_CASE(a_handlers_exception_is_answered_with_its_text) {
  RemotingWorld world;
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on(RequestCode::heart_beat,
               [](Request&) -> Reply { throw std::runtime_error("disk is on fire"); });
  handlers->on_async(RequestCode::pull_message, [](Request request) -> asio::awaitable<Reply> {
    auto executor = co_await asio::this_coro::executor;
    if (request.command.body.empty()) throw 17;
    throw Error(ResponseCode::topic_not_exist, "topic x");
  });
  auto [server, peer] = world.serve_raw(handlers);
  RemotingCommand answer = exchange(world, peer, request_of(RequestCode::heart_beat, 1));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "disk is on fire");
  answer = exchange(world, peer, request_of(RequestCode::pull_message, 2, "x"));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.opaque == 2);
  BOOST_TEST(answer.remark.starts_with("topic x: TOPIC_NOT_EXIST"));
  answer = exchange(world, peer, request_of(RequestCode::pull_message, 3));
  BOOST_TEST(answer.remark == "unknown exception");
}

BOOST_AUTO_TEST_CASE(oneway_requests_are_served_and_never_answered) {
  RemotingWorld world;
  int served = 0;
  auto handlers = RemotingWorld::echo(world.time);
  handlers->on(RequestCode::update_consumer_offset, [&served](Request& request) -> Reply {
    ++served;
    return RemotingCommand::response(request.command, ResponseCode::success);
  });
  handlers->on(RequestCode::end_transaction,
               [](Request&) -> Reply { throw std::runtime_error("not even this"); });
  auto [server, peer] = world.serve_raw(handlers);
  std::string burst;
  for (RequestCode code : {RequestCode::update_consumer_offset, RequestCode::end_transaction,
                           RequestCode::pull_message, static_cast<RequestCode>(4711)}) {
    RemotingCommand request = request_of(code, 1);
    request.mark_oneway();
    burst += frame_of(request);
  }
  world.run(peer.send(burst));
  world.pass(2s);
  BOOST_TEST(exchange(world, peer, request_of(RequestCode::heart_beat, 2)).opaque == 2);
  BOOST_TEST(served == 1);
}

BOOST_AUTO_TEST_CASE(a_handler_may_keep_the_connection_and_answer_later) {
  RemotingWorld world;
  std::optional<Request> held;
  auto handlers = RemotingWorld::echo(world.time);
  handlers->on(RequestCode::pull_message, [&held](Request& request) -> Reply {
    held.emplace(std::move(request));
    return std::nullopt;
  });
  auto [server, peer] = world.serve_raw(handlers);
  world.run(peer.send(frame_of(request_of(RequestCode::pull_message, 1))));
  BOOST_TEST(exchange(world, peer, request_of(RequestCode::heart_beat, 2)).opaque == 2);
  BOOST_REQUIRE(held.has_value());
  held->connection->send(RemotingCommand::response(held->command, ResponseCode::pull_not_found));
  Result<RemotingCommand> late = world.run(peer.receive());
  BOOST_TEST(late->opaque == 1);
  BOOST_TEST((late->response_code() == ResponseCode::pull_not_found));
  held.reset();
}

BOOST_AUTO_TEST_CASE(an_answer_beyond_the_frame_limit_becomes_an_error_answer) {
  RemotingWorld world;
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on(RequestCode::heart_beat, [](Request& request) -> Reply {
    RemotingCommand reply = RemotingCommand::response(request.command, ResponseCode::success);
    reply.body = Body(std::string(1000, 'x'));
    return reply;
  });
  ConnectionLimits limits;
  limits.max_frame = 500;
  auto [server, peer] = world.serve_raw(handlers, limits);
  RemotingCommand answer = exchange(world, peer, request_of(RequestCode::heart_beat, 1));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "the answer exceeds the frame limit of 500 bytes");
}

namespace {

struct Malformed {
  const char* name;
  std::string bytes;
  RemotingErrc reason;
};
std::ostream& operator<<(std::ostream& out, const Malformed& row) { return out << row.name; }

std::string words(std::uint32_t length, std::uint32_t mark, std::string rest = {}) {
  std::string bytes;
  append_be<std::uint32_t>(bytes, length);
  append_be<std::uint32_t>(bytes, mark);
  return bytes + rest;
}

const std::vector<Malformed> kMalformed = {
    {"length 0", words(0, 0), RemotingErrc::bad_frame},
    {"length 3", words(3, 0), RemotingErrc::bad_frame},
    {"negative length", words(0xffffffff, 0), RemotingErrc::frame_too_large},
    {"16 MiB and one byte", words((16u << 20) - 3, 0), RemotingErrc::frame_too_large},
    {"header longer than the frame", words(10, 7, "123456"), RemotingErrc::bad_frame},
    {"unknown serialization", words(10, 0x07000002, "{}    "), RemotingErrc::bad_frame},
    {"header is not JSON", words(10, 6, "foobar"), RemotingErrc::bad_header},
    {"header is empty", words(4, 0), RemotingErrc::bad_header},
    {"code is no number", words(4 + 13, 13, R"({"code":[17]})"), RemotingErrc::bad_header},
    {"binary header is short", words(7, 0x01000003, "abc"), RemotingErrc::bad_header},
    {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
     RemotingErrc::frame_too_large},
    {"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", RemotingErrc::frame_too_large},
};

}  // namespace

BOOST_DATA_TEST_CASE(malformed_input_closes_the_connection_silently, data::make(kMalformed), row) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  auto [other, other_peer] = world.serve_raw(RemotingWorld::echo(world.time));
  // What came before the damage is still served.
  RemotingCommand answer = exchange(world, peer, request_of(RequestCode::heart_beat, 1));
  BOOST_TEST(answer.opaque == 1);
  world.run(peer.send(row.bytes));
  Result<RemotingCommand> end = world.run(peer.receive());
  BOOST_REQUIRE(end.has_error());
  BOOST_TEST((end.error() == asio::error::eof));
  BOOST_TEST((server.ended == error_code(row.reason)));
  BOOST_TEST(exchange(world, other_peer, request_of(RequestCode::heart_beat, 2)).opaque == 2);
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_away_in_the_middle_of_a_frame_is_just_gone) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  std::string frame = frame_of(request_of(RequestCode::heart_beat, 1, "body"));
  world.run(peer.send(frame.substr(0, frame.size() - 1)));
  world.settle();
  BOOST_TEST(!server.ended.has_value());
  peer.close();
  world.settle();
  BOOST_TEST((server.ended == error_code(asio::error::eof)));
}

BOOST_AUTO_TEST_CASE(handlers_finish_their_work_when_the_peer_is_gone) {
  RemotingWorld world;
  bool finished = false;
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on_async(RequestCode::end_transaction, [&](Request request) -> asio::awaitable<Reply> {
    Timer timer(request.connection->executor(), world.time);
    co_await timer.wait_for(1s);
    finished = true;
    co_return std::nullopt;
  });
  auto [server, peer] = world.serve_raw(handlers);
  world.run(peer.send(frame_of(request_of(RequestCode::end_transaction, 1))));
  peer.close();
  world.settle();
  BOOST_TEST(server.ended.has_value());
  BOOST_TEST(!finished);
  world.run(server->handlers_ended());
  BOOST_TEST(finished);
}

BOOST_AUTO_TEST_CASE(handlers_can_be_cancelled) {
  RemotingWorld world;
  auto handlers = RemotingWorld::echo(world.time);
  auto [server, peer] = world.serve_raw(handlers);
  world.run(peer.send(frame_of(request_of(RequestCode::pull_message, 1))));
  world.settle();
  peer.close();
  server->cancel_handlers();
  world.run(server->handlers_ended());
  BOOST_TEST(to_millis(world.time.now().time_since_epoch()) == 0);
}

BOOST_AUTO_TEST_CASE(reading_pauses_while_too_many_handlers_run) {
  RemotingWorld world;
  ConnectionLimits limits;
  limits.max_handlers = 4;
  std::size_t running = 0, most = 0, done = 0;
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on_async(RequestCode::pull_message, [&](Request request) -> asio::awaitable<Reply> {
    most = std::max(most, ++running);
    Timer timer(request.connection->executor(), world.time);
    co_await timer.wait_for(1s);
    --running;
    ++done;
    co_return RemotingCommand::response(request.command, ResponseCode::success);
  });
  auto [server, peer] = world.serve_raw(handlers, limits);
  std::string burst;
  for (int i = 0; i < 100; ++i) burst += frame_of(request_of(RequestCode::pull_message, i));
  world.run(peer.send(burst));
  for (int i = 0; i < 100; ++i) BOOST_TEST(world.run(peer.receive()).has_value());
  BOOST_TEST(done == 100u);
  BOOST_TEST(most == 5u);
}

BOOST_AUTO_TEST_CASE(reading_pauses_while_handlers_hold_too_many_bytes) {
  RemotingWorld world;
  ConnectionLimits limits;
  limits.max_handler_bytes = 25'000;
  std::size_t held = 0, most = 0;
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on_async(RequestCode::pull_message, [&](Request request) -> asio::awaitable<Reply> {
    const std::size_t size = request.command.body.size();
    most = std::max(most, held += size);
    Timer timer(request.connection->executor(), world.time);
    co_await timer.wait_for(1s);
    held -= size;
    co_return RemotingCommand::response(request.command, ResponseCode::success);
  });
  auto [server, peer] = world.serve_raw(handlers, limits);
  std::string burst;
  for (int i = 0; i < 20; ++i) {
    burst += frame_of(request_of(RequestCode::pull_message, i, std::string(10'000, 'x')));
  }
  world.run(peer.send(burst));
  for (int i = 0; i < 20; ++i) BOOST_TEST(world.run(peer.receive()).has_value());
  BOOST_TEST(most == 30'000u);
}

BOOST_AUTO_TEST_CASE(a_silent_connection_is_closed_after_the_idle_limit) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  world.pass(100s);
  BOOST_TEST(exchange(world, peer, request_of(RequestCode::heart_beat, 1)).opaque == 1);
  world.pass(119s);
  BOOST_TEST(!server.ended.has_value());
  world.pass(2s);
  BOOST_TEST((server.ended == error_code(RemotingErrc::idle)));
  BOOST_TEST((world.run(peer.receive()).error() == asio::error::eof));
}

BOOST_AUTO_TEST_CASE(a_silent_connection_stays_as_long_as_somebody_wants_it_to) {
  RemotingWorld world;
  bool stays = true;
  int asked = 0;
  ConnectionLimits limits;
  limits.stays_though_idle = [&](const IpEndpoint&) {
    ++asked;
    return stays;
  };
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time), limits);
  world.pass(130s);
  BOOST_TEST(!server.ended.has_value());
  BOOST_TEST(exchange(world, peer, request_of(RequestCode::heart_beat, 1)).opaque == 1);
  world.pass(230s);
  BOOST_TEST(!server.ended.has_value());
  BOOST_TEST(asked == 2);
  stays = false;
  world.pass(20s);
  BOOST_TEST((server.ended == error_code(RemotingErrc::idle)));
}

BOOST_AUTO_TEST_CASE(writing_keeps_a_connection_alive) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  for (int i = 0; i < 10; ++i) {
    world.pass(60s);
    RemotingCommand notice = RemotingCommand::request(RequestCode::notify_consumer_ids_changed);
    notice.mark_oneway();
    server->send(std::move(notice));
    world.settle();
  }
  BOOST_TEST(!server.ended.has_value());
}

BOOST_AUTO_TEST_CASE(close_when_sent_writes_what_was_queued_before_it) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  for (int i = 0; i < 10; ++i) {
    RemotingCommand answer = request_of(RequestCode::heart_beat, i, std::string(10'000, 'x'));
    answer.flag = RemotingCommand::kResponseFlag;
    server->send(std::move(answer));
  }
  server->close_when_sent();
  for (int i = 0; i < 10; ++i) BOOST_TEST(world.run(peer.receive())->opaque == i);
  BOOST_TEST((world.run(peer.receive()).error() == asio::error::eof));
  BOOST_TEST(!server->is_open());
}

BOOST_AUTO_TEST_CASE(close_when_done_answers_running_requests_and_takes_no_more) {
  RemotingWorld world;
  auto [server, peer] = world.serve_raw(RemotingWorld::echo(world.time));
  world.run(peer.send(frame_of(request_of(RequestCode::pull_message, 1))));
  world.settle();
  server->close_when_done();
  world.settle();
  world.run(peer.send(frame_of(request_of(RequestCode::heart_beat, 2))));
  BOOST_TEST(world.run(peer.receive())->opaque == 1);
  BOOST_TEST((world.run(peer.receive()).error() == asio::error::eof));
}
