#include "broker_fixture.hpp"
#include "comet/message/batch.hpp"

using namespace comet;
using namespace comet::test;

BOOST_FIXTURE_TEST_SUITE(sending, BrokerFixture)

BOOST_AUTO_TEST_CASE(a_send_creates_its_topic_and_is_answered_with_what_java_clients_need) {
  start();
  RemotingCommand first = ask(send_request("orders", "one", 2,
                                           "TAGS\x01"
                                           "A\x02WAIT\x01true\x02"));
  BOOST_TEST((first.response_code() == ResponseCode::success));
  BOOST_TEST(first.remark.empty());
  BOOST_TEST(text(first, "msgId") == "0A09090900002A9F0000000000000000");
  BOOST_TEST(text(first, "queueId") == "2");
  BOOST_TEST(text(first, "queueOffset") == "0");
  BOOST_TEST(text(first, "MSG_REGION") == "DefaultRegion");
  BOOST_TEST(text(first, "TRACE_ON") == "true");
  RemotingCommand second = ask(send_request("orders", "two", 2));
  BOOST_TEST(text(second, "queueOffset") == "1");
}

BOOST_AUTO_TEST_CASE(the_long_form_of_sending_stores_the_same) {
  start();
  remoting::SendMessageHeader header;
  header.producer_group = "PG";
  header.topic = "orders";
  header.default_topic = "TBW102";
  header.default_topic_queue_nums = 4;
  header.properties = "KEYS\x01k";
  BOOST_TEST(
      (ask(RemotingCommand::request(RequestCode::send_message, header, Body(std::string("body"))))
           .response_code() == ResponseCode::success));
  RemotingCommand pulled = ask(pull_request("orders", 0, 0));
  auto messages = decode_records(pulled.body.to_string());
  BOOST_REQUIRE(messages.size() == 1u);
  BOOST_TEST(messages[0].body() == "body");
  BOOST_TEST(messages[0].keys() == "k");
  BOOST_TEST(messages[0].properties().get("CLUSTER") == "DefaultCluster");
  BOOST_TEST(!messages[0].properties().contains("WAIT"));
}

BOOST_AUTO_TEST_CASE(refused_sends_get_apaches_codes_and_remarks) {
  config.auto_create_topic = false;
  start();
  struct Row {
    std::string topic;
    std::int32_t queue_id;
    ResponseCode code;
    std::string remark;
  };
  const std::vector<Row> rows = {
      {"", 0, ResponseCode::system_error, "The specified topic is blank."},
      {"../../etc/passwd", 0, ResponseCode::system_error, "illegal characters"},
      {std::string(128, 'a'), 0, ResponseCode::system_error, "longer than topic max length"},
      {"SCHEDULE_TOPIC_XXXX", 0, ResponseCode::no_permission,
       "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden."},
      {"unknown", 0, ResponseCode::topic_not_exist,
       "topic[unknown] not exist, apply first please!"},
      {"DefaultCluster", 16, ResponseCode::system_error, "request queueId[16] is illegal"},
  };
  for (const Row& row : rows) {
    RemotingCommand answer = ask(send_request(row.topic, "x", row.queue_id));
    BOOST_TEST((answer.response_code() == row.code), row.topic);
    BOOST_TEST(answer.remark.find(row.remark) != std::string::npos, answer.remark);
    BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
  }
}

BOOST_AUTO_TEST_CASE(bodies_at_the_limit_are_stored_and_larger_ones_are_illegal) {
  config.store.max_message_size = 1000;
  start();
  BOOST_TEST(
      (ask(send_request("T", std::string(1000, 'x'))).response_code() == ResponseCode::success));
  RemotingCommand refused = ask(send_request("T", std::string(1001, 'x')));
  BOOST_TEST((refused.response_code() == ResponseCode::message_illegal));
  BOOST_TEST(refused.remark.find("msg body length limit 1000") != std::string::npos);
  BOOST_TEST((ask(send_request("T", "")).response_code() == ResponseCode::success));  // as 4.9.8
}

BOOST_AUTO_TEST_CASE(a_missing_header_field_is_named) {
  start();
  RemotingCommand request =
      RemotingCommand::request(RequestCode::send_message_v2, Body(std::string("x")));
  request.fields.add("a", "PG");
  request.fields.add("b", "T");
  RemotingCommand answer = ask(std::move(request));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "SEND_MESSAGE_V2: header field c is missing or malformed");
}

BOOST_AUTO_TEST_CASE(a_negative_queue_id_lets_the_broker_choose) {
  start();
  for (int i = 0; i < 20; ++i) {
    RemotingCommand answer = ask(send_request("T", "x", -1));
    int queue = std::stoi(text(answer, "queueId"));
    BOOST_TEST(queue >= 0);
    BOOST_TEST(queue < 4);
  }
}

BOOST_AUTO_TEST_CASE(a_oneway_send_is_stored_and_not_answered) {
  start();
  RemotingCommand request = send_request("T", "oneway");
  request.mark_oneway();
  world.run(client->invoke_oneway(config.listen_at, std::move(request),
                                  world.time.now() + std::chrono::seconds(1)));
  world.settle();
  BOOST_TEST((bodies(ask(pull_request("T", 0, 0))) == std::vector<std::string>{"oneway"}));
}

BOOST_AUTO_TEST_CASE(a_batch_becomes_records_with_consecutive_offsets) {
  start();
  std::string batch;
  encode_batch_item(Message("T", "one").tag("A"), batch);
  encode_batch_item(Message("T", "two").tag("B"), batch);
  RemotingCommand request = send_request("T", batch, 0, "WAIT\x01true");
  request.code = static_cast<std::int32_t>(RequestCode::send_batch_message);
  request.fields.add("m", true);
  RemotingCommand answer = ask(std::move(request));
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  std::string ids = text(answer, "msgId");
  BOOST_TEST(ids.size() == 65u);
  BOOST_TEST(ids[32] == ',');
  BOOST_TEST(text(answer, "queueOffset") == "0");
  RemotingCommand pulled = ask(pull_request("T", 0, 0));
  auto messages = decode_records(pulled.body.to_string());
  BOOST_REQUIRE(messages.size() == 2u);
  BOOST_TEST(messages[1].body() == "two");
  BOOST_TEST(messages[1].tag() == "B");
  BOOST_TEST(messages[1].offset_message_id() == ids.substr(33));

  RemotingCommand broken = send_request("T", batch.substr(0, batch.size() - 1));
  broken.code = static_cast<std::int32_t>(RequestCode::send_batch_message);
  BOOST_TEST((ask(std::move(broken)).response_code() == ResponseCode::message_illegal));
  BOOST_TEST(broker->store().max_offset("T", 0) == 2);
}

BOOST_AUTO_TEST_CASE(unknown_codes_are_answered_with_not_supported) {
  start();
  RemotingCommand request;
  request.code = 12345;
  RemotingCommand answer = ask(std::move(request));
  BOOST_TEST((answer.response_code() == ResponseCode::request_code_not_supported));
  BOOST_TEST(answer.remark == " request type 12345 not supported");
}

BOOST_AUTO_TEST_CASE(topics_and_messages_survive_a_restart) {
  start();
  ask(send_request("kept", "one", 1));
  stop();
  config.auto_create_topic = false;
  start();
  BOOST_TEST((bodies(ask(pull_request("kept", 1, 0))) == std::vector<std::string>{"one"}));
  BOOST_TEST(text(ask(send_request("kept", "two", 1)), "queueOffset") == "1");
}

BOOST_AUTO_TEST_SUITE_END()
