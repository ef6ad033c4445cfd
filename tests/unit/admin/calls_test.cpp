// What is asked about clusters, name servers and topics, of whom, and what becomes of Java's
// answers.

#include "comet/remoting/errors.hpp"
#include "scripted_cluster.hpp"

using namespace comet;
using namespace comet::test;
using namespace comet::admin;
using namespace std::chrono_literals;

namespace {

const std::string kQueueKey = R"({"brokerName":"broker-a","queueId":0,"topic":"T1"})";
const std::string kQueueKeyB = R"({"brokerName":"broker-b","queueId":0,"topic":"T1"})";
const MessageQueue kQueue("T1", "broker-a", 0);
const MessageQueue kQueueB("T1", "broker-b", 0);

routing::TopicConfig topic_config(const std::string& name) {
  routing::TopicConfig topic;
  topic.topic_name = name;
  topic.read_queue_nums = 8;
  topic.write_queue_nums = 4;
  return topic;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(admin_calls, AdminWorld)

// --- Clusters and routes

BOOST_AUTO_TEST_CASE(the_masters_of_a_cluster_are_found) {
  const std::vector<BrokerNode> masters = run(admin.brokers(Scope::cluster("DefaultCluster")));
  BOOST_REQUIRE(masters.size() == 2u);
  BOOST_TEST(masters[0].name == "broker-a");
  BOOST_TEST((masters[0].address == at_a));
  BOOST_TEST((masters[1].address == at_b));
  const std::vector<BrokerNode> all = run(admin.brokers(Scope::everywhere(), true));
  BOOST_REQUIRE(all.size() == 3u);
  BOOST_TEST(all[1].id == 1);
}

BOOST_AUTO_TEST_CASE(an_unknown_cluster_is_named_with_those_that_are_known) {
  const Error error = failure(admin.brokers(Scope::cluster("Nope")));
  BOOST_TEST((error.code() == ClientErrc::broker_not_exist));
  BOOST_TEST(std::string(error.what()).find("Nope") != std::string::npos);
  BOOST_TEST(std::string(error.what()).find("DefaultCluster") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_broker_that_is_named_by_its_address_needs_no_name_server) {
  AdminConfig alone;
  admin::Admin other(executor(), alone, network, time);
  a.answer(RequestCode::get_broker_runtime_info, R"({"table":{"putTps":"1 2 3"}})");
  BOOST_TEST(run(other.runtime_info(at_a)).at("putTps") == "1 2 3");
  const Error error = failure(other.topics());
  BOOST_TEST((error.code() == ClientErrc::no_name_server));
  run(other.stop());
}

BOOST_AUTO_TEST_CASE(a_broker_is_found_by_its_name) {
  BOOST_TEST((run(admin.broker_address("broker-b")) == at_b));
  BOOST_TEST((failure(admin.broker_address("broker-z")).code() == ClientErrc::broker_not_exist));
}

BOOST_AUTO_TEST_CASE(topics_are_sorted) {
  for (ScriptedServer* server : {&ns1, &ns2}) {
    server->answer(RequestCode::get_all_topic_list_from_nameserver, R"({"topicList":["T2","T1"]})");
    server->answer(RequestCode::get_topics_by_cluster, R"({"topicList":["T3","T1"]})");
  }
  BOOST_TEST((run(admin.topics()) == std::vector<std::string>{"T1", "T2"}));
  BOOST_TEST((run(admin.topics_of_cluster("C")) == std::vector<std::string>{"T1", "T3"}));
  BOOST_TEST(asked_name_servers(RequestCode::get_topics_by_cluster).at(0).fields.at("cluster") ==
             "C");
}

BOOST_AUTO_TEST_CASE(a_route_of_an_old_name_server_is_read) {
  const std::vector<QueuePlace> places = run(admin.readable_queues("T1"));
  BOOST_REQUIRE(places.size() == 8u);
  BOOST_TEST((places.front().queue == kQueue));
  BOOST_TEST((places.back().broker == at_b));
  BOOST_TEST((run(admin.clusters_of_topic("T1")) == std::vector<std::string>{"DefaultCluster"}));
}

BOOST_AUTO_TEST_CASE(the_next_name_server_is_asked_when_one_is_gone) {
  network.set_down("ns1", true);
  BOOST_TEST(run(admin.clusters_of_topic("T1")).size() == 1u);
  network.set_down("ns1", false);
  pass(2s);  // for so long a server that failed is not tried again
  network.set_down("ns2", true);
  BOOST_TEST(run(admin.clusters_of_topic("T1")).size() == 1u);
}

// --- Name servers

BOOST_AUTO_TEST_CASE(a_key_is_put_at_every_name_server) {
  ns1.answer(RequestCode::put_kv_config);
  ns2.refuse(RequestCode::put_kv_config, ResponseCode::system_error, "namespace or key is null");
  const std::vector<Outcome> outcomes = run(admin.put_kv_config("N", "k", "v"));
  BOOST_REQUIRE(outcomes.size() == 2u);
  BOOST_TEST(outcomes[0].ok());
  BOOST_TEST((outcomes[1].error == ResponseCode::system_error));
  BOOST_TEST(outcomes[1].problem ==
             "PUT_KV_CONFIG at ns2:9876: namespace or key is null (SYSTEM_ERROR, code 1)");
  BOOST_TEST(!all_ok(outcomes));
  const auto fields = ns1.only(RequestCode::put_kv_config);
  BOOST_TEST(fields.at("namespace") == "N");
  BOOST_TEST(fields.at("key") == "k");
  BOOST_TEST(fields.at("value") == "v");
}

BOOST_AUTO_TEST_CASE(a_key_is_deleted_at_every_name_server) {
  ns1.answer(RequestCode::delete_kv_config);
  ns2.answer(RequestCode::delete_kv_config);
  BOOST_TEST(all_ok(run(admin.delete_kv_config("N", "k"))));
  BOOST_TEST(ns2.only(RequestCode::delete_kv_config).at("key") == "k");
}

BOOST_AUTO_TEST_CASE(order_entries_of_other_brokers_stay_when_merged) {
  for (ScriptedServer* server : {&ns1, &ns2}) {
    server->answer(RequestCode::get_kv_config, {}, {{"value", "broker-a:4;broker-b:4"}});
    server->answer(RequestCode::put_kv_config);
  }
  BOOST_TEST(all_ok(run(admin.put_order_config("T1", "broker-b:8", true))));
  BOOST_TEST(ns1.only(RequestCode::put_kv_config).at("value") == "broker-a:4;broker-b:8");
  BOOST_TEST(ns1.only(RequestCode::put_kv_config).at("namespace") == "ORDER_TOPIC_CONFIG");
}

BOOST_AUTO_TEST_CASE(the_first_order_entry_of_a_topic_is_put_as_it_is) {
  for (ScriptedServer* server : {&ns1, &ns2}) {
    server->refuse(RequestCode::get_kv_config, ResponseCode::query_not_found, "No config item");
    server->answer(RequestCode::put_kv_config);
  }
  BOOST_TEST(all_ok(run(admin.put_order_config("T1", "broker-b:8", true))));
  BOOST_TEST(ns2.only(RequestCode::put_kv_config).at("value") == "broker-b:8");
}

BOOST_AUTO_TEST_CASE(write_permissions_change_at_every_name_server) {
  ns1.answer(RequestCode::wipe_write_perm_of_broker, {}, {{"wipeTopicCount", "3"}});
  ns2.answer(RequestCode::wipe_write_perm_of_broker, {}, {{"wipeTopicCount", "0"}});
  const auto wiped = run(admin.wipe_write_perm("broker-a"));
  BOOST_TEST(wiped.at(0).second == 3);
  BOOST_TEST(wiped.at(1).second == 0);
  ns1.answer(RequestCode::add_write_perm_of_broker, {}, {{"addTopicCount", "2"}});
  ns2.answer(RequestCode::add_write_perm_of_broker, {}, {{"addTopicCount", "2"}});
  BOOST_TEST(run(admin.add_write_perm("broker-a")).at(1).second == 2);
  BOOST_TEST(ns1.only(RequestCode::add_write_perm_of_broker).at("brokerName") == "broker-a");
}

BOOST_AUTO_TEST_CASE(settings_of_name_servers_are_read_and_changed) {
  ns1.answer(RequestCode::get_namesrv_config, "listenPort=9876\nkvConfigPath=/a\\:b\n");
  BOOST_TEST(*run(admin.name_server_config(Address("ns1", 9876))).find("kvConfigPath") == "/a:b");
  ns1.answer(RequestCode::update_namesrv_config);
  ns2.refuse(RequestCode::update_namesrv_config, ResponseCode::no_permission,
             "Can not update config in black list.");
  std::map<std::string, std::string> values;
  values["a b"] = "c=d";
  const std::vector<Outcome> outcomes = run(admin.update_name_server_config(values));
  BOOST_TEST(outcomes.at(0).ok());
  BOOST_TEST((outcomes.at(1).error == ResponseCode::no_permission));
  const std::string body = ns1.received.back().body;
  BOOST_TEST(*Properties::parse(body).value().find("a b") == "c=d");
}

// --- Topics

BOOST_AUTO_TEST_CASE(a_topic_is_created_on_every_master_of_a_cluster) {
  both_answer(RequestCode::update_and_create_topic, "");
  b.refuse(RequestCode::update_and_create_topic, ResponseCode::system_error,
           "The topic[TBW102] is conflict with system topic.");
  routing::TopicConfig topic = topic_config("T9");
  topic.order = true;
  topic.attributes["+message.type"] = "FIFO";
  const std::vector<Outcome> outcomes =
      run(admin.put_topic(Scope::cluster("DefaultCluster"), topic));
  BOOST_TEST(outcomes.at(0).ok());
  BOOST_TEST(outcomes.at(0).server.name == "broker-a");
  BOOST_TEST(!outcomes.at(1).ok());
  const auto fields = a.only(RequestCode::update_and_create_topic);
  BOOST_TEST(fields.at("topic") == "T9");
  BOOST_TEST(fields.at("defaultTopic") == "TBW102");
  BOOST_TEST(fields.at("readQueueNums") == "8");
  BOOST_TEST(fields.at("writeQueueNums") == "4");
  BOOST_TEST(fields.at("perm") == "6");
  BOOST_TEST(fields.at("topicFilterType") == "SINGLE_TAG");
  BOOST_TEST(fields.at("topicSysFlag") == "0");
  BOOST_TEST(fields.at("order") == "true");
  BOOST_TEST(fields.at("attributes") == "+message.type=FIFO");
}

BOOST_AUTO_TEST_CASE(a_success_with_a_remark_is_a_success) {
  // 4.9.8 answers so to UPDATE_AND_CREATE_TOPIC.
  a.refuse(RequestCode::update_and_create_topic, ResponseCode::success,
           "not set any response code");
  BOOST_TEST(all_ok(run(admin.put_topic(Scope::broker(at_a), topic_config("T9")))));
  BOOST_TEST(b.received.empty());
}

BOOST_AUTO_TEST_CASE(a_topic_is_deleted_at_the_brokers_and_then_at_the_name_servers) {
  both_answer(RequestCode::delete_topic_in_broker, "");
  ns1.answer(RequestCode::delete_topic_in_namesrv);
  ns2.answer(RequestCode::delete_topic_in_namesrv);
  const std::vector<Outcome> outcomes = run(admin.delete_topic("T1", "DefaultCluster"));
  BOOST_TEST(outcomes.size() == 4u);
  BOOST_TEST(all_ok(outcomes));
  BOOST_TEST(b.only(RequestCode::delete_topic_in_broker).at("topic") == "T1");
  BOOST_TEST(ns2.only(RequestCode::delete_topic_in_namesrv).at("clusterName") == "DefaultCluster");
}

BOOST_AUTO_TEST_CASE(a_topic_that_a_broker_keeps_stays_at_the_name_servers) {
  a.answer(RequestCode::delete_topic_in_broker);
  b.refuse(RequestCode::delete_topic_in_broker, ResponseCode::system_error, "no");
  BOOST_TEST(run(admin.delete_topic("T1", "DefaultCluster")).size() == 2u);
  BOOST_TEST(asked_name_servers(RequestCode::delete_topic_in_namesrv).empty());
}

BOOST_AUTO_TEST_CASE(topic_statistics_of_all_brokers_come_together) {
  a.answer(RequestCode::get_topic_stats_info,
           R"({"offsetTable":{)" + kQueueKey +
               R"(:{"lastUpdateTimestamp":7,"maxOffset":3,"minOffset":0}}})");
  b.answer(RequestCode::get_topic_stats_info,
           R"({"offsetTable":{)" + kQueueKeyB +
               R"(:{"lastUpdateTimestamp":8,"maxOffset":5,"minOffset":1}}})");
  const TopicStats stats = run(admin.topic_stats("T1"));
  BOOST_TEST(stats.queues.at(kQueue).max_offset == 3);
  BOOST_TEST(stats.queues.at(kQueueB).min_offset == 1);
  b.refuse(RequestCode::get_topic_stats_info, ResponseCode::topic_not_exist, "topic[T1] not exist");
  const Refused refused = refusal(admin.topic_stats("T1"));
  BOOST_TEST((refused.response() == ResponseCode::topic_not_exist));
  BOOST_TEST((refused.server() == at_b));
  BOOST_TEST((refused.request() == RequestCode::get_topic_stats_info));
  BOOST_TEST(refused.remark() == "topic[T1] not exist");
}

BOOST_AUTO_TEST_CASE(a_topics_configuration_is_looked_up_in_the_table) {
  a.answer(RequestCode::get_all_topic_config,
           R"({"dataVersion":{"counter":1,"timestamp":2},"topicConfigTable":{"T1":{"order":true,)"
           R"("perm":4,"readQueueNums":3,"topicFilterType":"SINGLE_TAG","topicName":"T1",)"
           R"("topicSysFlag":0,"writeQueueNums":2}}})");
  const auto topic = run(admin.topic_config(at_a, "T1"));
  BOOST_REQUIRE(topic.has_value());
  BOOST_TEST(topic->perm == 4);
  BOOST_TEST(topic->order);
  // Old brokers do not know these, and give the whole table.
  const auto fields = a.only(RequestCode::get_all_topic_config);
  BOOST_TEST(fields.at("topicSeq") == "0");
  BOOST_TEST(fields.at("maxTopicNum") == "2000");
  BOOST_TEST(fields.at("dataVersion") == "");
  BOOST_TEST(!run(admin.topic_config(at_a, "T2")).has_value());
}

BOOST_AUTO_TEST_CASE(groups_of_a_topic_come_from_all_its_brokers) {
  a.answer(RequestCode::query_topic_consume_by_who, R"({"groupList":["G2","G1"]})");
  b.answer(RequestCode::query_topic_consume_by_who, R"({"groupList":["G3","G1"]})");
  BOOST_TEST((run(admin.groups_of_topic("T1")) == std::vector<std::string>{"G1", "G2", "G3"}));
  a.answer(RequestCode::get_system_topic_list_from_broker, R"({"topicList":["b","a"]})");
  BOOST_TEST((run(admin.system_topics(at_a)) == std::vector<std::string>{"a", "b"}));
}

BOOST_AUTO_TEST_SUITE_END()
