// Where queues and groups stand, as administrators' tools read it: raw object keys and all.

#include <limits>

#include "admin_fixture.hpp"
#include "comet/base/local_time.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class ConsumeStats : public AdminFixture {
 public:
  // T with two queues: two messages 10 s apart in the first, none in the other.
  void fill() {
    start();
    create_topic("T", 2);
    first = world.time.wall_millis();
    ask(send_request("T", "one"));
    world.pass(10s);
    second = world.time.wall_millis();
    ask(send_request("T", "two"));
  }
  std::string queue(int id, const std::string& topic = "T") {
    return R"({"brokerName":"broker-a","queueId":)" + std::to_string(id) + R"(,"topic":")" + topic +
           "\"}";
  }
  std::int64_t first = 0, second = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(consume_stats, ConsumeStats)

BOOST_AUTO_TEST_CASE(a_topics_queues_have_their_bounds_and_last_times) {
  fill();
  BOOST_TEST(body_of(RequestCode::get_topic_stats_info, {{"topic", "T"}}) ==
             R"({"offsetTable":{)" + queue(0) + R"(:{"lastUpdateTimestamp":)" +
                 std::to_string(second) + R"(,"maxOffset":2,"minOffset":0},)" + queue(1) +
                 R"(:{"lastUpdateTimestamp":0,"maxOffset":0,"minOffset":0}}})");
  const RemotingCommand none = ask_with(RequestCode::get_topic_stats_info, {{"topic", "no-such"}});
  BOOST_TEST((none.response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST(none.remark == "topic[no-such] not exist");
}

BOOST_AUTO_TEST_CASE(a_group_has_offsets_and_the_time_of_what_it_consumed_last) {
  fill();
  commit("CG", "T", 0, 1);
  const std::string expected =
      R"({"consumeTps":0.0,"offsetTable":{)" + queue(0) +
      R"(:{"brokerOffset":2,"consumerOffset":1,"lastTimestamp":)" + std::to_string(first) +
      R"(,"pullOffset":1},)" + queue(1) +
      R"(:{"brokerOffset":0,"consumerOffset":0,"lastTimestamp":0,"pullOffset":0}}})";
  BOOST_TEST(body_of(RequestCode::get_consume_stats, {{"consumerGroup", "CG"}}) == expected);
  BOOST_TEST(body_of(RequestCode::get_consume_stats, {{"consumerGroup", "CG"}, {"topic", "T"}}) ==
             expected);
  BOOST_TEST(body_of(RequestCode::get_consume_stats, {{"consumerGroup", "none"}}) ==
             R"({"consumeTps":0.0,"offsetTable":{}})");
}

BOOST_AUTO_TEST_CASE(what_was_pulled_and_not_acknowledged_is_in_flight) {
  fill();
  commit("CG", "T", 0, 1);
  ask(pull_request("T", 0, 0));
  BOOST_TEST(body_of(RequestCode::get_consume_stats, {{"consumerGroup", "CG"}})
                 .find(R"("pullOffset":2)") != std::string::npos);
  BOOST_TEST(body_of(RequestCode::get_broker_consume_stats, {{"isOrder", "false"}})
                 .ends_with(R"("totalInflightDiff":1})"));
}

BOOST_AUTO_TEST_CASE(a_connected_groups_unsubscribed_topics_are_left_out) {
  fill();
  commit("CG", "T", 0, 1);
  ConsumerClient consumer(*this, "c1");
  consumer.connect("other");
  BOOST_TEST(body_of(RequestCode::get_consume_stats, {{"consumerGroup", "CG"}}) ==
             R"({"consumeTps":0.0,"offsetTable":{}})");
  BOOST_TEST(
      body_of(RequestCode::get_broker_consume_stats, {{"isOrder", "false"}}).find(R"({"CG":[]})") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_consume_rate_is_that_of_the_last_minute) {
  fill();
  commit("CG", "T", 0, 0);
  ask(pull_request("T", 0, 0));
  world.pass(10s);
  const std::string body = body_of(RequestCode::get_consume_stats, {{"consumerGroup", "CG"}});
  const double tps =
      std::stod(body.substr(body.find("consumeTps\":") + std::string("consumeTps\":").size()));
  BOOST_TEST(tps > 0.03);  // two messages, in 10 s to a minute
  BOOST_TEST(tps <= 0.2);
  world.pass(70s);
  BOOST_TEST(body_of(RequestCode::get_consume_stats, {{"consumerGroup", "CG"}})
                 .starts_with(R"({"consumeTps":0.0,)"));
}

BOOST_AUTO_TEST_CASE(all_groups_of_the_broker_are_told_with_what_they_have_not_consumed) {
  fill();
  create_topic("O", 1, true);
  ask(send_request("O", "x"));
  commit("CG", "T", 0, 1);
  commit("CG", "O", 0, 0);
  const std::string all = body_of(RequestCode::get_broker_consume_stats, {{"isOrder", "false"}});
  BOOST_TEST(all.starts_with(R"({"brokerAddr":"10.9.9.9:10911","consumeStatsList":[)"));
  BOOST_TEST(all.ends_with(R"(],"totalDiff":2,"totalInflightDiff":0})"));
  const std::string orders =
      R"({"consumeTps":0.0,"offsetTable":{)" + queue(0, "O") +
      R"(:{"brokerOffset":1,"consumerOffset":0,"lastTimestamp":0,"pullOffset":0}}})";
  BOOST_TEST(all.find(R"({"CG":[)" + orders + R"(,{"consumeTps":0.0,"offsetTable":{)" + queue(0)) !=
             std::string::npos);
  BOOST_TEST(all.find(R"({"TOOLS_CONSUMER":[]})") != std::string::npos);
  const std::string ordered = body_of(RequestCode::get_broker_consume_stats, {{"isOrder", "true"}});
  BOOST_TEST(ordered.find(R"({"CG":[)" + orders + "]}") != std::string::npos);
  BOOST_TEST(ordered.ends_with(R"("totalDiff":1,"totalInflightDiff":0})"));
}

BOOST_AUTO_TEST_CASE(a_group_far_beyond_the_end_is_not_behind_and_spoils_no_sum) {
  fill();
  for (const char* topic : {"T", "O", "P"}) {
    create_topic(topic, 2, true);
    commit("CG", topic, 0, std::numeric_limits<std::int64_t>::max());
    commit("CG", topic, 1, std::numeric_limits<std::int64_t>::max());
  }
  commit("other", "T", 0, 1);
  const std::string all = body_of(RequestCode::get_broker_consume_stats, {{"isOrder", "false"}});
  BOOST_TEST(all.ends_with(R"(],"totalDiff":1,"totalInflightDiff":0})"));
}

BOOST_AUTO_TEST_CASE(time_spans_say_what_lies_in_a_queue_and_how_far_its_group_is) {
  fill();
  commit("CG", "T", 0, 1);
  world.pass(5s);
  const std::string none =
      R"("maxTimeStamp":-1,"maxTimeStampStr":")" + format_local_time(-1, '#', ':');
  const std::string body =
      body_of(RequestCode::query_consume_time_span, {{"topic", "T"}, {"group", "CG"}});
  BOOST_TEST(body.starts_with(
      R"({"consumeTimeSpanSet":[{"consumeTimeStamp":)" + std::to_string(first) +
      R"(,"consumeTimeStampStr":")" + format_local_time(first, '#', ':') +
      R"(","delayTime":5000,"maxTimeStamp":)" + std::to_string(second) + R"(,"maxTimeStampStr":")" +
      format_local_time(second, '#', ':') + R"(","messageQueue":)" + queue(0) +
      R"(,"minTimeStamp":)" + std::to_string(first) + R"(,"minTimeStampStr":")" +
      format_local_time(first, '#', ':') + R"("},{"consumeTimeStamp":-1,)"));
  BOOST_TEST((ask_with(RequestCode::query_consume_time_span, {{"topic", "no"}, {"group", "CG"}})
                  .response_code() == ResponseCode::topic_not_exist));
}

BOOST_AUTO_TEST_CASE(entries_of_a_consume_queue_can_be_looked_at) {
  fill();
  ask(send_request("T", "three", 0,
                   "TAGS\x01"
                   "A"));
  const auto look = [&](const std::string& index, const std::string& count,
                        const std::string& group = "") {
    return ask_with(RequestCode::query_consume_queue, {{"topic", "T"},
                                                       {"queueId", "0"},
                                                       {"index", index},
                                                       {"count", count},
                                                       {"consumerGroup", group}});
  };
  const RemotingCommand entries = look("1", "10");
  const auto read = boost::json::parse(entries.body.to_string()).as_object();
  BOOST_TEST(read.at("maxQueueIndex").as_int64() == 3);
  BOOST_TEST(read.at("minQueueIndex").as_int64() == 0);
  BOOST_TEST(read.at("queueData").as_array().size() == 2u);
  const auto& last = read.at("queueData").as_array().at(1).as_object();
  BOOST_TEST(last.at("tagsCode").as_int64() == 65);
  BOOST_TEST(last.at("physicSize").as_int64() > 91);
  BOOST_TEST(last.at("eval").as_bool());
  BOOST_TEST(
      boost::json::parse(look("0", "1").body.to_string()).at("queueData").as_array().size() == 1u);
  BOOST_TEST(
      boost::json::parse(look("0", "-5").body.to_string()).at("queueData").as_array().empty());

  ConsumerClient consumer(*this, "c1");
  consumer.connect("T", "A");
  const auto filtered = boost::json::parse(look("1", "10", "CG").body.to_string()).as_object();
  BOOST_TEST(!filtered.at("queueData").as_array().at(0).at("eval").as_bool());
  BOOST_TEST(filtered.at("queueData").as_array().at(1).at("eval").as_bool());
  BOOST_TEST(filtered.at("filterData").as_string() == "null");
  BOOST_TEST(boost::json::serialize(filtered.at("subscriptionData")) ==
             R"({"classFilterMode":false,"codeSet":[65],"expressionType":"TAG","subString":"A",)"
             R"("subVersion":1,"tagsSet":["A"],"topic":"T"})");
  BOOST_TEST(
      boost::json::parse(look("1", "1", "off").body.to_string()).at("filterData").as_string() ==
      "off@T is not online!");

  const RemotingCommand beyond = look("3", "1");
  BOOST_TEST(beyond.code == 0);
  BOOST_TEST(beyond.remark == "Index 3 of 0@T is not exist!");
  const RemotingCommand unknown =
      ask_with(RequestCode::query_consume_queue,
               {{"topic", "T"}, {"queueId", "7"}, {"index", "0"}, {"count", "1"}});
  BOOST_TEST((unknown.response_code() == ResponseCode::system_error));
  BOOST_TEST(unknown.remark == "7@T is not exist!");
}

BOOST_AUTO_TEST_SUITE_END()
