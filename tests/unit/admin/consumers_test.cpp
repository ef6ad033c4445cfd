// Consumer groups, clients and offsets.

#include "comet/message/message_id.hpp"
#include "scripted_cluster.hpp"

using namespace comet;
using namespace comet::test;
using namespace comet::admin;

namespace {

const std::string kQueueKey = R"({"brokerName":"broker-a","queueId":0,"topic":"T1"})";
const std::string kQueueKeyB = R"({"brokerName":"broker-b","queueId":0,"topic":"T1"})";
const MessageQueue kQueue("T1", "broker-a", 0);
const MessageQueue kQueueB("T1", "broker-b", 0);

}  // namespace

BOOST_FIXTURE_TEST_SUITE(admin_consumers, AdminWorld)

// --- Consumer groups and clients

BOOST_AUTO_TEST_CASE(groups_are_put_and_deleted) {
  both_answer(RequestCode::update_and_create_subscriptiongroup, "");
  GroupConfig group;
  group.group_name = "G1";
  group.consume_broadcast_enable = false;
  BOOST_TEST(all_ok(run(admin.put_group(Scope::everywhere(), group))));
  BOOST_TEST((parse_group_config(b.received.back().body).value() == group));
  a.answer(RequestCode::delete_subscriptiongroup);
  BOOST_TEST(all_ok(run(admin.delete_group(Scope::broker(at_a), "G1", true))));
  const auto fields = a.only(RequestCode::delete_subscriptiongroup);
  BOOST_TEST(fields.at("groupName") == "G1");
  BOOST_TEST(fields.at("removeOffset") == "true");
  BOOST_TEST(fields.at("cleanOffset") == "true");
  a.answer(
      RequestCode::get_all_subscriptiongroup_config,
      R"({"dataVersion":{},"subscriptionGroupTable":{"G1":{"groupName":"G1","retryMaxTimes":7}}})");
  BOOST_TEST(run(admin.groups(at_a)).at("G1").retry_max_times == 7);
}

BOOST_AUTO_TEST_CASE(progress_of_a_group_is_gathered_from_all_its_brokers) {
  a.answer(RequestCode::get_consume_stats,
           R"({"consumeTps":0.5,"offsetTable":{)" + kQueueKey +
               R"(:{"brokerOffset":9,"consumerOffset":5,"lastTimestamp":7}}})");
  b.answer(RequestCode::get_consume_stats,
           R"({"consumeTps":0.25,"offsetTable":{)" + kQueueKeyB +
               R"(:{"brokerOffset":3,"consumerOffset":3,"lastTimestamp":7}}})");
  const ConsumeStats stats = run(admin.consume_stats("G1", "T1"));
  BOOST_TEST(stats.total_lag() == 4);
  BOOST_TEST(stats.consume_tps == 0.75);
  BOOST_TEST(a.only(RequestCode::get_consume_stats).at("consumerGroup") == "G1");
  BOOST_TEST(a.only(RequestCode::get_consume_stats).at("topic") == "T1");
  BOOST_TEST(asked_name_servers(RequestCode::get_routeinfo_by_topic).at(0).fields.at("topic") ==
             "%RETRY%G1");
}

BOOST_AUTO_TEST_CASE(a_group_without_retry_topic_is_looked_for_on_all_masters) {
  for (ScriptedServer* server : {&ns1, &ns2})
    server->refuse(RequestCode::get_routeinfo_by_topic, ResponseCode::topic_not_exist, "No topic");
  both_answer(RequestCode::get_consume_stats, R"({"consumeTps":0,"offsetTable":{}})");
  BOOST_TEST(run(admin.consume_stats("G1")).queues.empty());
  BOOST_TEST(b.received_of(RequestCode::get_consume_stats).size() == 1u);
  BOOST_TEST(!a.only(RequestCode::get_consume_stats).contains("topic"));
}

BOOST_AUTO_TEST_CASE(members_of_a_group_are_those_of_all_brokers_once) {
  const std::string one =
      R"({"clientAddr":"10.0.0.3:1","clientId":"c1","language":"JAVA","version":409})";
  const std::string two =
      R"({"clientAddr":"10.0.0.4:1","clientId":"c0","language":"CPP","version":409})";
  const std::string rest =
      R"(],"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY",)"
      R"("messageModel":"CLUSTERING","subscriptionTable":{}})";
  a.answer(RequestCode::get_consumer_connection_list, R"({"connectionSet":[)" + one + rest);
  b.answer(RequestCode::get_consumer_connection_list,
           R"({"connectionSet":[)" + one + "," + two + rest);
  const ConsumerConnections members = run(admin.consumer_connections("G1"));
  BOOST_REQUIRE(members.connections.size() == 2u);
  BOOST_TEST(members.connections[0].client_id == "c0");
  BOOST_TEST(members.consume_type == "CONSUME_PASSIVELY");
}

BOOST_AUTO_TEST_CASE(a_group_is_offline_when_every_broker_says_so) {
  both_refuse(RequestCode::get_consumer_connection_list, ResponseCode::consumer_not_online,
              "the consumer group[G1] not online");
  const Refused refused = refusal(admin.consumer_connections("G1"));
  BOOST_TEST((refused.response() == ResponseCode::consumer_not_online));
  BOOST_TEST(refused.remark() == "the consumer group[G1] not online");
  a.answer(RequestCode::get_consumer_connection_list,
           R"({"connectionSet":[{"clientId":"c1"}],"subscriptionTable":{}})");
  BOOST_TEST(run(admin.consumer_connections("G1")).connections.size() == 1u);
}

BOOST_AUTO_TEST_CASE(producers_are_found_on_any_broker_of_their_topic) {
  a.refuse(RequestCode::get_producer_connection_list, ResponseCode::system_error,
           "the producer group[PG1] not exist");
  b.answer(
      RequestCode::get_producer_connection_list,
      R"({"connectionSet":[{"clientAddr":"10.0.0.3:1","clientId":"p1","language":"JAVA","version":409}]})");
  BOOST_TEST(run(admin.producer_connections("PG1", "T1")).at(0).client_id == "p1");
  b.refuse(RequestCode::get_producer_connection_list, ResponseCode::system_error, "other");
  BOOST_TEST(refusal(admin.producer_connections("PG1", "T1")).remark() ==
             "the producer group[PG1] not exist");
  a.answer(RequestCode::get_all_producer_info, R"({"data":{"PG1":[{"clientId":"p1"}]}})");
  BOOST_TEST(run(admin.producers(at_a)).at("PG1").size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_consumer_is_asked_through_the_broker_that_it_is_connected_to) {
  a.refuse(RequestCode::get_consumer_running_info, ResponseCode::system_error,
           "The Consumer <G1> <c1> not online");
  b.answer(RequestCode::get_consumer_running_info, R"({"properties":{"a":"b"},"mqTable":{}})");
  BOOST_TEST(run(admin.consumer_running_info("G1", "c1", true)).properties.at("a") == "b");
  const auto fields = b.only(RequestCode::get_consumer_running_info);
  BOOST_TEST(fields.at("consumerGroup") == "G1");
  BOOST_TEST(fields.at("clientId") == "c1");
  BOOST_TEST(fields.at("jstackEnable") == "true");
  b.refuse(RequestCode::get_consumer_running_info, ResponseCode::system_error, "x");
  BOOST_TEST(refusal(admin.consumer_running_info("G1", "c1")).remark() ==
             "The Consumer <G1> <c1> not online");
}

BOOST_AUTO_TEST_CASE(a_message_is_given_to_a_consumer_by_the_broker_that_has_it) {
  a.answer(RequestCode::consume_message_directly,
           R"({"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":3})");
  const std::string id = make_offset_message_id(IpEndpoint::v4({10, 0, 0, 1}, 10911), 77);
  BOOST_TEST(run(admin.consume_directly("G1", "c1", id)).result == "CR_SUCCESS");
  const auto fields = a.only(RequestCode::consume_message_directly);
  BOOST_TEST(fields.at("msgId") == id);
  BOOST_TEST(fields.at("clientId") == "c1");
  BOOST_TEST(
      (failure(admin.consume_directly("G1", "c1", "xyz")).code() == ClientErrc::illegal_message));
}

// --- Offsets

BOOST_AUTO_TEST_CASE(offsets_of_a_queue_are_read) {
  const QueuePlace place(kQueue, at_a);
  a.answer(RequestCode::get_min_offset, {}, {{"offset", "1"}});
  a.answer(RequestCode::get_max_offset, {}, {{"offset", "9"}});
  a.answer(RequestCode::search_offset_by_timestamp, {}, {{"offset", "4"}});
  a.answer(RequestCode::get_earliest_msg_storetime, {}, {{"timestamp", "-1"}});
  BOOST_TEST(run(admin.min_offset(place)) == 1);
  BOOST_TEST(run(admin.max_offset(place)) == 9);
  BOOST_TEST(run(admin.search_offset(place, 1234)) == 4);
  BOOST_TEST(a.only(RequestCode::search_offset_by_timestamp).at("timestamp") == "1234");
  BOOST_TEST(a.only(RequestCode::search_offset_by_timestamp).at("boundaryType") == "lower");
  BOOST_TEST(run(admin.earliest_time(place)) == -1);
  a.refuse(RequestCode::query_consumer_offset, ResponseCode::query_not_found, "Not found");
  BOOST_TEST(!run(admin.consumer_offset("G1", place)).has_value());
  a.answer(RequestCode::query_consumer_offset, {}, {{"offset", "3"}});
  BOOST_TEST(run(admin.consumer_offset("G1", place)).value() == 3);
  a.answer(RequestCode::get_max_offset);
  BOOST_TEST((failure(admin.max_offset(place)).code() == ClientErrc::bad_answer));
}

BOOST_AUTO_TEST_CASE(members_of_a_group_are_told_of_a_reset) {
  a.answer(RequestCode::invoke_broker_to_reset_offset, R"({"offsetTable":{)" + kQueueKey + ":3}}");
  b.answer(RequestCode::invoke_broker_to_reset_offset, R"({"offsetTable":{)" + kQueueKeyB + ":4}}");
  OffsetReset reset;
  reset.group = "G1";
  reset.topic = "T1";
  reset.time = 1234;
  const ResetResult result = run(admin.reset_offsets(reset));
  BOOST_TEST(!result.offline);
  BOOST_TEST(result.queues.at(0).offset == 3);
  BOOST_TEST((result.queues.at(1).queue == kQueueB));
  const auto fields = a.only(RequestCode::invoke_broker_to_reset_offset);
  BOOST_TEST(fields.at("topic") == "T1");
  BOOST_TEST(fields.at("group") == "G1");
  BOOST_TEST(fields.at("timestamp") == "1234");
  BOOST_TEST(fields.at("isForce") == "true");
}

BOOST_AUTO_TEST_CASE(the_language_of_a_reset_is_that_of_the_members) {
  both_answer(RequestCode::invoke_broker_to_reset_offset, R"({"offsetTable":{}})");
  OffsetReset reset;
  reset.group = "G1";
  reset.topic = "T1";
  run(admin.reset_offsets(reset));
  reset.cpp_clients = true;
  run(admin.reset_offsets(reset));
  const auto received = a.received_of(RequestCode::invoke_broker_to_reset_offset);
  BOOST_TEST((received.at(0).language == remoting::Language::java));
  BOOST_TEST((received.at(1).language == remoting::Language::cpp));
}

BOOST_AUTO_TEST_CASE(stored_offsets_are_changed_where_a_group_has_no_members) {
  both_refuse(RequestCode::invoke_broker_to_reset_offset, ResponseCode::consumer_not_online,
              "Consumer not online, so can not reset offset");
  a.answer(RequestCode::get_consume_stats,
           R"({"consumeTps":0,"offsetTable":{)" + kQueueKey +
               R"(:{"brokerOffset":9,"consumerOffset":5,"lastTimestamp":7}}})");
  // The group has never read from b: its queues get an offset all the same.
  b.answer(RequestCode::get_consume_stats, R"({"consumeTps":0,"offsetTable":{}})");
  b.answer(RequestCode::get_topic_stats_info,
           R"({"offsetTable":{)" + kQueueKeyB +
               R"(:{"lastUpdateTimestamp":7,"maxOffset":6,"minOffset":2}}})");
  both_answer(RequestCode::search_offset_by_timestamp, "", {{"offset", "4"}});
  both_answer(RequestCode::update_consumer_offset, "");
  OffsetReset reset;
  reset.group = "G1";
  reset.topic = "T1";
  reset.time = 1234;
  const ResetResult result = run(admin.reset_offsets(reset));
  BOOST_TEST(result.offline);
  BOOST_REQUIRE(result.queues.size() == 2u);
  BOOST_TEST(result.queues[0].offset == 4);
  BOOST_TEST(result.queues[0].offset_before.value() == 5);
  BOOST_TEST(result.queues[0].broker_offset.value() == 9);
  BOOST_TEST(result.queues[1].offset_before.value() == 2);
  const auto fields = a.only(RequestCode::update_consumer_offset);
  BOOST_TEST(fields.at("consumerGroup") == "G1");
  BOOST_TEST(fields.at("queueId") == "0");
  BOOST_TEST(fields.at("commitOffset") == "4");
}

BOOST_AUTO_TEST_CASE(without_force_an_offset_only_goes_back) {
  both_refuse(RequestCode::invoke_broker_to_reset_offset, ResponseCode::consumer_not_online, "");
  both_answer(RequestCode::get_consume_stats,
              R"({"consumeTps":0,"offsetTable":{)" + kQueueKey +
                  R"(:{"brokerOffset":9,"consumerOffset":5,"lastTimestamp":7}}})");
  both_answer(RequestCode::get_max_offset, "", {{"offset", "9"}});
  both_answer(RequestCode::update_consumer_offset, "");
  OffsetReset reset;
  reset.group = "G1";
  reset.topic = "T1";
  reset.force = false;
  const ResetResult result = run(admin.reset_offsets(reset));
  BOOST_TEST(result.queues.at(0).offset == 5);
  BOOST_TEST(a.received_of(RequestCode::update_consumer_offset).empty());
}

BOOST_AUTO_TEST_CASE(other_refusals_of_a_reset_are_told) {
  both_refuse(RequestCode::invoke_broker_to_reset_offset, ResponseCode::system_error,
              "THe consumer group <G1> not exist");
  OffsetReset reset;
  reset.group = "G1";
  reset.topic = "T1";
  BOOST_TEST(refusal(admin.reset_offsets(reset)).remark() == "THe consumer group <G1> not exist");
}

BOOST_AUTO_TEST_CASE(offsets_are_cloned_on_all_brokers_of_the_topic) {
  both_answer(RequestCode::clone_group_offset, "");
  BOOST_TEST(all_ok(run(admin.clone_offsets("G1", "G2", "T1", true))));
  const auto fields = b.only(RequestCode::clone_group_offset);
  BOOST_TEST(fields.at("srcGroup") == "G1");
  BOOST_TEST(fields.at("destGroup") == "G2");
  BOOST_TEST(fields.at("topic") == "T1");
  BOOST_TEST(fields.at("offline") == "true");
}

BOOST_AUTO_TEST_CASE(time_spans_and_consumer_status_are_asked_of_one_broker) {
  a.answer(RequestCode::query_consume_time_span, R"({"consumeTimeSpanSet":[]})");
  BOOST_TEST(run(admin.time_spans(at_a, "T1", "G1")).empty());
  a.answer(RequestCode::invoke_broker_to_get_consumer_status,
           R"({"consumerTable":{"c1":{)" + kQueueKey + R"(:5}},"messageQueueTable":{}})");
  BOOST_TEST(run(admin.consumer_status(at_a, "T1", "G1")).at("c1").at(kQueue) == 5);
  BOOST_TEST(!a.only(RequestCode::invoke_broker_to_get_consumer_status).contains("clientAddr"));
}

BOOST_AUTO_TEST_SUITE_END()
