#include <filesystem>

#include "broker_fixture.hpp"
#include "comet/base/files.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

constexpr Duration kNotice = 200ms;  // after which the members of a group have been told

std::string heartbeat(const std::string& client_id, const std::string& group,
                      const std::string& topic, std::int64_t version = 1,
                      const std::string& expression = "*") {
  return R"({"clientID":")" + client_id +
         R"(","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET",)" +
         R"("consumeType":"CONSUME_PASSIVELY","groupName":")" + group +
         R"(","messageModel":"CLUSTERING","subscriptionDataSet":[{"classFilterMode":false,"codeSet":[],"subString":")" +
         expression + R"(","subVersion":)" + std::to_string(version) +
         R"(,"tagsSet":[],"topic":")" + topic +
         R"("},{"subString":"*","subVersion":1,"topic":"%RETRY%)" + group +
         R"("}],"unitMode":false}],"producerDataSet":[{"groupName":"PG1"}]})";
}

RemotingCommand with_fields(RequestCode code,
                            std::initializer_list<std::pair<const char*, std::string>> fields) {
  RemotingCommand request = RemotingCommand::request(code);
  for (const auto& [key, value] : fields) request.fields.add(key, value);
  return request;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(membership, BrokerFixture)

BOOST_AUTO_TEST_CASE(a_heartbeat_registers_the_consumer_and_makes_its_retry_topic) {
  start();
  RemotingCommand beat =
      RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T")));
  RemotingCommand answer = ask(std::move(beat));
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(answer.version >= 232);  // older ones disable SQL92 in Java consumers
  world.pass(kNotice);
  BOOST_TEST((notified_groups == std::vector<std::string>{"CG"}));
  RemotingCommand list =
      ask(with_fields(RequestCode::get_consumer_list_by_group, {{"consumerGroup", "CG"}}));
  BOOST_TEST(list.body.view() == R"({"consumerIdList":["c1"]})");
  RemotingCommand topics = ask(RemotingCommand::request(RequestCode::get_all_topic_config));
  BOOST_TEST(topics.body.view().find("%RETRY%CG") != std::string_view::npos);
  // An unchanged heartbeat disturbs nobody.
  ask(RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T"))));
  world.pass(kNotice);
  BOOST_TEST(notified_groups.size() == 1u);
  ask(RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T2"))));
  world.pass(kNotice);
  BOOST_TEST(notified_groups.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_pull_without_expression_uses_the_heartbeats_subscription) {
  start();
  ask(send_request("T", "a", 0,
                   "TAGS\x01"
                   "A"));
  ask(send_request("T", "b", 0,
                   "TAGS\x01"
                   "B"));
  ask(RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T", 5, "B"))));
  RemotingCommand request = pull_request("T", 0, 0);
  remoting::PullMessageHeader header =
      *remoting::read_header<remoting::PullMessageHeader>(request.fields);
  header.sys_flag = 0;
  header.subscription = "";
  header.sub_version = 5;
  BOOST_TEST((bodies(ask(RemotingCommand::request(RequestCode::pull_message, header))) ==
              std::vector<std::string>{"b"}));
  header.sub_version = 6;
  BOOST_TEST((ask(RemotingCommand::request(RequestCode::pull_message, header)).response_code() ==
              ResponseCode::subscription_not_latest));
}

BOOST_AUTO_TEST_CASE(members_are_told_when_another_one_joins_leaves_or_loses_its_connection) {
  start();
  ask(RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T"))));
  world.pass(kNotice);
  notified_groups.clear();
  auto other = std::make_unique<remoting::Client>(world.executor(), world.network, world.time);
  auto beat = [&](const std::string& id) {
    return world.run(other->invoke(
        config.listen_at,
        RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat(id, "CG", "T"))),
        world.time.now() + 3s));
  };
  beat("c2");
  world.pass(kNotice);
  BOOST_TEST(notified_groups.size() == 1u);
  world.run(other->invoke(
      config.listen_at,
      with_fields(RequestCode::unregister_client, {{"clientID", "c2"}, {"consumerGroup", "CG"}}),
      world.time.now() + 3s));
  world.pass(kNotice);
  BOOST_TEST(notified_groups.size() == 2u);
  beat("c2");
  world.pass(kNotice);
  BOOST_TEST(notified_groups.size() == 3u);
  world.run(other->stop());
  world.pass(kNotice);
  BOOST_TEST(notified_groups.size() == 4u);
  RemotingCommand list =
      ask(with_fields(RequestCode::get_consumer_list_by_group, {{"consumerGroup", "CG"}}));
  BOOST_TEST(list.body.view() == R"({"consumerIdList":["c1"]})");
}

BOOST_AUTO_TEST_CASE(a_client_that_is_silent_for_two_minutes_is_disconnected_and_its_group_told) {
  start();
  auto silent = std::make_unique<remoting::Client>(world.executor(), world.network, world.time);
  world.run(silent->invoke(
      config.listen_at,
      RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c2", "CG", "T"))),
      world.time.now() + 3s));
  auto talk =
      [&](remoting::Client& by) {  // keeps the connection from being idle, but is no heartbeat
        world.run(
            by.invoke(config.listen_at,
                      with_fields(RequestCode::get_max_offset, {{"topic", "T"}, {"queueId", "0"}}),
                      world.time.now() + 3s));
      };
  for (int i = 0; i < 4; ++i) {
    world.pass(29s);
    ask(RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T"))));
    talk(*silent);
  }
  BOOST_TEST((silent->find(config.listen_at) != nullptr));
  notified_groups.clear();
  world.pass(15s);
  BOOST_TEST((silent->find(config.listen_at) == nullptr));
  BOOST_TEST((notified_groups == std::vector<std::string>{"CG"}));
  world.run(silent->stop());
}

BOOST_AUTO_TEST_CASE(nobody_is_told_when_the_group_or_the_broker_is_set_so) {
  config.notify_consumer_ids_changed = false;
  start();
  ask(RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T"))));
  BOOST_TEST(notified_groups.empty());
}

BOOST_AUTO_TEST_CASE(a_client_on_two_connections_is_listed_once) {
  start();
  ask(RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T"))));
  auto again = std::make_unique<remoting::Client>(world.executor(), world.network, world.time);
  world.run(again->invoke(
      config.listen_at,
      RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat("c1", "CG", "T"))),
      world.time.now() + 3s));
  RemotingCommand list =
      ask(with_fields(RequestCode::get_consumer_list_by_group, {{"consumerGroup", "CG"}}));
  BOOST_TEST(list.body.view() == R"({"consumerIdList":["c1"]})");
  world.run(again->stop());
}

BOOST_AUTO_TEST_CASE(heartbeats_of_five_may_leave_the_subscriptions_out_when_nothing_has_changed) {
  start();
  std::string full = heartbeat("c1", "CG", "T");
  full.insert(1, R"("heartbeatFingerprint":77,"withoutSub":false,)");
  auto beat = [&](int fingerprint) {
    const std::string body =
        R"({"clientID":"c1","consumerDataSet":[{"groupName":"CG"}],"heartbeatFingerprint":)" +
        std::to_string(fingerprint) + R"(,"producerDataSet":[],"withoutSub":true})";
    return text(ask(RemotingCommand::request(RequestCode::heart_beat, Body(body))),
                "IS_SUB_CHANGE");
  };
  BOOST_TEST(beat(77) == "true");  // a full one is needed first
  RemotingCommand answer = ask(RemotingCommand::request(RequestCode::heart_beat, Body(full)));
  BOOST_TEST(text(answer, "IS_SUPPORT_HEART_BEAT_V2") == "true");
  BOOST_TEST(text(answer, "IS_SUB_CHANGE") == "false");
  BOOST_TEST(beat(77) == "false");
  BOOST_TEST(beat(78) == "true");
  RemotingCommand pull = pull_request("%RETRY%CG", 0, 0);  // the subscriptions stand
  remoting::PullMessageHeader header =
      *remoting::read_header<remoting::PullMessageHeader>(pull.fields);
  header.sys_flag = 0;
  header.sub_version = 1;
  BOOST_TEST((ask(RemotingCommand::request(RequestCode::pull_message, header)).response_code() ==
              ResponseCode::pull_not_found));
}

BOOST_AUTO_TEST_CASE(without_enable_property_filter_only_tags_are_said_to_be_supported) {
  start();
  auto check = [&](const std::string& type) {
    const std::string body =
        R"({"clientId":"c","group":"CG","subscriptionData":{"topic":"T","subString":"a = 1",)"
        R"("expressionType":")" +
        type + R"("}})";
    return ask(RemotingCommand::request(RequestCode::check_client_config, Body(body)));
  };
  BOOST_TEST((check("TAG").response_code() == ResponseCode::success));
  RemotingCommand refused = check("SQL92");
  BOOST_TEST((refused.response_code() == ResponseCode::system_error));
  BOOST_TEST(refused.remark == "The broker does not support consumer to filter message by SQL92");
}

BOOST_AUTO_TEST_CASE(a_group_without_consumers_is_said_to_have_none) {
  start();
  RemotingCommand list =
      ask(with_fields(RequestCode::get_consumer_list_by_group, {{"consumerGroup", "X"}}));
  BOOST_TEST((list.response_code() == ResponseCode::system_error));
  BOOST_TEST(list.remark == "no consumer for this group, X");
}

BOOST_AUTO_TEST_CASE(heartbeats_without_a_client_id_are_refused) {
  start();
  for (const char* body :
       {"", "x", "[]", "{}", R"({"clientID":""})", R"({"producerDataSet":[]})"}) {
    RemotingCommand answer =
        ask(RemotingCommand::request(RequestCode::heart_beat, Body(std::string(body))));
    BOOST_TEST((answer.response_code() == ResponseCode::system_error), body);
  }
}

BOOST_AUTO_TEST_CASE(heartbeats_with_sets_of_another_type_register_nobody) {
  start();
  const std::string body =
      R"({"clientID":"c","consumerDataSet":7,"producerDataSet":{"groupName":"PG"}})";
  RemotingCommand answer = ask(RemotingCommand::request(RequestCode::heart_beat, Body(body)));
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(notified_groups.empty());
}

BOOST_AUTO_TEST_CASE(consumer_offsets_are_kept_over_a_restart_and_a_kill) {
  start();
  ask(send_request("T", "one"));
  auto commit = [&](int offset) {
    return ask(with_fields(RequestCode::update_consumer_offset,
                           {{"consumerGroup", "CG"},
                            {"topic", "T"},
                            {"queueId", "0"},
                            {"commitOffset", std::to_string(offset)}}));
  };
  auto query = [&] {
    return text(ask(with_fields(RequestCode::query_consumer_offset,
                                {{"consumerGroup", "CG"}, {"topic", "T"}, {"queueId", "0"}})),
                "offset");
  };
  BOOST_TEST(query() == "0");  // new group, young queue
  BOOST_TEST((commit(1).response_code() == ResponseCode::success));
  BOOST_TEST(query() == "1");
  stop();
  start();
  BOOST_TEST(query() == "1");
  BOOST_TEST((ask(with_fields(RequestCode::update_consumer_offset, {{"consumerGroup", "CG"},
                                                                    {"topic", "no-such"},
                                                                    {"queueId", "0"},
                                                                    {"commitOffset", "1"}}))
                  .response_code() == ResponseCode::topic_not_exist));
}

BOOST_AUTO_TEST_CASE(a_negative_offset_is_no_offset_wherever_it_comes_from) {
  start();
  for (int i = 0; i < 3; ++i) ask(send_request("T", "m"));
  const auto commit = [&](const std::string& offset) {
    return ask(with_fields(
        RequestCode::update_consumer_offset,
        {{"consumerGroup", "CG"}, {"topic", "T"}, {"queueId", "0"}, {"commitOffset", offset}}));
  };
  const auto query = [&](const std::string& group) {
    const RemotingCommand answer =
        ask(with_fields(RequestCode::query_consumer_offset, {{"consumerGroup", group},
                                                             {"topic", "T"},
                                                             {"queueId", "0"},
                                                             {"setZeroIfNotFound", "false"}}));
    return answer.code == 0 ? text(answer, "offset") : std::to_string(answer.code);
  };
  const auto all = [&] {
    return ask_helper(RemotingCommand::request(RequestCode::get_all_consumer_offset))
        .body.to_string();
  };
  const std::string not_found = std::to_string(static_cast<int>(ResponseCode::query_not_found));
  for (const std::string offset : {"-1", "-2", "-9223372036854775808"}) {
    BOOST_TEST((commit(offset).response_code() == ResponseCode::success), offset);
    BOOST_TEST(query("CG") == not_found, offset);
  }
  // With a pull, too; and it does not undo what was committed before.
  remoting::PullMessageHeader header;
  header.consumer_group = "CG";
  header.topic = "T";
  header.max_msg_nums = 32;
  header.sys_flag = remoting::pull_sys_flag::kSubscription | remoting::pull_sys_flag::kCommitOffset;
  header.subscription = "*";
  header.commit_offset = -1;
  ask(RemotingCommand::request(RequestCode::pull_message, header));
  BOOST_TEST(query("CG") == not_found);
  BOOST_TEST(offset_table(all()) == R"({"offsetTable":{}})");
  commit("2");
  commit("-1");
  ask(RemotingCommand::request(RequestCode::pull_message, header));
  BOOST_TEST(query("CG") == "2");
  stop();
  BOOST_TEST(!write_file_atomically(directory.path() + "/config/consumerOffset.json",
                                    R"({"offsetTable":{"T@CG":{"0":-1,"1":1},)"
                                    R"("T@OLD":{"0":-9223372036854775808}}})",
                                    false));
  start();
  BOOST_TEST(query("CG") == not_found);
  BOOST_TEST(query("OLD") == not_found);
  BOOST_TEST(offset_table(all()) == R"({"offsetTable":{"T@CG":{1:1}}})");
  ask(with_fields(
      RequestCode::clone_group_offset,
      {{"srcGroup", "OLD"}, {"destGroup", "COPY"}, {"topic", "T"}, {"offline", "true"}}));
  BOOST_TEST(query("COPY") == not_found);
}

BOOST_AUTO_TEST_CASE(a_damaged_state_file_is_replaced_by_its_backup) {
  start();
  ask(send_request("T1", "one"));
  ask(send_request("T2", "two"));
  stop();
  const std::string file = directory.path() + "/config/topics.json";
  BOOST_TEST(!write_file_atomically(file, "{damaged", false));
  start();
  BOOST_TEST((bodies(ask(pull_request("T1", 0, 0))) == std::vector<std::string>{"one"}));
  stop();
  BOOST_TEST(!write_file_atomically(file, "{damaged", false));
  BOOST_TEST(!write_file_atomically(file + ".bak", "", false));
  BOOST_CHECK_EXCEPTION(start(), Error, [&](const Error& error) {
    return std::string(error.what()).find(file) != std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()
