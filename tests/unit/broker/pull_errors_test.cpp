// Pulls that are refused, in the order in which the broker looks, and pulls with numbers that no
// client should send.

#include <limits>

#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class PullErrors : public BrokerFixture {
 public:
  void create(const std::string& topic, int perm = 6) {
    RemotingCommand request = RemotingCommand::request(RequestCode::update_and_create_topic);
    for (const auto& [name, value] :
         {std::pair("topic", topic), std::pair("defaultTopic", std::string("TBW102")),
          std::pair("readQueueNums", std::string("2")),
          std::pair("writeQueueNums", std::string("2")), std::pair("perm", std::to_string(perm)),
          std::pair("topicFilterType", std::string("SINGLE_TAG"))}) {
      request.fields.add(name, value);
    }
    BOOST_TEST((ask(std::move(request)).response_code() == ResponseCode::success));
  }
  void heart_beat(const std::string& topic, std::int64_t version,
                  const std::string& model = "CLUSTERING") {
    const std::string body =
        R"({"clientID":"c","consumerDataSet":[{"groupName":"CG","consumeType":"CONSUME_PASSIVELY","messageModel":")" +
        model +
        R"(","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[{"topic":")" +
        topic + R"(","subString":"*","subVersion":)" + std::to_string(version) + "}]}]}";
    BOOST_TEST(
        (ask(RemotingCommand::request(RequestCode::heart_beat, Body(body))).response_code() ==
         ResponseCode::success));
  }
  void set_group(const std::string& body) {
    BOOST_TEST(
        (ask(RemotingCommand::request(RequestCode::update_and_create_subscriptiongroup, Body(body)))
             .response_code() == ResponseCode::success));
  }
  // One that relies on the heartbeat's subscription.
  RemotingCommand plain_pull(const std::string& topic, std::int64_t sub_version = 0) {
    RemotingCommand with = pull_request(topic, 0, 0);
    auto header = *remoting::read_header<remoting::PullMessageHeader>(with.fields);
    header.sys_flag = 0;
    header.sub_version = sub_version;
    return RemotingCommand::request(RequestCode::pull_message, header);
  }
  void expect(RemotingCommand request, ResponseCode code, const std::string& remark) {
    const RemotingCommand answer = ask(std::move(request));
    BOOST_TEST((answer.response_code() == code), answer.code);
    BOOST_TEST(answer.remark.starts_with(remark), answer.remark);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pulls_that_are_refused, PullErrors)

BOOST_AUTO_TEST_CASE(a_broker_that_may_not_be_read_refuses_whatever_is_asked) {
  config.broker_permission = 2;
  start();
  expect(pull_request("no such topic", -1, -1), ResponseCode::no_permission,
         "the broker[10.9.9.9] pulling message is forbidden");
}

BOOST_AUTO_TEST_CASE(groups_come_before_topics_and_topics_before_queues) {
  config.auto_create_subscription_group = false;
  start();
  expect(pull_request("none", 99, 0), ResponseCode::subscription_group_not_exist,
         "subscription group [CG] does not exist");
  set_group(R"({"groupName":"CG","consumeEnable":false})");
  expect(pull_request("none", 99, 0), ResponseCode::no_permission,
         "subscription group no permission, CG");
  set_group(R"({"groupName":"CG"})");
  expect(pull_request("none", 99, 0), ResponseCode::topic_not_exist, "topic[none] not exist");
  create("writable", 2);
  expect(pull_request("writable", 99, 0), ResponseCode::no_permission,
         "the topic[writable] pulling message is forbidden");
}

BOOST_AUTO_TEST_CASE(queues_outside_the_topics_are_illegal) {
  start();
  create("T");
  for (const std::int32_t queue : {-1, 2, 99, std::numeric_limits<std::int32_t>::min(),
                                   std::numeric_limits<std::int32_t>::max()}) {
    expect(pull_request("T", queue, 0), ResponseCode::system_error,
           "queueId[" + std::to_string(queue) +
               "] is illegal, topic:[T] topicConfig.readQueueNums:[2] consumer:[/");
  }
}

BOOST_AUTO_TEST_CASE(without_an_expression_the_heartbeat_must_have_said_it_and_late_enough) {
  start();
  create("T");
  create("other");
  expect(plain_pull("T"), ResponseCode::subscription_not_exist,
         "the consumer's group info not exist");
  heart_beat("T", 10);
  expect(plain_pull("other"), ResponseCode::subscription_not_exist,
         "the consumer's subscription not exist");
  expect(plain_pull("T", 11), ResponseCode::subscription_not_latest,
         "the consumer's subscription not latest");
  expect(plain_pull("T", 10), ResponseCode::pull_not_found, "NO_MESSAGE_IN_QUEUE");
  heart_beat("T", 11);
  expect(plain_pull("T", 11), ResponseCode::pull_not_found, "NO_MESSAGE_IN_QUEUE");
}

BOOST_AUTO_TEST_CASE(broadcasting_may_be_forbidden_to_a_group) {
  start();
  create("T");
  set_group(R"({"groupName":"CG","consumeBroadcastEnable":false})");
  heart_beat("T", 1, "BROADCASTING");
  expect(plain_pull("T"), ResponseCode::no_permission,
         "the consumer group[CG] can not consume by broadcast way");
}

BOOST_AUTO_TEST_CASE(offsets_that_no_queue_has_are_moved_to_its_ends) {
  start();
  create("T");
  for (const char* body : {"one", "two"}) ask(send_request("T", body));
  struct Row {
    std::int64_t offset;
    ResponseCode code;
    std::string next;
  };
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::vector<Row> rows = {{kLeast, ResponseCode::pull_offset_moved, "0"},
                                 {-1, ResponseCode::pull_offset_moved, "0"},
                                 {2, ResponseCode::pull_not_found, "2"},
                                 {3, ResponseCode::pull_offset_moved, "2"},
                                 {kMost / 20, ResponseCode::pull_offset_moved, "2"},
                                 {kMost, ResponseCode::pull_offset_moved, "2"}};
  for (const Row& row : rows) {
    const RemotingCommand answer = ask(pull_request("T", 0, row.offset));
    BOOST_TEST((answer.response_code() == row.code), row.offset);
    BOOST_TEST(text(answer, "nextBeginOffset") == row.next, row.offset);
    BOOST_TEST(text(answer, "maxOffset") == "2");
  }
  // The queue beside it has never had a message.
  BOOST_TEST((ask(pull_request("T", 1, 0)).response_code() == ResponseCode::pull_not_found));
  for (const std::int64_t offset : {kLeast, std::int64_t{1}, kMost}) {
    const RemotingCommand answer = ask(pull_request("T", 1, offset));
    BOOST_TEST((answer.response_code() == ResponseCode::pull_offset_moved), offset);
    BOOST_TEST(text(answer, "nextBeginOffset") == "0");
  }
}

BOOST_AUTO_TEST_CASE(numbers_of_messages_that_make_no_sense_still_bring_some) {
  start();
  create("T");
  for (int i = 0; i < 40; ++i) ask(send_request("T", std::to_string(i)));
  const auto pulled = [this](const std::string& most) {
    RemotingCommand with = pull_request("T", 0, 0);
    remoting::Fields fields;
    for (std::size_t i = 0; i < with.fields.size(); ++i) {
      const auto [name, value] = with.fields[i];
      fields.add(name, name == "maxMsgNums" ? std::string_view(most) : value);
    }
    with.fields = std::move(fields);
    return bodies(ask(std::move(with))).size();
  };
  BOOST_TEST(pulled("0") == 1u);
  BOOST_TEST(pulled("-7") == 1u);
  BOOST_TEST(pulled("5") == 5u);
  BOOST_TEST(pulled("2147483647") == 32u);
}

BOOST_AUTO_TEST_CASE(the_lite_form_of_five_is_answered_alike) {
  start();
  create("T");
  ask(send_request("T", "one"));
  RemotingCommand lite = pull_request("T", 0, 0);
  lite.code = static_cast<std::int32_t>(RequestCode::lite_pull_message);
  const RemotingCommand answer = ask(std::move(lite));
  BOOST_TEST((bodies(answer) == std::vector<std::string>{"one"}));
  BOOST_TEST(text(answer, "nextBeginOffset") == "1");
  RemotingCommand refused = pull_request("none", 0, 0);
  refused.code = static_cast<std::int32_t>(RequestCode::lite_pull_message);
  BOOST_TEST((ask(std::move(refused)).response_code() == ResponseCode::topic_not_exist));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(offsets_of_aliens, PullErrors)

BOOST_AUTO_TEST_CASE(commits_for_what_is_not_there_are_refused_and_kept_by_nobody) {
  config.auto_create_subscription_group = false;
  start();
  create("T");
  const auto commit = [this](const std::string& group, const std::string& topic) {
    RemotingCommand request = RemotingCommand::request(RequestCode::update_consumer_offset);
    for (const auto& [name, value] :
         {std::pair("consumerGroup", group), std::pair("topic", topic),
          std::pair("queueId", std::string("0")), std::pair("commitOffset", std::string("5"))}) {
      request.fields.add(name, value);
    }
    return ask(std::move(request)).response_code();
  };
  BOOST_TEST((commit("CG", "none") == ResponseCode::topic_not_exist));
  BOOST_TEST((commit("CG", "T") == ResponseCode::subscription_group_not_exist));
  BOOST_TEST((commit("../x", "T") == ResponseCode::subscription_group_not_exist));
  set_group(R"({"groupName":"CG"})");
  BOOST_TEST((commit("CG", "T") == ResponseCode::success));
  const std::string all =
      ask(RemotingCommand::request(RequestCode::get_all_consumer_offset)).body.to_string();
  BOOST_TEST(offset_table(all) == R"({"offsetTable":{"T@CG":{0:5}}})");
}

BOOST_AUTO_TEST_CASE(queues_that_are_not_there_have_offsets_zero) {
  start();
  for (const RequestCode code : {RequestCode::get_max_offset, RequestCode::get_min_offset}) {
    for (const char* queue : {"-1", "0", "2147483647"}) {
      RemotingCommand request = RemotingCommand::request(code);
      request.fields.add("topic", "../../none");
      request.fields.add("queueId", queue);
      BOOST_TEST(text(ask(std::move(request)), "offset") == "0");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
