#include <boost/asio/co_spawn.hpp>

#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* kReplyTopic = "DefaultCluster_REPLY_TOPIC";
constexpr const char* kReplyProperties =
    "MSG_TYPE\x01reply\x02"
    "CORRELATION_ID\x01"
    "c-1\x02REPLY_TO_CLIENT\x01"
    "requester\x02TTL\x01"
    "3000\x02";

class ReplyFixture : public BrokerFixture {
 public:
  ~ReplyFixture() {
    if (requester) world.run(requester->stop());
  }

  // A client that has asked for something and waits for the reply.
  void start_requester() {
    auto dispatcher = std::make_shared<remoting::Dispatcher>();
    auto take = [this](remoting::Request& request) -> remoting::Reply {
      pushed.push_back(request.command);
      if (silent) return std::nullopt;
      return RemotingCommand::response(request.command, answer_code, "as the test wants");
    };
    dispatcher->on(RequestCode::push_reply_message_to_client, take);
    requester = std::make_unique<remoting::Client>(world.executor(), world.network, world.time,
                                                   remoting::ClientConfig(), dispatcher);
    heartbeat();
  }
  void heartbeat() {
    const std::string json =
        R"({"clientID":"requester","producerDataSet":[{"groupName":"asking"}]})";
    world.run(requester->invoke(config.listen_at,
                                RemotingCommand::request(RequestCode::heart_beat, json),
                                world.time.now() + 1s));
  }

  RemotingCommand reply_request(const std::string& body,
                                const std::string& properties = kReplyProperties) {
    RemotingCommand request = send_request(kReplyTopic, body, 0, properties);
    request.code = static_cast<std::int32_t>(RequestCode::send_reply_message_v2);
    return request;
  }
  std::int64_t stored() const { return broker->store().max_offset(kReplyTopic, 0); }

  std::unique_ptr<remoting::Client> requester;
  std::vector<RemotingCommand> pushed;
  ResponseCode answer_code = ResponseCode::success;
  bool silent = false;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(replies, ReplyFixture)

BOOST_AUTO_TEST_CASE(a_reply_is_pushed_to_the_client_that_asked_and_stored) {
  start();
  start_requester();
  const RemotingCommand answer = ask(reply_request("yes"));
  BOOST_TEST((answer.response_code() == ResponseCode::success), answer.remark);
  BOOST_TEST(text(answer, "queueId") == "0");
  BOOST_TEST(text(answer, "queueOffset") == "0");
  BOOST_TEST(text(answer, "msgId").size() == 32u);
  BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
  BOOST_REQUIRE(pushed.size() == 1u);
  BOOST_TEST(!pushed[0].is_oneway());
  BOOST_TEST(pushed[0].body.to_string() == "yes");
  BOOST_TEST(text(pushed[0], "producerGroup") == "PG");
  BOOST_TEST(text(pushed[0], "topic") == kReplyTopic);
  BOOST_TEST(text(pushed[0], "queueId") == "0");
  BOOST_TEST(text(pushed[0], "storeHost") == "10.9.9.9:10911");
  BOOST_TEST(text(pushed[0], "storeTimestamp") == std::to_string(world.time.wall_millis()));
  BOOST_TEST(text(pushed[0], "bornHost").find(':') != std::string::npos);
  const std::string properties = text(pushed[0], "properties");
  BOOST_TEST(find_property(properties, "CORRELATION_ID") == "c-1");
  BOOST_TEST(find_property(properties, "PUSH_REPLY_TIME") ==
             std::to_string(world.time.wall_millis()));
  BOOST_TEST((bodies(ask(pull_request(kReplyTopic, 0, 0))) == std::vector<std::string>{"yes"}));
}

BOOST_AUTO_TEST_CASE(the_form_with_long_names_does_the_same) {
  start();
  start_requester();
  remoting::SendMessageHeader header;
  header.producer_group = "PG";
  header.topic = kReplyTopic;
  header.default_topic = "TBW102";
  header.queue_id = -1;
  header.properties = kReplyProperties;
  RemotingCommand request =
      RemotingCommand::request(RequestCode::send_reply_message, header, Body(std::string("yes")));
  BOOST_TEST((ask(std::move(request)).response_code() == ResponseCode::success));
  BOOST_REQUIRE(pushed.size() == 1u);
  BOOST_TEST(text(pushed[0], "queueId") == "-1");  // as sent
  BOOST_TEST(stored() == 1);
}

BOOST_AUTO_TEST_CASE(without_storage_the_answer_names_no_place) {
  config.store_replies = false;
  start();
  start_requester();
  const RemotingCommand answer = ask(reply_request("yes"));
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(text(answer, "msgId") == "0");
  BOOST_TEST(text(answer, "queueOffset") == "0");
  BOOST_TEST(pushed.size() == 1u);
  BOOST_TEST(stored() == 0);
}

BOOST_AUTO_TEST_CASE(a_reply_to_nobody_is_refused_and_stored_all_the_same) {
  start();
  const RemotingCommand answer = ask(reply_request("yes"));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "push reply message fail, channel of <requester> not found.");
  BOOST_TEST(text(answer, "queueOffset") == "0");
  BOOST_TEST(stored() == 1);
  start_requester();
  world.run(requester->stop());
  requester.reset();
  BOOST_TEST(ask(reply_request("yes")).remark ==
             "push reply message fail, channel of <requester> not found.");
}

BOOST_AUTO_TEST_CASE(a_reply_that_does_not_say_to_whom_is_refused) {
  config.store_replies = false;
  start();
  const RemotingCommand answer = ask(reply_request("yes",
                                                   "CORRELATION_ID\x01"
                                                   "c-1"));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "reply message properties[REPLY_TO_CLIENT] is null");
  BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
}

BOOST_AUTO_TEST_CASE(a_requester_that_refuses_or_is_silent_or_goes_is_said_to_the_replier) {
  start();
  start_requester();
  answer_code = ResponseCode::system_error;
  BOOST_TEST(ask(reply_request("yes")).remark == "push reply message to requesterfail.");
  silent = true;
  const Instant begin = world.time.now();
  BOOST_TEST(ask(reply_request("yes")).remark == "push reply message to requesterfail.");
  BOOST_TEST((world.time.now() - begin == 10s));
  RemotingCommand answer;
  auto done = [&](std::exception_ptr, RemotingCommand got) { answer = std::move(got); };
  asio::co_spawn(world.context,
                 client->invoke(config.listen_at, reply_request("yes"), world.time.now() + 20s),
                 done);
  world.settle();
  BOOST_TEST(pushed.size() == 3u);
  world.run(requester->stop());
  world.settle();
  BOOST_TEST(answer.remark == "push reply message to requesterfail.");
  BOOST_TEST(stored() == 3);
}

BOOST_AUTO_TEST_CASE(a_client_that_came_back_gets_its_replies_on_the_new_connection) {
  start();
  start_requester();
  auto old = std::move(requester);
  start_requester();
  world.run(old->stop());
  BOOST_TEST((ask(reply_request("yes")).response_code() == ResponseCode::success));
  BOOST_TEST(pushed.size() == 1u);
}

BOOST_AUTO_TEST_CASE(replies_are_checked_like_other_messages) {
  start();
  RemotingCommand bad = reply_request("yes");
  bad.fields = send_request("SCHEDULE_TOPIC_XXXX", "x").fields;
  BOOST_TEST((ask(std::move(bad)).response_code() == ResponseCode::no_permission));
  RemotingCommand empty = RemotingCommand::request(RequestCode::send_reply_message_v2);
  BOOST_TEST((ask(std::move(empty)).response_code() == ResponseCode::system_error));
}

BOOST_AUTO_TEST_SUITE_END()
