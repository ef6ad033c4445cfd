// What clients of 5.x expect beyond 4.9, and what the odd ones put on the wire.

#include <boost/test/unit_test.hpp>

#include "admin_fixture.hpp"
#include "comet/message/batch.hpp"

using namespace comet;
using namespace comet::test;

namespace {

class OtherClients : public AdminFixture {
 public:
  MessageExt stored(const std::string& topic, std::int32_t queue = 0) {
    auto messages = decode_records(ask(pull_request(topic, queue, 0)).body.to_string());
    BOOST_REQUIRE(!messages.empty());
    return messages.back();
  }
  RemotingCommand heartbeat(const std::string& consumer) {
    RemotingCommand beat = RemotingCommand::request(
        RequestCode::heart_beat,
        Body(R"({"clientID":"c1","consumerDataSet":[)" + consumer + R"(],"producerDataSet":[]})"));
    beat.language = remoting::Language::cpp;
    return ask(std::move(beat));
  }
};

std::string value_in(std::string_view text, std::string_view key) {
  const std::size_t at = text.find("\"" + std::string(key) + "\":\"");
  if (at == std::string_view::npos) return "(absent)";
  const std::size_t begin = at + key.size() + 4;
  return std::string(text.substr(begin, text.find('"', begin) - begin));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(other_clients, OtherClients)

BOOST_AUTO_TEST_CASE(a_message_is_stored_with_region_and_trace_switch_as_5_x_consumers_want_it) {
  config.region_id = "east";
  start();
  ask(send_request("T", "x", 0,
                   "MSG_REGION\x01"
                   "of another broker\x02"
                   "k\x01v\x02"
                   "WAIT\x01"
                   "false\x02TRACE_ON\x01no\x02\x02l\x01w\x02m\x01x\x02"));
  const MessageExt message = stored("T");
  BOOST_TEST(message.properties().get("MSG_REGION") == "east");
  BOOST_TEST(message.properties().get("TRACE_ON") == "true");
  BOOST_TEST(message.properties().get("k") == "v");
  BOOST_TEST(message.properties().get("l") == "w");
  BOOST_TEST(message.properties().get("m") == "x");
  BOOST_TEST(message.properties().get("WAIT") == "");
}

BOOST_AUTO_TEST_CASE(the_answer_to_a_send_has_its_unique_key_as_transaction_id) {
  start();
  const std::string key = "0A0000010000AAAAAAAA000000000001";
  BOOST_TEST(text(ask(send_request("T", "x", 0, "UNIQ_KEY\x01" + key)), "transactionId") == key);
  BOOST_TEST(text(ask(send_request("T", "x")), "transactionId") == "(absent)");
}

BOOST_AUTO_TEST_CASE(an_illegal_queue_is_answered_29_to_5_x_which_sends_anew_after_1) {
  start();
  const auto code_for = [this](std::int32_t version) {
    RemotingCommand request = send_request("T", "x", 99);
    request.version = version;
    return ask(std::move(request)).code;
  };
  BOOST_TEST(code_for(409) == 1);
  BOOST_TEST(code_for(413) == 29);
  BOOST_TEST(code_for(513) == 29);
}

BOOST_AUTO_TEST_CASE(a_batch_of_the_cpp_client_1_x_says_so_with_a_number) {
  start();
  std::string batch;
  encode_batch_item(0, "one", "", batch);
  encode_batch_item(0, "two", "", batch);
  const auto send = [&](remoting::Language language) {
    RemotingCommand request = send_request("T", batch);
    request.fields.add("m", "1");
    request.language = language;
    return ask(std::move(request));
  };
  BOOST_TEST(text(send(remoting::Language::cpp), "queueOffset") == "0");
  BOOST_TEST((bodies(ask(pull_request("T", 0, 0))) == std::vector<std::string>{"one", "two"}));
  BOOST_TEST(text(send(remoting::Language::java), "queueOffset") == "2");  // one message, as there
  BOOST_TEST(bodies(ask(pull_request("T", 0, 2))).size() == 1u);
}

BOOST_AUTO_TEST_CASE(numbers_in_a_heartbeat_are_javas_names_by_their_order) {
  start();
  heartbeat(R"({"groupName":"CG","consumeType":1,"messageModel":0,"consumeFromWhere":4,)"
            R"("subscriptionDataSet":[{"topic":"T","subString":"*","subVersion":1}]})");
  const RemotingCommand answer =
      ask_with(RequestCode::get_consumer_connection_list, {{"consumerGroup", "CG"}});
  BOOST_TEST(value_in(answer.body.view(), "consumeType") == "CONSUME_PASSIVELY");
  BOOST_TEST(value_in(answer.body.view(), "messageModel") == "BROADCASTING");
  BOOST_TEST(value_in(answer.body.view(), "consumeFromWhere") == "CONSUME_FROM_FIRST_OFFSET");
}

BOOST_AUTO_TEST_CASE(an_expression_of_bars_alone_takes_nothing) {
  start();
  ask(send_request("T", "x", 0,
                   "TAGS\x01"
                   "A"));
  BOOST_TEST(bodies(ask(pull_request("T", 0, 0, 0, "||"))).empty());
  BOOST_TEST(bodies(ask(pull_request("T", 0, 0, 0, " || "))).empty());
  BOOST_TEST(bodies(ask(pull_request("T", 0, 0, 0, ""))).size() == 1u);
  BOOST_TEST(bodies(ask(pull_request("T", 0, 0, 0, "A||"))).size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_configuration_has_what_tools_need_to_start) {
  start();
  const std::string text = ask_plain(RequestCode::get_broker_config).body.to_string();
  for (const char* line : {"filterServerNums=0\n", "slaveReadEnable=false\n", "traceOn=true\n",
                           "useTLS=false\n", "clientCallbackExecutorThreads="}) {
    BOOST_TEST(text.find(line) != std::string::npos, line);
  }
}

BOOST_AUTO_TEST_CASE(the_runtime_information_has_what_tools_of_5_x_show) {
  start();
  const std::string text = ask_plain(RequestCode::get_broker_runtime_info).body.to_string();
  BOOST_TEST(value_in(text, "brokerActive") == "true");
  BOOST_TEST(value_in(text, "getTransferedTps") == value_in(text, "getTransferredTps"));
  BOOST_TEST(value_in(text, "litePullThreadPoolQueueSize") == "0");
  BOOST_TEST(value_in(text, "litePullThreadPoolQueueHeadWaitTimeMills") == "0");
  BOOST_TEST(value_in(text, "ackThreadPoolQueueSize") == "0");
  BOOST_TEST(value_in(text, "ackThreadPoolQueueHeadWaitTimeMills") == "0");
  // Of an empty store: tools show how long ago that was.
  BOOST_TEST(value_in(text, "earliestMessageTimeStamp") ==
             std::to_string(world.time.wall_millis()));
}

BOOST_AUTO_TEST_CASE(the_runtime_information_says_how_many_timer_messages_wait) {
  start();
  ask(send_request("T", "late", 0,
                   "TIMER_DELAY_SEC\x01"
                   "60"));
  world.pass(std::chrono::seconds(1));
  const auto runtime = [&] {
    return ask_plain(RequestCode::get_broker_runtime_info).body.to_string();
  };
  BOOST_TEST(value_in(runtime(), "timerCongestNum") == "1");
  BOOST_TEST(value_in(runtime(), "timerEnqueueTps") == "1.0");
  BOOST_TEST(value_in(runtime(), "timerDequeueTps") == "0.0");
  BOOST_TEST(value_in(runtime(), "timerReadBehind") == "0");
  BOOST_TEST(value_in(runtime(), "timerOffsetBehind") == "0");
  world.pass(std::chrono::seconds(60));
  BOOST_TEST(value_in(runtime(), "timerCongestNum") == "0");
  BOOST_TEST(value_in(runtime(), "timerEnqueueTps") == "0.0");
  BOOST_TEST(value_in(runtime(), "timerDequeueTps") == "0.1");
}

BOOST_AUTO_TEST_SUITE_END()
