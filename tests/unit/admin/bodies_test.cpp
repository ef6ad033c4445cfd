// Bodies as Java prints them, with raw object and integer keys, and as standard JSON.

#include <boost/test/unit_test.hpp>

#include "comet/admin/broker_data.hpp"
#include "comet/admin/cluster.hpp"
#include "comet/admin/connections.hpp"
#include "comet/admin/groups.hpp"
#include "comet/admin/offsets.hpp"
#include "comet/base/body_error.hpp"
#include "comet/remoting/version.hpp"

using namespace comet;
using namespace comet::admin;

namespace {

const MessageQueue kQueue("T1", "broker-a", 2);
constexpr const char* kRawKey = R"({"brokerName":"broker-a","queueId":2,"topic":"T1"})";
constexpr const char* kQuotedKey =
    R"("{\"brokerName\":\"broker-a\",\"queueId\":2,\"topic\":\"T1\"}")";

// The same body with a raw key and with a key in quotes.
template <class Check>
void in_both_forms(const std::string& before, const std::string& after, Check check) {
  check(before + kRawKey + after);
  check(before + kQuotedKey + after);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(admin_bodies)

BOOST_AUTO_TEST_CASE(a_cluster_is_read_with_raw_integer_keys) {
  const auto info = parse_cluster_info(
      R"({"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"127.0.0.1:20911",1:"127.0.0.1:20921"},)"
      R"("brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":true}},)"
      R"("clusterAddrTable":{"DefaultCluster":["broker-b","broker-a"]}})");
  BOOST_REQUIRE(info.has_value());
  const routing::BrokerData& broker = info->brokers.at("broker-a");
  BOOST_TEST(broker.broker_addrs.at(0) == "127.0.0.1:20911");
  BOOST_TEST(broker.broker_addrs.at(1) == "127.0.0.1:20921");
  BOOST_TEST(broker.enable_acting_master);
  BOOST_TEST(
      (info->clusters.at("DefaultCluster") == std::vector<std::string>{"broker-a", "broker-b"}));
  const auto quoted = parse_cluster_info(
      R"({"brokerAddrTable":{"broker-a":{"brokerAddrs":{"0":"127.0.0.1:20911"}}}})");
  BOOST_REQUIRE(quoted.has_value());
  BOOST_TEST(quoted->brokers.at("broker-a").broker_name == "broker-a");
}

BOOST_AUTO_TEST_CASE(topic_statistics_are_read_in_both_forms) {
  const auto check = [](const std::string& body) {
    const auto stats = parse_topic_stats(body);
    BOOST_REQUIRE(stats.has_value());
    const TopicOffset& offset = stats->queues.at(kQueue);
    BOOST_TEST(offset.max_offset == 3);
    BOOST_TEST(offset.min_offset == 1);
    BOOST_TEST(offset.last_update_time == 1795218460496);
    BOOST_TEST(stats->put_tps == 1.5);
  };
  in_both_forms(R"({"offsetTable":{)",
                R"(:{"lastUpdateTimestamp":1795218460496,"maxOffset":3,"minOffset":1}},)"
                R"("topicPutTps":1.5})",
                check);
}

BOOST_AUTO_TEST_CASE(consume_statistics_are_read_in_both_forms) {
  const auto check = [](const std::string& body) {
    const auto stats = parse_consume_stats(body);
    BOOST_REQUIRE(stats.has_value());
    BOOST_TEST(stats->consume_tps == 0.16, boost::test_tools::tolerance(1e-9));
    const GroupOffset& offset = stats->queues.at(kQueue);
    BOOST_TEST(offset.broker_offset == 7);
    BOOST_TEST(offset.consumer_offset == 5);
    BOOST_TEST(offset.last_time == 1795218460529);
    BOOST_TEST(offset.lag() == 2);
    BOOST_TEST(!offset.pull_offset.has_value());
    BOOST_TEST(stats->total_lag() == 2);
  };
  in_both_forms(R"({"consumeTps":0.16,"offsetTable":{)",
                R"(:{"brokerOffset":7,"consumerOffset":5,"lastTimestamp":1795218460529}}})", check);
}

BOOST_AUTO_TEST_CASE(an_unknown_group_has_no_offsets) {
  const auto stats = parse_consume_stats(R"({"consumeTps":0.0,"offsetTable":{}})");
  BOOST_REQUIRE(stats.has_value());
  BOOST_TEST(stats->queues.empty());
}

BOOST_AUTO_TEST_CASE(statistics_of_all_groups_of_a_broker_are_read) {
  const auto check = [](const std::string& body) {
    const auto stats = parse_broker_consume_stats(body);
    BOOST_REQUIRE(stats.has_value());
    BOOST_TEST(stats->broker_address == "127.0.0.1:20911");
    BOOST_TEST(stats->total_lag == 4);
    BOOST_TEST(stats->groups.at("CG1").front().queues.at(kQueue).broker_offset == 9);
  };
  in_both_forms(
      R"({"brokerAddr":"127.0.0.1:20911","consumeStatsList":[{"CG1":[{"consumeTps":0.0,"offsetTable":{)",
      R"(:{"brokerOffset":9,"consumerOffset":5,"lastTimestamp":0}}}]}],"totalDiff":4})", check);
}

BOOST_AUTO_TEST_CASE(reset_offsets_are_read_in_both_forms) {
  const auto check = [](const std::string& body) {
    const auto offsets = parse_queue_offsets(body);
    BOOST_REQUIRE(offsets.has_value());
    BOOST_TEST(offsets->at(kQueue) == 3);
  };
  in_both_forms(R"({"offsetTable":{)", ":3}}", check);
}

BOOST_AUTO_TEST_CASE(time_spans_are_read) {
  const auto spans = parse_time_spans(
      R"({"consumeTimeSpanSet":[{"consumeTimeStamp":1795218808973,"consumeTimeStampStr":)"
      R"("2026-11-20#23:53:28:973","delayTime":5,"maxTimeStamp":1795218808980,"messageQueue":)"
      R"({"brokerName":"broker-a","queueId":2,"topic":"T1"},"minTimeStamp":1795218800000}]})");
  BOOST_REQUIRE(spans.has_value());
  const QueueTimeSpan& span = spans->at(0);
  BOOST_TEST((span.queue == kQueue));
  BOOST_TEST(span.min_time == 1795218800000);
  BOOST_TEST(span.max_time == 1795218808980);
  BOOST_TEST(span.consume_time == 1795218808973);
  BOOST_TEST(span.delay == 5);
}

BOOST_AUTO_TEST_CASE(a_consumer_status_is_read_in_both_forms) {
  const auto check = [](const std::string& body) {
    const auto status = parse_consumer_status(body);
    BOOST_REQUIRE(status.has_value());
    BOOST_TEST(status->at("10.0.0.3@1").at(kQueue) == 12);
  };
  in_both_forms(R"({"consumerTable":{"10.0.0.3@1":{)", R"(:12}},"messageQueueTable":{}})", check);
}

BOOST_AUTO_TEST_CASE(consumer_connections_are_read) {
  const auto consumers = parse_consumer_connections(
      R"({"connectionSet":[{"clientAddr":"127.0.0.1:55434","clientId":"192.0.2.2@1#2","language":)"
      R"("JAVA","version":409}],"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":)"
      R"("CONSUME_PASSIVELY","messageModel":"CLUSTERING","subscriptionTable":{"T1":)"
      R"({"classFilterMode":false,"codeSet":[65,66],"expressionType":"TAG","subString":"A || B",)"
      R"("subVersion":1795218409226,"tagsSet":["A","B"],"topic":"T1"}}})");
  BOOST_REQUIRE(consumers.has_value());
  BOOST_TEST(consumers->connections.at(0).client_id == "192.0.2.2@1#2");
  BOOST_TEST(consumers->connections.at(0).client_addr == "127.0.0.1:55434");
  BOOST_TEST(consumers->connections.at(0).language == "JAVA");
  BOOST_TEST(remoting::version_name(consumers->connections.at(0).version) == "V4_9_8");
  BOOST_TEST(consumers->subscriptions.at("T1").expression == "A || B");
  BOOST_TEST(consumers->subscriptions.at("T1").version == 1795218409226);
  BOOST_TEST(consumers->consume_type == "CONSUME_PASSIVELY");
  BOOST_TEST(consumers->message_model == "CLUSTERING");
  BOOST_TEST(consumers->consume_from_where == "CONSUME_FROM_LAST_OFFSET");
}

BOOST_AUTO_TEST_CASE(all_producers_of_a_broker_are_read) {
  const auto table = parse_producer_table(
      R"({"data":{"PG1":[{"clientId":"c1","language":"JAVA","lastUpdateTimestamp":1795218460000,)"
      R"("remoteIP":"/127.0.0.1:55434","version":477}]}})");
  BOOST_REQUIRE(table.has_value());
  const ProducerInfo& info = table->at("PG1").at(0);
  BOOST_TEST(info.connection.client_addr == "127.0.0.1:55434");
  BOOST_TEST(info.last_update == 1795218460000);
}

BOOST_AUTO_TEST_CASE(running_information_of_a_consumer_is_read) {
  const auto check = [](const std::string& body) {
    const auto info = parse_running_info(body);
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST(info->properties.at("PROP_CLIENT_VERSION") == "V4_9_8");
    BOOST_TEST(info->properties.at("PROP_THREADPOOL_CORE_SIZE") == "20");
    const ProcessQueueInfo& queue = info->queues.at(kQueue);
    BOOST_TEST(queue.commit_offset == 11);
    BOOST_TEST(queue.cached_count == 3);
    BOOST_TEST(queue.dropped);
    BOOST_TEST(queue.last_pull_time == 1795218460001);
    BOOST_TEST(info->status.at("T1").consume_ok_tps == 2.5);
    BOOST_TEST(info->status.at("T1").consume_failed_messages == 1);
    BOOST_TEST(info->subscriptions.at(0).expression == "*");
    BOOST_TEST(info->stack == "main");
  };
  in_both_forms(
      R"({"jstack":"main","mqTable":{)",
      R"(:{"cachedMsgCount":3,"cachedMsgMaxOffset":13,"cachedMsgMinOffset":11,)"
      R"("cachedMsgSizeInMiB":0,"commitOffset":11,"droped":true,"lastConsumeTimestamp":1,)"
      R"("lastLockTimestamp":0,"lastPullTimestamp":1795218460001,"locked":false,)"
      R"("transactionMsgCount":0,"tryUnlockTimes":0}},"properties":{"PROP_CLIENT_VERSION":"V4_9_8",)"
      R"("PROP_THREADPOOL_CORE_SIZE":"20"},"statusTable":{"T1":{"consumeFailedMsgs":1,)"
      R"("consumeFailedTPS":0.0,"consumeOKTPS":2.5,"consumeRT":1.0,"pullRT":0.5,"pullTPS":2.5}},)"
      R"("subscriptionSet":[{"expressionType":"TAG","subString":"*","subVersion":1,"topic":"T1"}],)"
      R"("userConsumerInfo":{}})",
      check);
}

BOOST_AUTO_TEST_CASE(the_result_of_a_direct_consumption_is_read) {
  const auto result = parse_direct_result(
      R"({"autoCommit":true,"consumeResult":"CR_LATER","order":false,"remark":"r","spentTimeMills":3})");
  BOOST_REQUIRE(result.has_value());
  BOOST_TEST(result->result == "CR_LATER");
  BOOST_TEST(result->remark == "r");
  BOOST_TEST(result->spent_millis == 3);
}

BOOST_AUTO_TEST_CASE(groups_are_read_and_written) {
  GroupConfig group;
  group.group_name = "CG1";
  group.consume_broadcast_enable = false;
  group.retry_max_times = 3;
  group.retry_queue_nums = 2;
  const auto again = parse_group_config(to_json(group));
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST((*again == group));
  const auto table = parse_group_table(
      R"({"dataVersion":{"counter":1,"timestamp":2},"subscriptionGroupTable":{"CG1":)" +
      to_json(group) + "}}");
  BOOST_REQUIRE(table.has_value());
  BOOST_TEST((table->groups.at("CG1") == group));
  BOOST_TEST(table->data_version.counter == 1);
  BOOST_TEST(table->data_version.timestamp == 2);
}

BOOST_AUTO_TEST_CASE(broker_statistics_are_read) {
  const auto stats = parse_broker_stats(
      R"({"statsDay":{"avgpt":0.0,"sum":0,"tps":0.0},"statsHour":{"avgpt":1.0,"sum":40,"tps":0.01},)"
      R"("statsMinute":{"avgpt":1.0,"sum":7,"tps":0.14}})");
  BOOST_REQUIRE(stats.has_value());
  BOOST_TEST(stats->minute.sum == 7);
  BOOST_TEST(stats->minute.tps == 0.14, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(stats->day_sum() == 40);
}

BOOST_AUTO_TEST_CASE(entries_of_a_consume_queue_are_read) {
  const auto data = parse_consume_queue(
      R"({"maxQueueIndex":9,"minQueueIndex":2,"queueData":[{"eval":false,"physicOffset":182,)"
      R"("physicSize":162,"tagsCode":65,"msg":"no"}],"subscriptionData":{"subString":"A","topic":"T1"}})");
  BOOST_REQUIRE(data.has_value());
  BOOST_TEST(data->min_index == 2);
  BOOST_TEST(data->max_index == 9);
  BOOST_TEST(data->entries.at(0).physical_offset == 182);
  BOOST_TEST(data->entries.at(0).size == 162);
  BOOST_TEST(!data->entries.at(0).matches);
  BOOST_TEST(data->entries.at(0).problem == "no");
  BOOST_TEST(data->subscription.value().expression == "A");
}

BOOST_AUTO_TEST_CASE(lists_and_tables_are_read) {
  BOOST_TEST((parse_topic_list(R"({"brokerAddr":"x","topicList":["T1","T2"]})").value() ==
              std::vector<std::string>{"T1", "T2"}));
  BOOST_TEST(
      (parse_group_list(R"({"groupList":["CG1"]})").value() == std::vector<std::string>{"CG1"}));
  BOOST_TEST(parse_kv_table(R"({"table":{"putTps":"1.0 2.0 3.0"}})").value().at("putTps") ==
             "1.0 2.0 3.0");
  BOOST_TEST(parse_topic_list("{}").value().empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_such_body_is_refused) {
  const auto is_malformed = [](const auto& result) {
    return !result && result.error() == BodyErrc::malformed;
  };
  BOOST_TEST(is_malformed(parse_topic_list("[]")));
  BOOST_TEST(is_malformed(parse_topic_list(R"({"topicList":[1]})")));
  BOOST_TEST(is_malformed(parse_kv_table(R"({"table":[]})")));
  BOOST_TEST(is_malformed(parse_topic_stats(R"({"offsetTable":[]})")));
  BOOST_TEST(is_malformed(parse_topic_stats(R"({"offsetTable":{{"topic":"T"}:3}})")));
  BOOST_TEST(is_malformed(parse_queue_offsets(R"({"offsetTable":{{"topic":"T"}:"x"}})")));
  BOOST_TEST(
      is_malformed(parse_cluster_info(R"({"brokerAddrTable":{"b":{"brokerAddrs":{"x":"y"}}}})")));
  BOOST_TEST(is_malformed(parse_running_info(R"({"mqTable":{{"topic":"T"}:1}})")));
  BOOST_TEST(is_malformed(parse_consumer_connections(R"({"connectionSet":[1]})")));
  BOOST_TEST(!parse_topic_stats(R"({"offsetTable":{5:{}}})"));  // a key that is no queue
  BOOST_TEST(!parse_topic_stats(""));
  BOOST_TEST(!parse_topic_stats(R"({"offsetTable":{{"topic":"T")"));
}

BOOST_AUTO_TEST_CASE(nesting_and_size_are_bounded) {
  const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  BOOST_TEST((parse_topic_stats(deep).error() == BodyErrc::too_deep));
  const std::string deep_key =
      "{\"offsetTable\":{" + std::string(100'000, '{') + std::string(100'000, '}') + ":1}}";
  BOOST_TEST(!parse_queue_offsets(deep_key));
  const std::string large(kMaxBodySize + 1, ' ');
  BOOST_TEST((parse_topic_stats(large).error() == BodyErrc::malformed));
}

BOOST_AUTO_TEST_SUITE_END()
