#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "broker_fixture.hpp"
#include "comet/routing/topic_config.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class AdminFixture : public BrokerFixture {
 public:
  RemotingCommand ask_with(RequestCode code,
                           std::initializer_list<std::pair<const char*, std::string>> fields) {
    RemotingCommand request = RemotingCommand::request(code);
    for (const auto& [key, value] : fields) request.fields.add(key, value);
    return ask(std::move(request));
  }
  RemotingCommand ask_body(RequestCode code, const std::string& body) {
    return ask(RemotingCommand::request(code, Body(body)));
  }
  std::string queue_field(RequestCode code, const std::string& field,
                          const std::string& topic = "T", const std::string& more_key = "ignored",
                          const std::string& more = "x") {
    return text(ask_with(code, {{"topic", topic}, {"queueId", "0"}, {more_key.c_str(), more}}),
                field);
  }
  RemotingCommand query(const std::string& key, bool is_unique, int most = 32) {
    return ask_with(RequestCode::query_message,
                    {{"topic", "T"},
                     {"key", key},
                     {"maxNum", std::to_string(most)},
                     {"beginTimestamp", "0"},
                     {"endTimestamp", "9223372036854775807"},
                     {"_UNIQUE_KEY_QUERY", is_unique ? "true" : "false"}});
  }
  RemotingCommand query_by(const std::string& index_type, const std::string& key) {
    return ask_with(RequestCode::query_message, {{"topic", "T"},
                                                 {"key", key},
                                                 {"maxNum", "32"},
                                                 {"beginTimestamp", "0"},
                                                 {"endTimestamp", "9223372036854775807"},
                                                 {"indexType", index_type}});
  }
  bool lists_group(const std::string& name) {
    return ask(RemotingCommand::request(RequestCode::get_all_subscriptiongroup_config))
               .body.to_string()
               .find("\"groupName\":\"" + name + "\"") != std::string::npos;
  }
  RemotingCommand create(const std::string& topic, const std::string& perm = "6") {
    return ask_with(RequestCode::update_and_create_topic, {{"topic", topic},
                                                           {"defaultTopic", "TBW102"},
                                                           {"readQueueNums", "2"},
                                                           {"writeQueueNums", "2"},
                                                           {"perm", perm},
                                                           {"topicFilterType", "SINGLE_TAG"},
                                                           {"topicSysFlag", "0"},
                                                           {"order", "true"}});
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(offsets_and_queries, AdminFixture)

BOOST_AUTO_TEST_CASE(offsets_are_found_by_time) {
  start();
  const std::int64_t first = world.time.wall_millis();
  for (int i = 0; i < 3; ++i) {
    ask(send_request("T", "x"));
    world.pass(10s);
  }
  auto search = [&](std::int64_t time, const std::string& boundary) {
    return text(
        ask_with(RequestCode::search_offset_by_timestamp, {{"topic", "T"},
                                                           {"queueId", "0"},
                                                           {"timestamp", std::to_string(time)},
                                                           {"boundaryType", boundary}}),
        "offset");
  };
  BOOST_TEST(search(first + 10'000, "") == "1");
  // As at 5.x brokers when nothing is said: never one before the time, and the end behind the last.
  BOOST_TEST(search(first + 14'000, "") == "2");
  BOOST_TEST(search(first + 100'000, "") == "3");
  BOOST_TEST(search(first + 19'000, "UPPER") == "1");
  BOOST_TEST(search(first + 14'000, "lower") == "2");
  BOOST_TEST(search(first + 19'000, "upper") == "1");
  BOOST_TEST(search(first + 100'000, "lower") == "3");
  BOOST_TEST(queue_field(RequestCode::get_earliest_msg_storetime, "timestamp") ==
             std::to_string(first));
  BOOST_TEST(queue_field(RequestCode::get_earliest_msg_storetime, "timestamp", "no-such") == "-1");
}

BOOST_AUTO_TEST_CASE(messages_are_found_by_tag_when_the_request_says_so) {
  start();
  ask(send_request("T", "one", 0, "TAGS\x01red"));
  ask(send_request("T", "two", 0, "KEYS\x01red"));
  world.run_until([&] { return bodies(query_by("T", "red")).size() == 1u; });
  BOOST_TEST((bodies(query_by("T", "red")) == std::vector<std::string>{"one"}));
  BOOST_TEST((bodies(query_by("K", "red")) == std::vector<std::string>{"two"}));
  BOOST_TEST((query_by("T", "blue").response_code() == ResponseCode::query_not_found));
}

BOOST_AUTO_TEST_CASE(messages_are_found_by_key_and_by_unique_key_and_by_place) {
  start();
  const std::string unique = "0A0000010000000000000000000000FF";
  ask(send_request("T", "one", 0, "KEYS\x01k1 k2\x02UNIQ_KEY\x01" + unique));
  ask(send_request("T", "two", 0, "KEYS\x01k2"));
  RemotingCommand found = query("k2", false);
  world.run_until([&] { return bodies(found = query("k2", false)).size() == 2u; });
  BOOST_TEST((found.response_code() == ResponseCode::success));
  BOOST_TEST(text(found, "indexLastUpdatePhyoffset") != "(absent)");
  BOOST_TEST((bodies(query("k1", false)) == std::vector<std::string>{"one"}));
  BOOST_TEST((bodies(query(unique, true, 0)) == std::vector<std::string>{"one"}));
  RemotingCommand none = query("k3", false);
  BOOST_TEST((none.response_code() == ResponseCode::query_not_found));
  BOOST_TEST(none.remark == "can not find message, maybe time range not correct");
  BOOST_TEST(text(none, "indexLastUpdateTimestamp") != "(absent)");

  BOOST_TEST((bodies(ask_with(RequestCode::view_message_by_id, {{"offset", "0"}})) ==
              std::vector<std::string>{"one"}));
  RemotingCommand missing = ask_with(RequestCode::view_message_by_id, {{"offset", "5"}});
  BOOST_TEST((missing.response_code() == ResponseCode::system_error));
  BOOST_TEST(missing.remark == "can not find message by the offset, 5");
}

BOOST_AUTO_TEST_CASE(all_offsets_of_consumers_and_delay_levels_can_be_had) {
  start();
  ask(send_request("T", "x", 0,
                   "DELAY\x01"
                   "1"));
  world.pass(1s);
  ask_with(RequestCode::update_consumer_offset,
           {{"consumerGroup", "CG"}, {"topic", "T"}, {"queueId", "3"}, {"commitOffset", "7"}});
  BOOST_TEST(offset_table(
                 ask(RemotingCommand::request(RequestCode::get_all_consumer_offset)).body.view()) ==
             R"({"offsetTable":{"T@CG":{3:7}}})");
  BOOST_TEST(ask(RemotingCommand::request(RequestCode::get_all_delay_offset)).body.view() ==
             R"({"offsetTable":{1:1}})");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(groups_and_topics, AdminFixture)

BOOST_AUTO_TEST_CASE(groups_are_set_listed_and_deleted_and_survive_a_restart) {
  config.auto_create_subscription_group = false;
  start();
  BOOST_TEST(lists_group("TOOLS_CONSUMER"));
  const std::string group =
      R"({"brokerId":0,"consumeBroadcastEnable":false,"consumeEnable":true,"groupName":"CG",)"
      R"("retryMaxTimes":2,"retryQueueNums":1,"groupRetryPolicy":{"type":"CUSTOMIZED"}})";
  BOOST_TEST((ask_body(RequestCode::update_and_create_subscriptiongroup, group).response_code() ==
              ResponseCode::success));
  stop();
  start();
  RemotingCommand got = ask_with(RequestCode::get_subscriptiongroup_config, {{"group", "CG"}});
  const auto read = boost::json::parse(got.body.to_string()).as_object();
  BOOST_TEST(read.at("retryMaxTimes").as_int64() == 2);
  BOOST_TEST(!read.at("consumeBroadcastEnable").as_bool());
  BOOST_TEST(read.at("consumeFromMinEnable").as_bool());
  BOOST_TEST(read.at("groupRetryPolicy").at("type").as_string() == "CUSTOMIZED");  // kept for 5.x
  ask(send_request("T", "x"));
  ask_with(RequestCode::update_consumer_offset,
           {{"consumerGroup", "CG"}, {"topic", "T"}, {"queueId", "0"}, {"commitOffset", "1"}});
  ask_with(RequestCode::delete_subscriptiongroup, {{"groupName", "CG"}, {"cleanOffset", "true"}});
  BOOST_TEST(!lists_group("CG"));
  BOOST_TEST(offset_table(
                 ask(RemotingCommand::request(RequestCode::get_all_consumer_offset)).body.view()) ==
             R"({"offsetTable":{}})");
  BOOST_TEST(
      (ask_with(RequestCode::get_subscriptiongroup_config, {{"group", "CG"}}).response_code() ==
       ResponseCode::subscription_group_not_exist));
}

BOOST_AUTO_TEST_CASE(
    a_group_that_is_asked_for_is_made_as_by_its_first_heartbeat) {  // Apache's proxy asks before
                                                                    // any client beats
  start();
  const auto code = [&](const std::string& group) {
    return ask_with(RequestCode::get_subscriptiongroup_config, {{"group", group}}).response_code();
  };
  BOOST_TEST((code("CG") == ResponseCode::success));
  BOOST_TEST(lists_group("CG"));
  BOOST_TEST((code("no good") == ResponseCode::subscription_group_not_exist));
  BOOST_TEST(!lists_group("no good"));
  stop();
  config.auto_create_subscription_group = false;
  start();
  BOOST_TEST((code("CG") == ResponseCode::success));
  BOOST_TEST((code("CG2") == ResponseCode::subscription_group_not_exist));
}

BOOST_AUTO_TEST_CASE(several_groups_are_set_at_once_or_none) {
  start();
  auto set = [&](const std::string& list) {
    return ask_body(RequestCode::update_and_create_subscriptiongroup_list,
                    R"({"groupConfigList":)" + list + "}")
        .response_code();
  };
  BOOST_TEST((set(R"([{"groupName":"G1"},{"groupName":"G2"}])") == ResponseCode::success));
  BOOST_TEST((lists_group("G1") && lists_group("G2")));
  for (const char* bad :
       {R"([{"groupName":"G3"},{"groupName":"no good"}])", R"([{"groupName":"G3"},7])", "7",
        R"([{"groupName":"G3","retryQueueNums":65537}])"}) {
    BOOST_TEST((set(bad) == ResponseCode::system_error), bad);
  }
  BOOST_TEST(!lists_group("G3"));
  for (const char* bad : {"", "[]", "{}", R"({"groupName":""})"}) {
    BOOST_TEST((ask_body(RequestCode::update_and_create_subscriptiongroup, bad).response_code() ==
                ResponseCode::system_error),
               bad);
  }
}

BOOST_AUTO_TEST_CASE(a_group_that_may_not_consume_or_not_by_broadcast_is_refused) {
  start();
  ask_body(RequestCode::update_and_create_subscriptiongroup,
           R"({"groupName":"CG","consumeEnable":false})");
  create("T");
  RemotingCommand refused = ask(pull_request("T", 0, 0));
  BOOST_TEST((refused.response_code() == ResponseCode::no_permission));
  BOOST_TEST(refused.remark == "subscription group no permission, CG");
}

BOOST_AUTO_TEST_CASE(a_topic_is_created_shown_changed_and_deleted_with_all_that_it_had) {
  start();
  BOOST_TEST((create("T").response_code() == ResponseCode::success));
  const std::string json =
      ask_with(RequestCode::get_topic_config, {{"topic", "T"}}).body.to_string();
  BOOST_TEST(
      json ==
      R"({"order":true,"perm":6,"readQueueNums":2,"topicFilterType":"SINGLE_TAG","topicName":"T","topicSysFlag":0,"writeQueueNums":2})");
  ask(send_request("T", "old"));
  ask_with(RequestCode::update_consumer_offset,
           {{"consumerGroup", "CG"}, {"topic", "T"}, {"queueId", "0"}, {"commitOffset", "1"}});
  RemotingCommand removal = RemotingCommand::request(RequestCode::delete_topic_in_broker);
  removal.fields.add("topic", "T");
  BOOST_TEST((ask_helper(std::move(removal)).response_code() == ResponseCode::success));
  BOOST_TEST((ask_with(RequestCode::get_topic_config, {{"topic", "T"}}).response_code() ==
              ResponseCode::topic_not_exist));
  BOOST_TEST((ask(pull_request("T", 0, 0)).response_code() == ResponseCode::topic_not_exist));
  create("T");
  BOOST_TEST(text(ask(send_request("T", "new")), "queueOffset") == "0");
  BOOST_TEST((bodies(ask(pull_request("T", 0, 0))) == std::vector<std::string>{"new"}));
  BOOST_TEST(
      queue_field(RequestCode::query_consumer_offset, "offset", "T", "consumerGroup", "CG") == "0");
}

BOOST_AUTO_TEST_CASE(topics_of_the_system_and_of_the_broker_cannot_be_set_or_deleted) {
  start();
  for (const char* topic :
       {"TBW102", "SCHEDULE_TOPIC_XXXX", "broker-a", "DefaultCluster", "rmq_sys_x"}) {
    RemotingCommand answer = ask_with(RequestCode::delete_topic_in_broker, {{"topic", topic}});
    BOOST_TEST((answer.response_code() == ResponseCode::system_error), topic);
    BOOST_TEST(answer.remark ==
               "The topic[" + std::string(topic) + "] is conflict with system topic.");
    BOOST_TEST((create(topic).response_code() == ResponseCode::system_error), topic);
  }
}

// Slaves and tools of 5.x read the offsets with their version alone.
BOOST_AUTO_TEST_CASE(offsets_of_consumers_have_a_version_that_counts_on_over_restarts) {
  start();
  ask(send_request("T", "x"));
  const auto counter = [this] {
    const std::string all =
        ask(RemotingCommand::request(RequestCode::get_all_consumer_offset)).body.to_string();
    const std::string before = R"({"dataVersion":{"counter":)";
    BOOST_REQUIRE(all.starts_with(before));
    return std::stoll(all.substr(before.size()));
  };
  const auto commit = [this](const std::string& offset) {
    ask_with(RequestCode::update_consumer_offset,
             {{"consumerGroup", "CG"}, {"topic", "T"}, {"queueId", "0"}, {"commitOffset", offset}});
    world.pass(std::chrono::seconds(6));  // it is saved every 5 s
  };
  const std::int64_t first = counter();
  commit("1");
  BOOST_TEST(counter() == first + 1);
  world.pass(std::chrono::seconds(60));  // nothing changes
  BOOST_TEST(counter() == first + 1);
  stop();
  start();
  BOOST_TEST(counter() >= first + 1);
  commit("0");
  BOOST_TEST(counter() >= first + 2);
}

BOOST_AUTO_TEST_CASE(consumption_by_pop_is_clearly_not_supported) {
  start();
  for (RequestCode code :
       {RequestCode::pop_message, RequestCode::ack_message, RequestCode::batch_ack_message,
        RequestCode::change_message_invisibletime}) {
    const RemotingCommand answer = ask(RemotingCommand::request(code));
    BOOST_TEST((answer.response_code() == ResponseCode::request_code_not_supported));
    BOOST_TEST(answer.remark.find("no consumption by POP") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(the_table_of_topics_comes_in_pages_to_tools_that_ask_for_them) {
  start();
  const auto page = [this](const std::string& seq, const std::string& most,
                           const std::string& version) {
    RemotingCommand request = RemotingCommand::request(RequestCode::get_all_topic_config);
    if (!seq.empty()) request.fields.add("topicSeq", seq);
    if (!most.empty()) request.fields.add("maxTopicNum", most);
    request.fields.add("dataVersion", version);
    return ask(std::move(request));
  };
  const auto table = [](const RemotingCommand& answer) {
    return routing::parse_topic_config_table(answer.body.view()).value();
  };
  const RemotingCommand whole = ask(RemotingCommand::request(RequestCode::get_all_topic_config));
  const auto all = table(whole).topics;
  const std::string total = std::to_string(all.size());
  BOOST_TEST(text(whole, "totalTopicNum") == total);
  const auto first = table(page("0", "3", ""));
  BOOST_TEST(first.topics.size() == 3u);
  BOOST_TEST(first.topics.begin()->first == all.begin()->first);
  const std::string version = routing::to_json(first.data_version);
  const RemotingCommand second = page("3", "3", version);
  BOOST_TEST(text(second, "totalTopicNum") == total);
  BOOST_TEST(table(second).topics.begin()->first == std::next(all.begin(), 3)->first);
  BOOST_TEST(table(page("3", "", version)).topics.size() == all.size() - 3);
  BOOST_TEST(table(page("1000", "3", version)).topics.empty());
  // Another version: anew.
  BOOST_TEST(table(page("3", "3", R"({"counter":99,"timestamp":1})")).topics.begin()->first ==
             all.begin()->first);
  BOOST_TEST(table(page("-1", "-1", version)).topics.empty());
}

BOOST_AUTO_TEST_CASE(the_table_of_groups_comes_in_pages_to_tools_that_ask_for_them) {
  start();
  for (int i = 0; i < 600; ++i) ask(pull_request("TBW102", 0, 0, 0, "*", fmt::format("G{:03}", i)));
  const auto page = [this](const std::string& seq, const std::string& most,
                           const std::string& version) {
    RemotingCommand request =
        RemotingCommand::request(RequestCode::get_all_subscriptiongroup_config);
    if (!seq.empty()) request.fields.add("groupSeq", seq);
    if (!most.empty()) request.fields.add("maxGroupNum", most);
    request.fields.add("dataVersion", version);
    return ask(std::move(request));
  };
  const auto names = [](const RemotingCommand& answer) {
    std::vector<std::string> found;
    const auto root = boost::json::parse(answer.body.to_string()).as_object();
    for (const auto& [name, group] : root.at("subscriptionGroupTable").as_object()) {
      BOOST_TEST(group.as_object().at("groupName").as_string() == name);
      found.emplace_back(name);
    }
    return found;
  };
  const RemotingCommand whole = page("", "", "");
  const std::vector<std::string> all = names(whole);
  BOOST_TEST(all.size() > 600u);
  const std::string total = std::to_string(all.size());
  BOOST_TEST(text(whole, "totalGroupNum") == total);
  const std::string version = boost::json::serialize(
      boost::json::parse(whole.body.to_string()).as_object().at("dataVersion"));
  std::vector<std::string> joined;
  while (joined.size() < all.size()) {
    const RemotingCommand part =
        page(std::to_string(joined.size()), "250", joined.empty() ? "" : version);
    BOOST_TEST(text(part, "totalGroupNum") == total);
    const std::vector<std::string> some = names(part);
    BOOST_REQUIRE(!some.empty());
    BOOST_TEST(some.size() <= 250u);
    joined.insert(joined.end(), some.begin(), some.end());
  }
  BOOST_TEST(joined == all, boost::test_tools::per_element());
  BOOST_TEST(names(page("100", "", version)).size() == all.size() - 100);
  BOOST_TEST(names(page("100000", "3", version)).empty());
  // Another version: anew; without a place to begin at: all.
  BOOST_TEST(names(page("300", "3", "no version")).front() == all.front());
  BOOST_TEST(names(page("-1", "0", version)).empty());
  BOOST_TEST(names(page("", "3", version)).size() == all.size());
}

BOOST_AUTO_TEST_SUITE_END()
