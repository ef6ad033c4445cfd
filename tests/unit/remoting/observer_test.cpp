// An observer sees what becomes of a server's requests.

#include <boost/test/unit_test.hpp>
#include <vector>

#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

class Seen {
 public:
  std::int32_t code = 0;
  std::int32_t answer = -1;  // -1: none
  bool oneway = false;
  Duration took{};
};

class Notes final : public RequestObserver {
 public:
  void on_request(const RequestIdentity& request, const RemotingCommand* answer,
                  Duration took) noexcept override {
    Seen one;
    one.code = request.code;
    if (answer != nullptr) one.answer = answer->code;
    one.oneway = request.is_oneway;
    one.took = took;
    seen.push_back(one);
  }
  std::vector<Seen> seen;
};

struct ObserverWorld : RemotingWorld {
  ObserverWorld() {
    handlers->observe(notes);
    auto nothing = [](Request&) -> Reply { return std::nullopt; };
    handlers->on(RequestCode::notify_consumer_ids_changed, nothing);
    auto fail = [](Request&) -> Reply { throw std::runtime_error("no"); };
    handlers->on(RequestCode::unregister_client, fail);
  }
  std::shared_ptr<Dispatcher> handlers = RemotingWorld::echo(time);
  std::shared_ptr<Notes> notes = std::make_shared<Notes>();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request_observer, ObserverWorld)

BOOST_AUTO_TEST_CASE(it_sees_each_request_of_a_burst_with_its_outcome) {
  auto [server, peer] = serve_raw(handlers);
  RemotingCommand oneway = request_of(RequestCode::heart_beat, 3);
  oneway.mark_oneway();
  run(peer.send(frame_of(request_of(RequestCode::heart_beat, 1)) +
                frame_of(request_of(RequestCode::get_all_topic_config, 2)) + frame_of(oneway) +
                frame_of(request_of(RequestCode::unregister_client, 4)) +
                frame_of(request_of(RequestCode::notify_consumer_ids_changed, 5))));
  settle();
  const std::vector<Seen>& seen = notes->seen;
  BOOST_REQUIRE(seen.size() == 5u);
  BOOST_TEST(seen[0].code == 34);
  BOOST_TEST(seen[0].answer == 0);
  BOOST_TEST(seen[1].code == 21);
  BOOST_TEST(seen[1].answer == 3, "not supported");
  BOOST_TEST(seen[2].oneway);
  BOOST_TEST(!seen[1].oneway);
  BOOST_TEST(seen[3].answer == 1, "the handler has thrown");
  BOOST_TEST(seen[4].answer == -1, "no answer");
}

BOOST_AUTO_TEST_CASE(for_an_asynchronous_handler_it_sees_how_long_that_took) {
  auto [server, peer] = serve_raw(handlers);
  run(peer.send(frame_of(request_of(RequestCode::pull_message, 1))));
  settle();
  BOOST_TEST(notes->seen.empty());
  pass(1s);
  BOOST_REQUIRE(notes->seen.size() == 1u);
  BOOST_TEST((notes->seen[0].took == 1s));
  BOOST_TEST(notes->seen[0].answer == 0);
}

BOOST_AUTO_TEST_CASE(the_time_between_requests_does_not_count) {
  auto [server, peer] = serve_raw(handlers);
  for (int i = 0; i < 2; ++i) {
    run(peer.send(frame_of(request_of(RequestCode::heart_beat, i))));
    settle();
    pass(10s);
  }
  BOOST_REQUIRE(notes->seen.size() == 2u);
  BOOST_TEST((notes->seen[1].took == Duration::zero()));
}

BOOST_AUTO_TEST_CASE(it_sees_refusals_for_overload_and_by_the_check_before) {
  auto slow = [this](Request request) -> asio::awaitable<Reply> {
    Timer timer(request.connection->executor(), time);
    co_await timer.wait_for(1s);
    co_return RemotingCommand::response(request.command, ResponseCode::success);
  };
  handlers->on_async(RequestCode::pull_message, slow, 1);
  auto check = [](Request& request) -> Reply {
    if (request.command.request_code() != RequestCode::heart_beat) return std::nullopt;
    return RemotingCommand::response(request.command, ResponseCode::no_permission);
  };
  handlers->before(check);
  auto [server, peer] = serve_raw(handlers);
  run(peer.send(frame_of(request_of(RequestCode::pull_message, 1)) +
                frame_of(request_of(RequestCode::pull_message, 2)) +
                frame_of(request_of(RequestCode::heart_beat, 3))));
  settle();
  BOOST_REQUIRE(notes->seen.size() == 2u);
  BOOST_TEST(notes->seen[0].answer == static_cast<std::int32_t>(ResponseCode::system_busy));
  BOOST_TEST(notes->seen[1].answer == static_cast<std::int32_t>(ResponseCode::no_permission));
}

BOOST_AUTO_TEST_SUITE_END()
