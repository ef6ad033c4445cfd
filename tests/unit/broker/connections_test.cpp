// Who is connected, and who consumes what.

#include "admin_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(connections, AdminFixture)

BOOST_AUTO_TEST_CASE(a_groups_consumers_are_listed_with_what_they_subscribe_to) {
  start();
  ConsumerClient consumer(*this, "c1");
  consumer.version = 393;
  consumer.connect("T", "A || B", "TAG", 7);
  const std::string body =
      body_of(RequestCode::get_consumer_connection_list, {{"consumerGroup", "CG"}});
  const auto read = boost::json::parse(body).as_object();
  const auto& connection = read.at("connectionSet").as_array().at(0).as_object();
  const std::string address(connection.at("clientAddr").as_string());
  BOOST_TEST(body == R"({"connectionSet":[{"clientAddr":")" + address +
                         R"(","clientId":"c1","language":"JAVA","version":393}],)"
                         R"("consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET",)"
                         R"("consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",)"
                         R"("subscriptionTable":{"T":{"classFilterMode":false,"codeSet":[65,66],)"
                         R"("expressionType":"TAG","subString":"A || B","subVersion":7,)"
                         R"("tagsSet":["A","B"],"topic":"T"}}})");
  const RemotingCommand none =
      ask_with(RequestCode::get_consumer_connection_list, {{"consumerGroup", "off"}});
  BOOST_TEST((none.response_code() == ResponseCode::consumer_not_online));
  BOOST_TEST(none.remark == "the consumer group[off] not online");
}

BOOST_AUTO_TEST_CASE(producers_are_listed_by_group_and_all_together) {
  start();
  ConsumerClient consumer(*this, "c1");
  consumer.connect();
  const std::int64_t beat = world.time.wall_millis();
  world.pass(2s);
  const std::string one =
      body_of(RequestCode::get_producer_connection_list, {{"producerGroup", "PG1"}});
  const auto read = boost::json::parse(one).as_object();
  const std::string address(read.at("connectionSet").as_array().at(0).at("clientAddr").as_string());
  BOOST_TEST(one == R"({"connectionSet":[{"clientAddr":")" + address +
                        R"(","clientId":"c1","language":"JAVA","version":409}]})");
  BOOST_TEST(body_of(RequestCode::get_all_producer_info, {}) ==
             R"({"data":{"PG1":[{"clientId":"c1","language":"JAVA","lastUpdateTimestamp":)" +
                 std::to_string(beat) + R"(,"remoteIP":"/)" + address + R"(","version":409}]}})");
  const RemotingCommand none =
      ask_with(RequestCode::get_producer_connection_list, {{"producerGroup", "off"}});
  BOOST_TEST((none.response_code() == ResponseCode::system_error));
  BOOST_TEST(none.remark == "the producer group[off] not exist");
}

BOOST_AUTO_TEST_CASE(a_topics_groups_are_those_connected_and_those_with_offsets) {
  start();
  create_topic("T", 1);
  create_topic("T2", 1);
  commit("with-offset", "T", 0, 1);
  commit("with-offset", "T2", 0, 1);
  ConsumerClient consumer(*this, "c1");
  consumer.connect();
  BOOST_TEST(body_of(RequestCode::query_topic_consume_by_who, {{"topic", "T"}}) ==
             R"({"groupList":["CG","with-offset"]})");
  BOOST_TEST(body_of(RequestCode::query_topic_consume_by_who, {{"topic", "none"}}) ==
             R"({"groupList":[]})");
  BOOST_TEST(body_of(RequestCode::query_topics_by_consumer, {{"group", "with-offset"}}) ==
             R"({"topicList":["T","T2"]})");
  BOOST_TEST(
      body_of(RequestCode::query_subscription_by_consumer, {{"group", "CG"}, {"topic", "T"}}) ==
      R"({"group":"CG","subscriptionData":{"classFilterMode":false,"codeSet":[],)"
      R"("expressionType":"TAG","subString":"*","subVersion":1,"tagsSet":[],"topic":"T"},)"
      R"("topic":"T"})");
  BOOST_TEST(body_of(RequestCode::query_subscription_by_consumer,
                     {{"group", "off"}, {"topic", "T"}}) == R"({"group":"off","topic":"T"})");
}

BOOST_AUTO_TEST_CASE(the_systems_topics_are_apaches_and_this_brokers_own) {
  start();
  create_topic("T", 1);
  const std::string body = body_of(RequestCode::get_system_topic_list_from_broker, {});
  for (const char* topic :
       {"TBW102", "SCHEDULE_TOPIC_XXXX", "BenchmarkTest", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT",
        "RMQ_SYS_TRANS_HALF_TOPIC", "broker-a", "DefaultCluster", "DefaultCluster_REPLY_TOPIC"}) {
    BOOST_TEST(body.find("\"" + std::string(topic) + "\"") != std::string::npos, topic);
  }
  BOOST_TEST(body.find("\"T\"") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
