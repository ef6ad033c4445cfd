// Answers that come after the handler's return.
#include <boost/test/unit_test.hpp>
#include <deque>
#include <stdexcept>
#include <thread>

#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

// A server whose pulls wait here until a test answers them, and its raw client.
class World : public RemotingWorld {
 public:
  explicit World(ConnectionLimits limits = {}) : ends_(serve_raw(make_handlers(), limits)) {}

  Running& server() { return ends_.first; }
  RawPeer& peer() { return ends_.second; }
  void send(int requests, const std::string& body = {}) {
    std::string burst;
    for (int i = 0; i < requests; ++i) {
      burst += frame_of(request_of(RequestCode::pull_message, next_opaque_++, body));
    }
    run(peer().send(burst));
    settle();
  }
  static RemotingCommand answer_to(const PendingReply& pending, std::string remark = {}) {
    return pending.request().response(ResponseCode::success, std::move(remark));
  }
  void answer_first() {
    PendingReply pending = std::move(waiting.front());
    waiting.pop_front();
    pending.answer(answer_to(pending));
    settle();
  }

  std::deque<PendingReply> waiting;

 private:
  std::shared_ptr<Dispatcher> make_handlers() {
    std::shared_ptr<Dispatcher> handlers = echo(time);
    handlers->on(RequestCode::pull_message, [this](Request& request) -> Reply {
      waiting.emplace_back(request);
      if (request.command.body.view() == "throw") {
        PendingReply forgotten = std::move(waiting.back());
        waiting.pop_back();
        throw std::runtime_error("no pull");
      }
      return std::nullopt;
    });
    return handlers;
  }

  std::int32_t next_opaque_ = 1;
  std::pair<Running&, RawPeer> ends_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_pending_reply_is_sent_when_it_comes_and_others_go_before) {
  World world;
  world.send(2);
  world.run(world.peer().send(frame_of(request_of(RequestCode::heart_beat, 99))));
  BOOST_TEST(world.run(world.peer().receive())->opaque == 99);
  BOOST_REQUIRE(world.waiting.size() == 2u);
  world.waiting[1].answer(World::answer_to(world.waiting[1], "second"));
  world.waiting[0].answer(World::answer_to(world.waiting[0]));
  Result<RemotingCommand> answer = world.run(world.peer().receive());
  BOOST_TEST(answer->opaque == 2);
  BOOST_TEST(answer->remark == "second");
  BOOST_TEST(answer->is_response());
  BOOST_TEST(world.run(world.peer().receive())->opaque == 1);
}

BOOST_AUTO_TEST_CASE(the_first_answer_counts) {
  World world;
  world.send(1);
  world.waiting[0].answer(World::answer_to(world.waiting[0], "first"));
  world.waiting[0].answer(World::answer_to(world.waiting[0], "second"));
  world.waiting.clear();
  BOOST_TEST(world.run(world.peer().receive())->remark == "first");
  world.run(world.peer().send(frame_of(request_of(RequestCode::heart_beat, 99))));
  BOOST_TEST(world.run(world.peer().receive())->opaque == 99);
}

BOOST_AUTO_TEST_CASE(reading_pauses_while_too_many_replies_are_pending) {
  ConnectionLimits limits;
  limits.max_handlers = 4;
  World world(limits);
  world.send(20);
  BOOST_TEST(world.waiting.size() == 5u);
  for (int i = 0; i < 20; ++i) {
    BOOST_REQUIRE(!world.waiting.empty());
    BOOST_TEST(world.waiting.size() <= 5u);
    world.answer_first();
    BOOST_TEST(world.run(world.peer().receive())->opaque == i + 1);
  }
  BOOST_TEST(world.waiting.empty());
}

BOOST_AUTO_TEST_CASE(reading_pauses_while_pending_requests_hold_too_many_bytes) {
  ConnectionLimits limits;
  limits.max_handler_bytes = 25'000;
  World world(limits);
  world.send(10, std::string(10'000, 'x'));
  BOOST_TEST(world.waiting.size() == 3u);
  while (!world.waiting.empty()) world.answer_first();
  for (int i = 0; i < 10; ++i) BOOST_TEST(world.run(world.peer().receive()).has_value());
}

BOOST_AUTO_TEST_CASE(a_pending_reply_that_is_dropped_frees_its_place) {
  ConnectionLimits limits;
  limits.max_handlers = 1;
  World world(limits);
  world.send(4);
  BOOST_TEST(world.waiting.size() == 2u);
  world.waiting.clear();
  world.settle();
  BOOST_TEST(world.waiting.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_with_a_pending_reply_is_answered_once) {
  World world;
  world.send(1, "throw");
  Result<RemotingCommand> answer = world.run(world.peer().receive());
  BOOST_TEST((answer->response_code() == ResponseCode::system_error));
  BOOST_TEST(answer->remark == "no pull");
  world.run(world.server()->handlers_ended());
}

BOOST_AUTO_TEST_CASE(a_graceful_close_waits_for_pending_replies) {
  World world;
  world.send(2);
  world.server()->close_when_done();
  world.settle();
  BOOST_TEST(world.server()->is_open());
  world.answer_first();
  BOOST_TEST(world.server()->is_open());
  world.answer_first();
  BOOST_TEST(world.run(world.peer().receive())->opaque == 1);
  BOOST_TEST(world.run(world.peer().receive())->opaque == 2);
  BOOST_TEST((world.run(world.peer().receive()).error() == asio::error::eof));
  BOOST_TEST(world.server().ended.has_value());
}

BOOST_AUTO_TEST_CASE(the_end_of_handlers_includes_pending_replies_of_a_peer_that_is_gone) {
  World world;
  world.send(1);
  world.peer().close();
  world.settle();
  BOOST_TEST(world.server().ended.has_value());
  bool ended = false;
  auto wait = [&]() -> asio::awaitable<void> {
    co_await world.server()->handlers_ended();
    ended = true;
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("wait", wait());
  world.settle();
  BOOST_TEST(!ended);
  world.answer_first();
  BOOST_TEST(ended);
}

BOOST_AUTO_TEST_CASE(replies_may_come_from_other_threads) {
  World world;
  world.send(100);
  std::thread other([waiting = std::move(world.waiting)]() mutable {
    for (PendingReply& pending : waiting) pending.answer(World::answer_to(pending));
  });
  other.join();  // virtual time must not pass meanwhile
  for (int i = 0; i < 100; ++i) BOOST_TEST(world.run(world.peer().receive())->opaque == i + 1);
}
