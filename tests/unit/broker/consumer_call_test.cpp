// What administrators ask consumers through the broker.

#include "admin_fixture.hpp"
#include "comet/message/message_id.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class ConsumerCalls : public AdminFixture {
 public:
  RemotingCommand running_info(const std::string& client_id) {
    return ask_with(RequestCode::get_consumer_running_info,
                    {{"consumerGroup", "CG"}, {"clientId", client_id}, {"jstackEnable", "true"}});
  }
  RemotingCommand status(const std::string& client_id = "") {
    return ask_with(RequestCode::invoke_broker_to_get_consumer_status,
                    {{"topic", "T"}, {"group", "CG"}, {"clientAddr", client_id}});
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(consumer_calls, ConsumerCalls)

BOOST_AUTO_TEST_CASE(the_clients_running_info_comes_back_as_it_is) {
  start();
  ConsumerClient consumer(*this, "c1");
  const std::string info = R"({"mqTable":{{"brokerName":"b","queueId":0,"topic":"T"}:{}}})";
  consumer.answers[RequestCode::get_consumer_running_info] = {ResponseCode::success, info};
  consumer.connect();
  const RemotingCommand answer = running_info("c1");
  BOOST_TEST(answer.code == 0);
  BOOST_TEST(answer.remark == "said so");
  BOOST_TEST(answer.body.view() == info);
  BOOST_TEST_REQUIRE(consumer.asked.size() == 1u);
  BOOST_TEST(text(consumer.asked[0], "jstackEnable") == "true");
  BOOST_TEST(text(consumer.asked[0], "clientId") == "c1");
  // So does its refusal.
  consumer.answers[RequestCode::get_consumer_running_info] = {ResponseCode::system_error, "why"};
  BOOST_TEST((running_info("c1").response_code() == ResponseCode::system_error));
}

BOOST_AUTO_TEST_CASE(what_waits_for_clients_has_a_limit_over_all_connections) {
  config.max_client_calls = 3;
  start();
  ConsumerClient consumer(*this, "c1");
  consumer.connect();
  const RemotingCommand request = with_fields(RequestCode::get_consumer_running_info,
                                              {{"consumerGroup", "CG"}, {"clientId", "c1"}});
  const auto first = this->begin(request);
  const auto second = this->begin(request);
  const auto third = this->begin(request);
  const RemotingCommand busy = ask(request);
  BOOST_TEST((busy.response_code() == ResponseCode::system_busy));
  BOOST_TEST(
      busy.remark.starts_with("[REJECTREQUEST]system busy, start flow control for a while: "
                              "3 requests of "));
  world.pass(11s);
  BOOST_TEST_REQUIRE(first->size() == 1u);
  BOOST_TEST((ask(request).response_code() == ResponseCode::consume_msg_timeout));
}

BOOST_AUTO_TEST_CASE(a_client_that_never_answers_is_given_10_s) {
  start();
  ConsumerClient consumer(*this, "c1");
  consumer.connect();
  const Instant begin = world.time.now();
  const RemotingCommand answer = running_info("c1");
  BOOST_TEST((answer.response_code() == ResponseCode::consume_msg_timeout));
  BOOST_TEST(answer.remark.starts_with("consumer <CG> <c1> Timeout: "));
  BOOST_TEST((world.time.now() - begin >= 10s && world.time.now() - begin < 11s));
  // Others are served meanwhile.
  const auto waiting = this->begin(with_fields(RequestCode::get_consumer_running_info,
                                               {{"consumerGroup", "CG"}, {"clientId", "c1"}}));
  BOOST_TEST(ask(send_request("T", "x")).code == 0);
  BOOST_TEST(waiting->empty());
  // And a client that goes is no mystery.
  consumer.disconnect();
  BOOST_TEST_REQUIRE(waiting->size() == 1u);
  BOOST_TEST(((*waiting)[0].response_code() == ResponseCode::system_error));
  BOOST_TEST((*waiting)[0].remark.starts_with("invoke consumer <CG> <c1> Exception: "));
}

BOOST_AUTO_TEST_CASE(clients_that_are_not_there_or_too_old_are_named) {
  start();
  RemotingCommand answer = running_info("cX");
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "The Consumer <CG> <cX> not online");
  ConsumerClient old(*this, "c1");
  old.version = 17;
  old.connect();
  answer = running_info("c1");
  BOOST_TEST(answer.remark ==
             "The Consumer <c1> Version <V3_0_1> too low to finish, please upgrade it to "
             "V3_1_8_SNAPSHOT");
}

BOOST_AUTO_TEST_CASE(a_message_is_consumed_directly_by_the_client_that_is_named) {
  start();
  const std::string id = text(ask(send_request("T", "the body")), "msgId");
  ConsumerClient consumer(*this, "c1");
  const std::string result =
      R"({"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":3})";
  consumer.answers[RequestCode::consume_message_directly] = {ResponseCode::success, result};
  consumer.connect();
  const auto consume = [&](const std::string& msg_id) {
    return ask_with(RequestCode::consume_message_directly,
                    {{"consumerGroup", "CG"}, {"clientId", "c1"}, {"msgId", msg_id}});
  };
  BOOST_TEST(consume(id).body.view() == result);
  BOOST_TEST_REQUIRE(consumer.asked.size() == 1u);
  BOOST_TEST(text(consumer.asked[0], "brokerName") == "broker-a");
  BOOST_TEST((bodies(consumer.asked[0]) == std::vector<std::string>{"the body"}));
  BOOST_TEST(consume("no id").remark == "msgId <no id> is not an offset message id");
  BOOST_TEST(consume(id.substr(0, 24) + "7F7F7F7F").remark.starts_with("can not find message"));
  BOOST_TEST(consumer.asked.size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_status_of_all_or_one_of_the_consumers_is_gathered) {
  start();
  BOOST_TEST(status().remark == "No Any Consumer online in the consumer group: [CG]");
  ConsumerClient one(*this, "c1"), two(*this, "c2"), silent(*this, "c3");
  one.answers[RequestCode::get_consumer_status_from_client] = {
      ResponseCode::success,
      R"({"messageQueueTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:5}})"};
  two.answers[RequestCode::get_consumer_status_from_client] = {
      ResponseCode::success,
      R"({"messageQueueTable":{"{\"brokerName\":\"broker-a\",\"queueId\":1,\"topic\":\"T\"}":7}})"};
  one.connect();
  two.connect();
  const std::string of_one = R"({{"brokerName":"broker-a","queueId":0,"topic":"T"}:5})";
  const std::string of_two = R"({{"brokerName":"broker-a","queueId":1,"topic":"T"}:7})";
  BOOST_TEST(status().body.view() == R"({"consumerTable":{"c1":)" + of_one + R"(,"c2":)" + of_two +
                                         R"(},"messageQueueTable":{}})");
  BOOST_TEST(status("c2").body.view() ==
             R"({"consumerTable":{"c2":)" + of_two + R"(},"messageQueueTable":{}})");
  BOOST_TEST(status("cX").body.view() == R"({"consumerTable":{},"messageQueueTable":{}})");
  // One that does not answer is left out.
  silent.connect();
  const Instant begin = world.time.now();
  BOOST_TEST(status().body.view() == R"({"consumerTable":{"c1":)" + of_one + R"(,"c2":)" + of_two +
                                         R"(},"messageQueueTable":{}})");
  BOOST_TEST((world.time.now() - begin < 6s));
  ConsumerClient old(*this, "c0");
  old.version = 10;
  old.connect();
  BOOST_TEST(status().remark == "the client does not support this feature. version=V3_0_0_BETA7");
}

BOOST_AUTO_TEST_CASE(a_broker_that_stops_waits_for_no_client_longer_than_it_may) {
  start();
  ConsumerClient consumer(*this, "c1");
  consumer.connect();
  const auto waiting = begin(with_fields(RequestCode::get_consumer_running_info,
                                         {{"consumerGroup", "CG"}, {"clientId", "c1"}}));
  const Instant begin = world.time.now();
  world.run(broker->stop(world.time.now() + 5s));
  broker.reset();
  BOOST_TEST((world.time.now() - begin <= 6s));
  world.settle();
}

BOOST_AUTO_TEST_SUITE_END()
