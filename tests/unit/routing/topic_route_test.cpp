#include "comet/routing/topic_route.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

#include "comet/base/body_error.hpp"

using comet::BodyErrc;
using comet::routing::BrokerData;
using comet::routing::IntegerKeys;
using comet::routing::parse_topic_route;
using comet::routing::QueueData;
using comet::routing::to_json;
using comet::routing::TopicRouteData;

namespace {

// The route of the reference's recorded answer, with what 5.x name servers add to each broker.
TopicRouteData recorded_route() {
  BrokerData broker;
  broker.cluster = "DefaultCluster";
  broker.broker_name = "broker-a";
  broker.broker_addrs[0] = "127.0.0.1:20911";
  QueueData queue;
  queue.broker_name = "broker-a";
  queue.perm = 6;
  queue.read_queue_nums = 4;
  queue.write_queue_nums = 4;
  TopicRouteData route;
  route.brokers = {broker};
  route.queues = {queue};
  return route;
}

constexpr std::string_view kRecorded =
    R"({"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:20911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}],)"
    R"("filterServerTable":{},)"
    R"("queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]})";

}  // namespace

BOOST_AUTO_TEST_SUITE(topic_route)

BOOST_AUTO_TEST_CASE(a_route_is_written_byte_for_byte_as_a_java_name_server_does) {
  BOOST_TEST(to_json(recorded_route(), IntegerKeys::unquoted) == kRecorded);
}

BOOST_AUTO_TEST_CASE(standard_json_differs_in_the_quoted_keys_only) {
  std::string expected(kRecorded);
  expected.replace(expected.find("{0:"), 3, "{\"0\":");
  BOOST_TEST(to_json(recorded_route(), IntegerKeys::quoted) == expected);
}

BOOST_AUTO_TEST_CASE(text_beyond_ascii_is_escaped_for_readers_of_standard_json) {
  TopicRouteData route = recorded_route();
  route.brokers[0].cluster = "集群";
  BOOST_TEST(to_json(route, IntegerKeys::unquoted).find("\"cluster\":\"集群\"") !=
             std::string::npos);
  BOOST_TEST(to_json(route, IntegerKeys::quoted).find("\"cluster\":\"\\u96C6\\u7FA4\"") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(order_and_filter_servers_are_written_where_java_writes_them) {
  TopicRouteData route = recorded_route();
  route.order_topic_conf = "broker-a:4";
  route.filter_servers["127.0.0.1:20911"] = {"f1:1", "f2:2"};
  const std::string json = to_json(route, IntegerKeys::quoted);
  BOOST_TEST(json.find(R"("filterServerTable":{"127.0.0.1:20911":["f1:1","f2:2"]},)"
                       R"("orderTopicConf":"broker-a:4","queueDatas":[)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_route_reads_back_in_both_forms) {
  TopicRouteData route = recorded_route();
  route.order_topic_conf = "broker-a:4";
  route.brokers[0].broker_addrs[3] = "[::1]:10911";
  route.brokers[0].cluster = "集\"群";
  route.filter_servers["127.0.0.1:20911"] = {"f1:1"};
  for (const IntegerKeys keys : {IntegerKeys::unquoted, IntegerKeys::quoted}) {
    BOOST_TEST((parse_topic_route(to_json(route, keys)).value() == route));
  }
}

BOOST_AUTO_TEST_CASE(the_reader_takes_what_other_versions_and_vendors_send) {
  const auto route = parse_topic_route(
                         R"({"unknown":{"a":[1]},"filterServerTable":{"a:1":null},
          "brokerDatas":[{"brokerAddrs":{0:"a:1","1":"b:2","x":"c:3",2:null},"brokerName":"b",
                          "enableActingMaster":false,"zoneName":null},null,7],
          "queueDatas":[{"brokerName":"b","perm":"6","readQueueNums":"8","topicSynFlag":1},{}],
          "topicQueueMappingByBroker":{"b":{"currIdMap":{0:0}}}})")
                         .value();
  BOOST_REQUIRE(route.brokers.size() == 1u);
  BOOST_TEST(route.brokers[0].broker_addrs.size() == 2u);
  BOOST_TEST(route.brokers[0].broker_addrs.at(1) == "b:2");
  BOOST_TEST(route.brokers[0].cluster == "");
  BOOST_REQUIRE(route.queues.size() == 2u);
  BOOST_TEST(route.queues[0].perm == 6);
  BOOST_TEST(route.queues[0].read_queue_nums == 8);
  BOOST_TEST(route.queues[0].write_queue_nums == 0);
  BOOST_TEST(route.queues[0].topic_sys_flag == 1);
  BOOST_TEST(route.filter_servers.empty());
  BOOST_TEST(parse_topic_route("{}").value().queues.empty());
}

BOOST_AUTO_TEST_CASE(numbers_beyond_java_int_are_brought_into_range) {
  const auto route =
      parse_topic_route(R"({"queueDatas":[{"brokerName":"b","readQueueNums":99999999999}]})")
          .value();
  BOOST_TEST(route.queues.at(0).read_queue_nums == INT32_MAX);
}

BOOST_AUTO_TEST_CASE(what_is_no_route_is_an_error) {
  BOOST_TEST(parse_topic_route("[]").error() == make_error_code(BodyErrc::malformed));
  BOOST_TEST(parse_topic_route("null").error() == make_error_code(BodyErrc::malformed));
  BOOST_TEST(parse_topic_route("").has_error());
  BOOST_TEST(parse_topic_route("{\"brokerDatas\":[").has_error());
  BOOST_TEST(parse_topic_route("\x00\x00\x01").has_error());
}

BOOST_AUTO_TEST_SUITE_END()
