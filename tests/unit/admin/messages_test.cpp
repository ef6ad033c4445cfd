// Messages, and what brokers tell about themselves.

#include "comet/message/message_id.hpp"
#include "scripted_cluster.hpp"

using namespace comet;
using namespace comet::test;
using namespace comet::admin;

namespace {

const MessageQueue kQueue("T1", "broker-a", 0);

std::string record_of(std::int64_t offset, const std::string& body, const std::string& keys = {},
                      const std::string& unique = {}) {
  MessageProperties properties;
  if (!keys.empty()) properties.set("KEYS", keys);
  if (!unique.empty()) properties.set("UNIQ_KEY", unique);
  const std::string text = properties.encode();
  RecordView record;
  record.queue_offset = offset;
  record.physical_offset = 1000 + offset;
  record.topic = "T1";
  record.body = body;
  record.properties = text;
  record.store_timestamp = 5000 - offset;
  record.store_host = IpEndpoint::v4({10, 0, 0, 1}, 10911);
  std::string out;
  encode_record(record, out);
  return out;
}

const ScriptedServer::Texts kIndexFields = {{"indexLastUpdateTimestamp", "1"},
                                            {"indexLastUpdatePhyoffset", "2"}};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(admin_messages, AdminWorld)

// --- Messages

BOOST_AUTO_TEST_CASE(a_message_is_found_by_the_id_that_its_broker_gave_it) {
  a.answer(RequestCode::view_message_by_id, record_of(0, "hello", "k1", "U1"));
  const std::string id = make_offset_message_id(IpEndpoint::v4({10, 0, 0, 1}, 10911), 1000);
  const MessageExt message = run(admin.message_by_id(id));
  BOOST_TEST(message.body() == "hello");
  BOOST_TEST(message.offset_message_id() == id);
  BOOST_TEST(a.only(RequestCode::view_message_by_id).at("offset") == "1000");
  BOOST_TEST((failure(admin.message_by_id("U1")).code() == ClientErrc::illegal_message));
}

// W5
BOOST_AUTO_TEST_CASE(a_message_is_found_by_its_id_after_its_broker_got_another_address) {
  const IpEndpoint before = IpEndpoint::v4({10, 0, 0, 77}, 10911);
  const std::string id = make_offset_message_id(before, 1000);
  std::string moved = record_of(0, "moved", "k1", "U1");
  RecordView view = parse_record(moved, CheckCrc::yes).value();
  view.store_host = before;
  std::string stored;
  encode_record(view, stored);
  a.answer(RequestCode::view_message_by_id, record_of(0, "another one"));
  b.answer(RequestCode::view_message_by_id, stored);
  for (const char* topic : {"T1", ""}) {
    const MessageExt message = run(admin.message_by_id(id, topic));
    BOOST_TEST(message.body() == "moved");
    BOOST_TEST(message.offset_message_id() == id);
  }
  b.answer(RequestCode::consume_message_directly, R"({"consumeResult":"CR_SUCCESS"})");
  BOOST_TEST(run(admin.consume_directly("G1", "c1", id, "T1")).result == "CR_SUCCESS");
  BOOST_TEST(b.only(RequestCode::consume_message_directly).at("msgId") == id);
  // Nobody has it: the error names the id's own address.
  b.refuse(RequestCode::view_message_by_id, ResponseCode::system_error, "no such offset");
  BOOST_TEST(std::string(failure(admin.message_by_id(id, "T1")).what()).find("10.0.0.77:10911") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(messages_by_key_come_from_all_brokers_oldest_first) {
  // The index knows hashes alone: the second one has another key with the same hash.
  a.answer(RequestCode::query_message, record_of(1, "new", "k1 k2") + record_of(2, "not", "k3"),
           kIndexFields);
  b.answer(RequestCode::query_message, record_of(3, "old", "k0 k1"), kIndexFields);
  const auto messages = run(admin.messages_by_key("T1", "k1", 7, 10, 20));
  BOOST_REQUIRE(messages.size() == 2u);
  BOOST_TEST(messages[0].body() == "old");
  BOOST_TEST(messages[1].body() == "new");
  const auto fields = a.only(RequestCode::query_message);
  BOOST_TEST(fields.at("maxNum") == "7");
  BOOST_TEST(fields.at("beginTimestamp") == "10");
  BOOST_TEST(fields.at("endTimestamp") == "20");
  BOOST_TEST(fields.at("_UNIQUE_KEY_QUERY") == "false");
}

BOOST_AUTO_TEST_CASE(a_broker_that_takes_a_tag_for_a_key_finds_nothing) {
  a.answer(RequestCode::query_message, record_of(1, "it", "tag"), kIndexFields);
  b.refuse(RequestCode::query_message, ResponseCode::query_not_found, "none");
  BOOST_TEST(run(admin.messages_by_tag("T1", "tag", 7, 10, 20)).empty());
  const auto fields = a.only(RequestCode::query_message);
  BOOST_TEST(fields.at("indexType") == "T");
  BOOST_TEST(fields.at("_UNIQUE_KEY_QUERY") == "false");
}

BOOST_AUTO_TEST_CASE(a_broker_without_the_message_is_no_failure) {
  both_refuse(RequestCode::query_message, ResponseCode::query_not_found,
              "can not find message, maybe time range not correct");
  BOOST_TEST(run(admin.messages_by_unique_key("T1", "U1")).empty());
  a.answer(RequestCode::query_message, record_of(0, "it", "", "U1") + record_of(1, "x", "", "U2"),
           kIndexFields);
  const auto found = run(admin.messages_by_unique_key("T1", "U1"));
  BOOST_REQUIRE(found.size() == 1u);
  BOOST_TEST(found[0].body() == "it");
  BOOST_TEST(a.received.back().fields.at("_UNIQUE_KEY_QUERY") == "true");
  b.refuse(RequestCode::query_message, ResponseCode::system_error, "broken");
  BOOST_TEST(refusal(admin.messages_by_unique_key("T1", "U1")).remark() == "broken");
}

BOOST_AUTO_TEST_CASE(a_queue_is_read_with_a_subscription_of_its_own) {
  const ScriptedServer::Texts fields = {{"suggestWhichBrokerId", "0"},
                                        {"nextBeginOffset", "7"},
                                        {"minOffset", "2"},
                                        {"maxOffset", "9"}};
  const QueuePlace place(kQueue, at_a);
  a.answer(RequestCode::pull_message, record_of(5, "five") + record_of(6, "six"), fields);
  const MessageBatch batch = run(admin.read(place, 5, 2, "A || B"));
  BOOST_REQUIRE(batch.messages.size() == 2u);
  BOOST_TEST(batch.messages[1].body() == "six");
  BOOST_TEST(batch.next_offset == 7);
  BOOST_TEST(batch.min_offset == 2);
  BOOST_TEST(batch.max_offset == 9);
  BOOST_TEST(!batch.at_end);
  const auto request = a.only(RequestCode::pull_message);
  BOOST_TEST(request.at("subscription") == "A || B");
  BOOST_TEST(request.at("sysFlag") == "4");  // subscription included; no commit, no waiting
  BOOST_TEST(request.at("consumerGroup") == "TOOLS_CONSUMER");

  a.refuse(RequestCode::pull_message, ResponseCode::pull_not_found, "", fields);
  BOOST_TEST(run(admin.read(place, 9, 2)).at_end);
  a.refuse(RequestCode::pull_message, ResponseCode::pull_retry_immediately, "", fields);
  BOOST_TEST(!run(admin.read(place, 5, 2)).at_end);
  BOOST_TEST(run(admin.read(place, 7, 2)).at_end);  // sent to where it is: not for ever
  a.refuse(RequestCode::pull_message, ResponseCode::topic_not_exist, "no", fields);
  BOOST_TEST((refusal(admin.read(place, 5, 2)).response() == ResponseCode::topic_not_exist));
}

BOOST_AUTO_TEST_CASE(the_groups_that_have_consumed_a_message_are_told) {
  a.answer(RequestCode::view_message_by_id, record_of(5, "hello"));
  MessageExt message = run(admin.message_at(at_a, 0));
  message.tag("A");
  a.answer(RequestCode::query_topic_consume_by_who, R"({"groupList":["G1"]})");
  b.answer(RequestCode::query_topic_consume_by_who, R"({"groupList":[]})");
  both_refuse(RequestCode::get_consumer_connection_list, ResponseCode::consumer_not_online, "");
  const auto state = [&] {
    const std::vector<MessageTrack> tracks = run(admin.tracks(message));
    BOOST_REQUIRE(tracks.size() == 1u);
    BOOST_TEST(tracks[0].group == "G1");
    return tracks[0].state;
  };
  BOOST_TEST(state() == "NOT_ONLINE");

  const auto members = [&](const std::string& type, const std::string& model,
                           const std::string& expression) {
    both_answer(RequestCode::get_consumer_connection_list,
                R"({"connectionSet":[{"clientId":"c1"}],"consumeType":")" + type +
                    R"(","messageModel":")" + model + R"(","subscriptionTable":{"T1":)" +
                    R"({"topic":"T1","subString":")" + expression + R"("}}})");
  };
  const auto offset = [&](int next) {
    const std::string stats = R"({"consumeTps":0,"offsetTable":{{"brokerName":"broker-a",)"
                              R"("queueId":0,"topic":"T1"}:{"brokerOffset":9,"consumerOffset":)" +
                              std::to_string(next) + R"(,"lastTimestamp":0}}})";
    a.answer(RequestCode::get_consume_stats, stats);
    b.answer(RequestCode::get_consume_stats, R"({"offsetTable":{}})");
  };
  members("CONSUME_PASSIVELY", "CLUSTERING", "*");
  offset(5);
  BOOST_TEST(state() == "NOT_CONSUME_YET");
  offset(6);
  BOOST_TEST(state() == "CONSUMED");
  members("CONSUME_PASSIVELY", "CLUSTERING", "B || A");
  BOOST_TEST(state() == "CONSUMED");
  members("CONSUME_PASSIVELY", "CLUSTERING", "B || C");
  BOOST_TEST(state() == "CONSUMED_BUT_FILTERED");
  members("CONSUME_ACTIVELY", "CLUSTERING", "*");
  BOOST_TEST(state() == "PULL");
  members("CONSUME_PASSIVELY", "BROADCASTING", "*");
  BOOST_TEST(state() == "CONSUME_BROADCASTING");
}

BOOST_AUTO_TEST_CASE(a_damaged_record_is_a_bad_answer) {
  std::string record = record_of(0, "hello");
  record[record.size() - 10] ^= 1;
  a.answer(RequestCode::view_message_by_id, record);
  BOOST_TEST((failure(admin.message_at(at_a, 0)).code() == ClientErrc::bad_answer));
  a.answer(RequestCode::view_message_by_id, "");
  BOOST_TEST((failure(admin.message_at(at_a, 0)).code() == ClientErrc::bad_answer));
}

// --- Brokers

BOOST_AUTO_TEST_CASE(settings_of_brokers_are_read_and_changed) {
  a.answer(RequestCode::get_broker_config, "brokerName=broker-a\nlistenPort=10911\n",
           {{"version", R"({"counter":1,"timestamp":2})"}});
  BOOST_TEST(*run(admin.broker_config(at_a)).find("brokerName") == "broker-a");
  both_answer(RequestCode::update_broker_config, "");
  std::map<std::string, std::string> values;
  values["fileReservedTime"] = "48";
  BOOST_TEST(all_ok(run(admin.update_broker_config(Scope::cluster("DefaultCluster"), values))));
  BOOST_TEST(b.received.back().body == "fileReservedTime=48\n");
}

BOOST_AUTO_TEST_CASE(statistics_of_a_broker_are_read) {
  a.answer(RequestCode::view_broker_stats_data,
           R"({"statsDay":{"avgpt":0,"sum":9,"tps":0},"statsHour":{},"statsMinute":{}})");
  BOOST_TEST(run(admin.broker_stats(at_a, "TOPIC_PUT_NUMS", "T1")).day_sum() == 9);
  BOOST_TEST(a.only(RequestCode::view_broker_stats_data).at("statsName") == "TOPIC_PUT_NUMS");
  a.refuse(RequestCode::view_broker_stats_data, ResponseCode::system_error,
           "The stats <TOPIC_PUT_NUMS> <T9> not exist");
  BOOST_TEST(refusal(admin.broker_stats(at_a, "TOPIC_PUT_NUMS", "T9")).remark() ==
             "The stats <TOPIC_PUT_NUMS> <T9> not exist");
  a.answer(RequestCode::get_broker_consume_stats,
           R"({"brokerAddr":"x","consumeStatsList":[],"totalDiff":5})");
  BOOST_TEST(run(admin.broker_consume_stats(at_a, true)).total_lag == 5);
  BOOST_TEST(a.only(RequestCode::get_broker_consume_stats).at("isOrder") == "true");
}

BOOST_AUTO_TEST_CASE(entries_of_a_consume_queue_are_asked_for) {
  a.answer(RequestCode::query_consume_queue,
           R"({"maxQueueIndex":9,"minQueueIndex":2,"queueData":[]})");
  BOOST_TEST(run(admin.consume_queue(at_a, "T1", 3, 5, 10, "G1")).max_index == 9);
  const auto fields = a.only(RequestCode::query_consume_queue);
  BOOST_TEST(fields.at("queueId") == "3");
  BOOST_TEST(fields.at("index") == "5");
  BOOST_TEST(fields.at("count") == "10");
  BOOST_TEST(fields.at("consumerGroup") == "G1");
}

BOOST_AUTO_TEST_CASE(an_index_beyond_a_queue_has_no_entries_and_a_remark) {
  a.refuse(RequestCode::query_consume_queue, ResponseCode::success,
           "Index 99 of queue 3@T1 is not exist!");
  const ConsumeQueueData data = run(admin.consume_queue(at_a, "T1", 3, 99, 10));
  BOOST_TEST(data.entries.empty());
  BOOST_TEST(data.remark == "Index 99 of queue 3@T1 is not exist!");
}

BOOST_AUTO_TEST_CASE(brokers_are_told_to_clean) {
  both_answer(RequestCode::clean_expired_consumequeue, "");
  both_answer(RequestCode::clean_unused_topic, "");
  a.answer(RequestCode::delete_expired_commitlog);
  BOOST_TEST(all_ok(run(admin.clean_expired_consume_queues(Scope::everywhere()))));
  BOOST_TEST(all_ok(run(admin.clean_unused_topics(Scope::cluster("DefaultCluster")))));
  BOOST_TEST(all_ok(run(admin.delete_expired_commit_log(Scope::broker(at_a)))));
  BOOST_TEST(b.received_of(RequestCode::clean_unused_topic).size() == 1u);
  BOOST_TEST(b.received_of(RequestCode::delete_expired_commitlog).empty());
}

BOOST_AUTO_TEST_SUITE_END()
