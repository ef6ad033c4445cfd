// Administrators move groups: by asking their consumers, here, by cloning and by comparing.

#include "admin_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class OffsetChanges : public AdminFixture {
 public:
  // T with one queue and three messages, 10 s apart.
  void fill() {
    start();
    create_topic("T", 1);
    for (int i = 0; i < 3; ++i) {
      times.push_back(world.time.wall_millis());
      ask(send_request("T", "m" + std::to_string(i)));
      world.pass(10s);
    }
  }
  RemotingCommand reset_request(std::int64_t timestamp, bool is_force = true) {
    RemotingCommand request = with_fields(RequestCode::invoke_broker_to_reset_offset,
                                          {{"topic", "T"},
                                           {"group", "CG"},
                                           {"timestamp", std::to_string(timestamp)},
                                           {"isForce", is_force ? "true" : "false"}});
    request.language = remoting::Language::java;
    return request;
  }
  RemotingCommand reset(std::int64_t timestamp, bool is_force = true) {
    return ask(reset_request(timestamp, is_force));
  }
  static std::string table(std::int64_t offset) {
    return R"({"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:)" +
           std::to_string(offset) + "}}";
  }
  std::vector<std::int64_t> times;
};

}  // namespace

namespace {

class ResetAtClients : public OffsetChanges {
 public:
  ResetAtClients() { config.server_side_reset = false; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reset_at_clients, ResetAtClients)

BOOST_AUTO_TEST_CASE(every_client_of_the_group_is_told_the_new_offsets) {
  fill();
  commit("CG", "T", 0, 3);
  ConsumerClient one(*this, "c1"), two(*this, "c2");
  one.connect();
  two.connect();
  one.asked.clear();
  const RemotingCommand answer = reset(times[1]);
  BOOST_TEST(answer.code == 0, answer.remark);
  BOOST_TEST(answer.body.view() == table(1));
  world.settle();
  for (const ConsumerClient* consumer : {&one, &two}) {
    BOOST_TEST_REQUIRE(consumer->asked.size() == 1u);
    const RemotingCommand& asked = consumer->asked[0];
    BOOST_TEST((asked.request_code() == RequestCode::reset_consumer_client_offset));
    BOOST_TEST(asked.is_oneway());
    BOOST_TEST(text(asked, "topic") == "T");
    BOOST_TEST(text(asked, "group") == "CG");
    BOOST_TEST(text(asked, "timestamp") == std::to_string(times[1]));
    BOOST_TEST(asked.body.view() == table(1));
  }
  BOOST_TEST(committed("CG", "T", 0) == "3");  // the consumers commit the rest
}

BOOST_AUTO_TEST_CASE(each_member_is_told_in_the_form_that_its_language_reads) {
  fill();
  commit("CG", "T", 0, 3);
  ConsumerClient java(*this, "c1");
  java.connect();
  ConsumerClient cpp(*this, "c2");
  cpp.language = remoting::Language::cpp;
  cpp.connect();
  java.asked.clear();
  BOOST_TEST(reset(times[0]).body.view() == table(0));
  world.settle();
  BOOST_TEST_REQUIRE(java.asked.size() == 1u);
  BOOST_TEST(java.asked[0].body.view() == table(0));
  BOOST_TEST_REQUIRE(cpp.asked.size() == 1u);
  BOOST_TEST(cpp.asked[0].body.view() ==
             R"({"offsetTable":[{"brokerName":"broker-a","offset":0,"queueId":0,"topic":"T"}]})");
}

BOOST_AUTO_TEST_CASE(without_force_a_group_goes_only_back_and_minus_one_is_the_end) {
  fill();
  commit("CG", "T", 0, 1);
  ConsumerClient consumer(*this, "c1");
  consumer.connect();
  BOOST_TEST(reset(times[2], false).body.view() == table(1));
  BOOST_TEST(reset(times[2], true).body.view() == table(2));
  BOOST_TEST(reset(times[0], false).body.view() == table(0));
  BOOST_TEST(reset(-1).body.view() == table(3));
}

BOOST_AUTO_TEST_CASE(what_stands_in_the_way_is_said_in_apaches_words) {
  fill();
  RemotingCommand answer = reset(0);
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "THe consumer group <CG> not exist");
  commit("CG", "T", 0, 1);
  answer = reset(5);
  BOOST_TEST((answer.response_code() == ResponseCode::consumer_not_online));
  BOOST_TEST(answer.remark ==
             "Consumer not online, so can not reset offset, Group: CG Topic: T Timestamp: 5");
  ConsumerClient old(*this, "c1");
  old.version = 27;
  old.connect();
  answer = reset(0);
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "the client does not support this feature. version=V3_0_6");
  BOOST_TEST(old.asked.empty());
  RemotingCommand unknown = reset_request(0);
  unknown.fields.add("topic", "none");
  answer = ask(std::move(unknown));
  BOOST_TEST(answer.remark ==
             "[reset-offset] reset offset failed, no topic in this broker. topic=none");
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

class ServerSideReset : public OffsetChanges {
 public:
  RemotingCommand pull(std::int64_t offset, std::int64_t suspend = 0) {
    return ask(pull_request("T", 0, offset, suspend));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reset_at_the_broker, ServerSideReset)

BOOST_AUTO_TEST_CASE(an_offline_group_is_moved_and_learns_it_at_its_next_pull) {
  fill();
  commit("CG", "T", 0, 3);
  BOOST_TEST(reset(times[1]).body.view() == table(1));
  BOOST_TEST(committed("CG", "T", 0) == "1");
  // What a consumer commits that does not know yet counts for nothing.
  const RemotingCommand late =
      ask_with(RequestCode::update_consumer_offset,
               {{"consumerGroup", "CG"}, {"topic", "T"}, {"queueId", "0"}, {"commitOffset", "3"}});
  BOOST_TEST(late.code == 0);
  BOOST_TEST(late.remark == "Offset has been previously reset");
  BOOST_TEST(committed("CG", "T", 0) == "1");
  const RemotingCommand told = pull(3);
  BOOST_TEST((told.response_code() == ResponseCode::pull_offset_moved));
  BOOST_TEST(told.remark == "OFFSET_RESET");
  BOOST_TEST(text(told, "nextBeginOffset") == "1");
  BOOST_TEST(text(told, "minOffset") == "0");
  BOOST_TEST(text(told, "maxOffset") == "3");
  BOOST_TEST(text(told, "suggestWhichBrokerId") == "0");
  BOOST_TEST((bodies(pull(1)) == std::vector<std::string>{"m1", "m2"}));
  commit("CG", "T", 0, 2);
  BOOST_TEST(committed("CG", "T", 0) == "2");
}

BOOST_AUTO_TEST_CASE(a_pull_that_waits_is_told_at_once) {
  fill();
  commit("CG", "T", 0, 3);
  const auto waiting = begin(pull_request("T", 0, 3, 15'000));
  BOOST_TEST(waiting->empty());
  BOOST_TEST(reset(times[0]).code == 0);
  world.settle();
  BOOST_TEST_REQUIRE(waiting->size() == 1u);
  BOOST_TEST((*waiting)[0].remark == "OFFSET_RESET");
  BOOST_TEST(text((*waiting)[0], "nextBeginOffset") == "0");
}

BOOST_AUTO_TEST_CASE(one_queue_can_be_moved_to_an_offset_within_it) {
  fill();
  commit("CG", "T", 0, 0);
  const auto move = [&](const std::string& queue, const std::string& offset) {
    RemotingCommand request = reset_request(0);
    request.fields.add("queueId", queue);
    request.fields.add("offset", offset);
    return ask(std::move(request));
  };
  BOOST_TEST(move("0", "2").body.view() == table(2));
  BOOST_TEST(committed("CG", "T", 0) == "2");
  BOOST_TEST(move("0", "4").remark == "Target offset 4 not in consume queue range [0-3]");
  BOOST_TEST((move("9", "0").response_code() == ResponseCode::system_error));
}

BOOST_AUTO_TEST_CASE(unknown_topics_and_groups_are_refused_as_5_x_does) {
  fill();
  RemotingCommand answer = reset(0);
  BOOST_TEST((answer.response_code() == ResponseCode::subscription_group_not_exist));
  BOOST_TEST(answer.remark == "Group CG does not exist");
  RemotingCommand unknown = reset_request(0);
  unknown.fields.add("topic", "none");
  answer = ask(std::move(unknown));
  BOOST_TEST((answer.response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST(answer.remark == "Topic none does not exist");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(comparing_and_cloning, OffsetChanges)

BOOST_AUTO_TEST_CASE(corrections_are_the_least_offsets_of_the_other_groups) {
  start();
  create_topic("T", 2);
  commit("A", "T", 0, 5);
  commit("A", "T", 1, 3);
  commit("B", "T", 0, 7);
  commit("C", "T", 0, 1);
  BOOST_TEST(body_of(RequestCode::query_correction_offset,
                     {{"filterGroups", "C"}, {"compareGroup", "none"}, {"topic", "T"}}) ==
             R"({"correctionOffsets":{0:5,1:3}})");
  // The group to compare is behind: nothing is to be corrected there.
  BOOST_TEST(body_of(RequestCode::query_correction_offset,
                     {{"filterGroups", "C,D"}, {"compareGroup", "C"}, {"topic", "T"}}) ==
             R"({"correctionOffsets":{0:9223372036854775807,1:3}})");
  BOOST_TEST(committed("C", "T", 0) == "1");  // filtered, not forgotten
}

BOOST_AUTO_TEST_CASE(a_groups_offsets_are_cloned_for_a_topic_or_for_all) {
  start();
  create_topic("T", 2);
  create_topic("U", 1);
  commit("A", "T", 0, 5);
  commit("A", "T", 1, 3);
  commit("A", "U", 0, 9);
  const auto clone = [&](const std::string& to, const std::string& topic) {
    return ask_with(RequestCode::clone_group_offset,
                    {{"srcGroup", "A"}, {"destGroup", to}, {"topic", topic}, {"offline", "true"}});
  };
  BOOST_TEST(clone("B", "T").code == 0);
  BOOST_TEST(committed("B", "T", 1) == "3");
  BOOST_TEST(committed("B", "U", 0) == "0");
  BOOST_TEST(clone("C", "").code == 0);
  BOOST_TEST(committed("C", "T", 0) == "5");
  BOOST_TEST(committed("C", "U", 0) == "9");
  BOOST_TEST((clone("no good", "T").response_code() == ResponseCode::subscription_group_not_exist));
}

BOOST_AUTO_TEST_SUITE_END()
