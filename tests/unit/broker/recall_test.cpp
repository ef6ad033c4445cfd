#include "timer_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(recall, TimerFixture)

BOOST_AUTO_TEST_CASE(a_recalled_message_does_not_come_and_others_of_its_time_do) {
  start();
  const std::int64_t due = now() + 10'000;
  send_at("before", due);
  const RemotingCommand sent = send_at("recalled", due);
  send_at("behind", due);
  RemotingCommand answer = recall(sent);
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(text(answer, "msgId") == RecallHandle::decode(text(sent, "recallHandle"))->unique_key);
  BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
  world.pass(1min);
  BOOST_TEST((delivered() == Bodies{"before", "behind"}));
  BOOST_TEST(broker->stats().timers.recalled == 1u);
}

BOOST_AUTO_TEST_CASE(recalls_count_among_the_timer_messages_that_wait) {
  config.max_timers = 1;
  start();
  const RemotingCommand answer = recall(send_at("waits", now() + 10'000));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark ==
             "recall failed, timer message is under flow control, max num limit is 1");
}

BOOST_AUTO_TEST_CASE(a_recall_outlives_stops_and_kills) {
  start();
  const RemotingCommand one = send_timer("one", "TIMER_DELAY_SEC", "100");
  const RemotingCommand two = send_timer("two", "TIMER_DELAY_SEC", "100");
  recall(one);
  stop();
  start();
  recall(two);
  kill_and_restart();
  world.pass(1h);
  BOOST_TEST(delivered().empty());
}

BOOST_AUTO_TEST_CASE(the_handles_of_steps_of_a_second_work_as_well) {
  config.timer_precision_millis = 1000;
  start();
  const RemotingCommand sent = send_at("x", (now() / 1000 + 5) * 1000);
  const RemotingCommand other = send_at("y", (now() / 1000 + 5) * 1000 + 700);
  BOOST_TEST((recall(sent).response_code() == ResponseCode::success));
  BOOST_TEST((recall(other).response_code() == ResponseCode::success));
  world.pass(1min);
  BOOST_TEST(delivered().empty());
}

BOOST_AUTO_TEST_CASE(the_property_of_older_clients_recalls_too) {
  start();
  const std::string due = std::to_string(now() + 5000);
  send_timer("x", "TIMER_DELIVER_MS", due, 1, "\x02UNIQ_KEY\x01K");
  BOOST_TEST(
      (send_timer("-", "TIMER_DELIVER_MS", due, 1, "\x02TIMER_DEL_UNIQKEY\x01K").response_code() ==
       ResponseCode::success));
  world.pass(10s);
  BOOST_TEST(delivered().empty());
  BOOST_TEST(
      (send_timer("-", "TIMER_DELIVER_MS", due, 1, "\x02TIMER_DEL_UNIQKEY\x01K").response_code() ==
       ResponseCode::message_illegal));  // too late
}

BOOST_AUTO_TEST_CASE(a_recall_is_refused_for_what_5_3_refuses_it_for) {
  start();
  const RemotingCommand sent = send_timer("x", "TIMER_DELAY_SEC", "10");
  ask(send_request("other", "y"));
  const auto refused = [&](const std::string& topic, RecallHandle handle, ResponseCode code,
                           const std::string& remark) {
    RemotingCommand answer = recall(topic, handle.encode());
    BOOST_TEST((answer.response_code() == code), answer.code);
    BOOST_TEST(answer.remark == remark);
    BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
  };
  RecallHandle handle = *RecallHandle::decode(text(sent, "recallHandle"));
  const auto illegal = ResponseCode::illegal_operation;
  refused("unknown", handle, ResponseCode::topic_not_exist,
          "recall failed, the topic[unknown] not exist");
  refused("other", handle, illegal, "recall failed, topic not match");
  RecallHandle elsewhere = handle;
  elsewhere.broker_name = "broker-b";
  refused("T", elsewhere, illegal, "recall failed, broker service not available");
  for (const std::int64_t time : {std::int64_t{-1}, now(), now() + 259'200'000}) {
    RecallHandle at = handle;
    at.time_millis = time;
    refused("T", at, illegal, "recall failed, timestamp invalid");
  }
  for (const char* garbage : {"", "?", "djEgYQ==", "djIgYSBiIGMgZA==", "AAAAA"}) {
    BOOST_TEST((recall("T", garbage).response_code() == illegal), garbage);
    BOOST_TEST(recall("T", garbage).remark == "recall handle is invalid");
  }
  RecallHandle unknown = handle;
  unknown.unique_key = "nobody";
  BOOST_TEST((recall("T", unknown.encode()).response_code() == ResponseCode::success));
  world.pass(10s);
  BOOST_TEST((delivered() == Bodies{"x"}));
  refused("T", handle, illegal, "recall failed, timestamp invalid");  // it has come
}

BOOST_AUTO_TEST_CASE(recalls_are_forbidden_unless_they_are_allowed) {
  config.recall_messages = false;
  start();
  const RemotingCommand sent = send_timer("x", "TIMER_DELAY_SEC", "10");
  RemotingCommand answer = recall(sent);
  BOOST_TEST((answer.response_code() == ResponseCode::no_permission));
  BOOST_TEST(answer.remark == "recall failed, operation is forbidden");
}

BOOST_AUTO_TEST_CASE(a_broker_that_takes_no_messages_takes_recalls_unless_told_otherwise) {
  start();
  const RemotingCommand sent = send_timer("x", "TIMER_DELAY_SEC", "10");
  stop();
  config.broker_permission = 4;
  start();
  BOOST_TEST((recall(sent).response_code() == ResponseCode::success));
  stop();
  config.recall_when_not_writable = false;
  start();
  BOOST_TEST((recall(sent).response_code() == ResponseCode::service_not_available));
}

BOOST_AUTO_TEST_SUITE_END()
