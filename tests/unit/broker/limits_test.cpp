// What happens when there is too much to do, or nothing may be written.
#include "broker_fixture.hpp"
#include "raw_peer.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class LimitsFixture : public BrokerFixture {
 public:
  // All in one write of one connection that one read takes (1.5 KiB), so that they are there before
  // one of them is stored.
  std::vector<RemotingCommand> send_together(int count, const std::string& body) {
    return ask_together(count, send_request("T", body));
  }
  std::vector<RemotingCommand> ask_together(int count, const RemotingCommand& request) {
    remoting::test::RawPeer peer(
        world.run(world.network.connect(config.listen_at, world.time.now() + 3s)));
    std::string frames;
    for (int i = 0; i < count; ++i) {
      RemotingCommand one = request;
      one.opaque = i;
      frames += remoting::test::frame_of(one);
    }
    BOOST_TEST(!world.run(peer.send(std::move(frames))));
    std::vector<RemotingCommand> answers;
    for (int i = 0; i < count; ++i) {
      Result<RemotingCommand> answer = world.run(peer.receive());
      BOOST_TEST_REQUIRE(answer.has_value());
      answers.push_back(std::move(*answer));
    }
    peer.close();
    world.settle();
    return answers;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(limits, LimitsFixture)

BOOST_AUTO_TEST_CASE(more_sends_than_may_wait_for_the_log_are_answered_busy) {
  config.max_sends = 3;
  start();
  ask(send_request("T", "one"));
  const std::vector<RemotingCommand> answers = send_together(6, "body");
  int stored = 0;
  for (const RemotingCommand& answer : answers) {
    if (answer.response_code() == ResponseCode::success) {
      ++stored;
      continue;
    }
    BOOST_TEST((answer.response_code() == ResponseCode::system_busy));
    BOOST_TEST(answer.remark ==
               "[REJECTREQUEST]system busy, start flow control for a while: 3 sends of 12 bytes "
               "wait for the log, the limits are 3 and 134217728");
    BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
  }
  BOOST_TEST(stored == 3);
  BOOST_TEST(broker->stats().sends_in_flight == 0u);
  BOOST_TEST((ask(send_request("T", "later")).response_code() == ResponseCode::success));
  BOOST_TEST(broker->store().max_offset("T", 0) == 5);
}

BOOST_AUTO_TEST_CASE(bytes_that_wait_for_the_log_have_a_limit_and_a_lone_send_none) {
  config.max_send_bytes = 300;
  start();
  ask(send_request("T", "one"));
  const std::vector<RemotingCommand> answers = send_together(3, std::string(120, 'x'));
  const auto stored = std::ranges::count_if(answers, [](const RemotingCommand& answer) {
    return answer.response_code() == ResponseCode::success;
  });
  BOOST_TEST(stored == 2);
  BOOST_TEST(
      (ask(send_request("T", std::string(5000, 'x'))).response_code() == ResponseCode::success));
  BOOST_TEST(broker->stats().send_bytes_in_flight == 0u);
}

// 150 bytes each that make the broker read and store a message of any size again.
BOOST_AUTO_TEST_CASE(what_consumers_give_back_counts_among_the_sends_in_flight) {
  config.max_send_bytes = 1000;
  start();
  ask(send_request("T", std::string(800, 'x')));
  remoting::SendMessageBackHeader header;
  header.offset = 0;
  header.group = "CG";
  const RemotingCommand request =
      RemotingCommand::request(RequestCode::consumer_send_msg_back, header);
  ask(request);  // makes the group and its topic
  const std::vector<RemotingCommand> answers = ask_together(4, request);
  int stored = 0;
  for (const RemotingCommand& answer : answers) {
    stored += answer.response_code() == ResponseCode::success ? 1 : 0;
    BOOST_TEST((answer.response_code() == ResponseCode::success ||
                answer.response_code() == ResponseCode::system_busy));
  }
  BOOST_TEST(stored == 1);
  BOOST_TEST(broker->stats().send_bytes_in_flight == 0u);
  BOOST_TEST((ask(request).response_code() == ResponseCode::success));
}

// The end of the burst answers them, which is the end of the pause: nothing else comes to wake the
// connection.
BOOST_AUTO_TEST_CASE(
    requests_that_came_with_more_than_may_be_at_work_are_served_without_a_further_one) {
  config.connection.max_handlers = 1;
  start();
  ask(send_request("T", "one"));
  const std::vector<RemotingCommand> answers = send_together(6, "body");
  for (const RemotingCommand& answer : answers) {
    BOOST_TEST((answer.response_code() == ResponseCode::success));
  }
  BOOST_TEST(broker->store().max_offset("T", 0) == 7);
}

BOOST_AUTO_TEST_CASE(a_send_that_is_refused_gives_its_room_back) {
  config.max_sends = 1;
  start();
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(
        (ask(send_request("not a topic", "body")).response_code() == ResponseCode::system_error));
    BOOST_TEST(
        (ask(send_request("T", "body", 1000)).response_code() == ResponseCode::system_error));
  }
  BOOST_TEST(broker->stats().sends_in_flight == 0u);
  BOOST_TEST((ask(send_request("T", "body")).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_closed) {
  config.max_connections = 1;
  start();
  ask(send_request("T", "one"));
  remoting::Client other(world.executor(), world.network, world.time);
  BOOST_CHECK_THROW(
      world.run(other.invoke(config.listen_at, send_request("T", "two"), world.time.now() + 5s)),
      Error);
  world.run(other.stop());
  BOOST_TEST((ask(send_request("T", "two")).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(without_the_permission_to_read_no_pull_is_served) {
  config.broker_permission = 2;
  start();
  ask(send_request("T", "one"));
  const RemotingCommand answer = ask(pull_request("T", 0, 0));
  BOOST_TEST((answer.response_code() == ResponseCode::no_permission));
  BOOST_TEST(answer.remark == "the broker[10.9.9.9] pulling message is forbidden");
  BOOST_TEST(broker->stats().permission == 2);
}

BOOST_AUTO_TEST_SUITE_END()
