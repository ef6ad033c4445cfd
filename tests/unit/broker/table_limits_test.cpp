// Names cost a peer nothing; how many of them a broker keeps is limited (docs/limits.md).

#include <filesystem>
#include <fstream>

#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;

namespace {

class FullTables : public BrokerFixture {
 public:
  // A file of that many entries, as a broker writes it.
  void write_config(const std::string& name, const std::string& table, int count,
                    const std::string& name_of_entry, const std::string& rest) {
    std::filesystem::create_directories(directory.path() + "/commitlog");
    std::filesystem::create_directories(directory.path() + "/config");
    std::ofstream file(directory.path() + "/config/" + name);
    file << R"({"dataVersion":{"counter":1,"timestamp":1},")" << table << "\":{";
    for (int i = 0; i < count; ++i) {
      const std::string entry = "entry-" + std::to_string(i);
      file << (i == 0 ? "" : ",") << '"' << entry << R"(":{")" << name_of_entry << R"(":")" << entry
           << '"' << rest << '}';
    }
    file << "}}";
  }
  ResponseCode create(const std::string& topic) {
    RemotingCommand request = RemotingCommand::request(RequestCode::update_and_create_topic);
    for (const auto& [name, value] :
         {std::pair("topic", topic.c_str()), std::pair("defaultTopic", "TBW102"),
          std::pair("readQueueNums", "1"), std::pair("writeQueueNums", "1"), std::pair("perm", "6"),
          std::pair("topicFilterType", "SINGLE_TAG")}) {
      request.fields.add(name, value);
    }
    return ask(std::move(request)).response_code();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(full_tables, FullTables)

BOOST_AUTO_TEST_CASE(of_200000_topics_all_can_be_used_and_none_is_added) {
  write_config("topics.json", "topicConfigTable", 200'000, "topicName",
               R"(,"perm":6,"readQueueNums":1,"writeQueueNums":1)");
  start();
  BOOST_TEST((ask(send_request("entry-199999", "x")).response_code() == ResponseCode::success));
  BOOST_TEST((ask(send_request("one-more", "x")).response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST((create("one-more") == ResponseCode::system_error));
  BOOST_TEST((create("entry-0") == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(of_100000_groups_none_is_added_on_first_use) {
  write_config("subscriptionGroup.json", "subscriptionGroupTable", 100'000, "groupName", "");
  start();
  ask(send_request("T", "x"));
  BOOST_TEST(
      (ask(pull_request("T", 0, 0)).response_code() == ResponseCode::subscription_group_not_exist));
}

BOOST_AUTO_TEST_CASE(offsets_are_kept_for_queues_that_can_be) {
  start();
  ask(send_request("T", "x"));
  const auto commit = [this](const std::string& queue) {
    RemotingCommand request = RemotingCommand::request(RequestCode::update_consumer_offset);
    for (const auto& [name, value] :
         {std::pair("consumerGroup", std::string("CG")), std::pair("topic", std::string("T")),
          std::pair("queueId", queue), std::pair("commitOffset", std::string("1"))}) {
      request.fields.add(name, value);
    }
    return ask(std::move(request)).response_code();
  };
  BOOST_TEST((commit("-1") == ResponseCode::system_error));
  BOOST_TEST((commit("65536") == ResponseCode::system_error));
  BOOST_TEST((commit("65535") == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(client_ids_and_the_names_in_locks_have_a_length) {
  start();
  const auto heart_beat = [this](std::size_t size) {
    const std::string body = R"({"clientID":")" + std::string(size, 'c') + R"("})";
    return ask(RemotingCommand::request(RequestCode::heart_beat, Body(body))).response_code();
  };
  BOOST_TEST((heart_beat(1024) == ResponseCode::success));
  BOOST_TEST((heart_beat(1025) == ResponseCode::system_error));
  const auto lock = [this](const std::string& client_id, const std::string& group,
                           const std::string& topic) {
    const std::string body = R"({"clientId":")" + client_id + R"(","consumerGroup":")" + group +
                             R"(","mqSet":[{"brokerName":"b","queueId":0,"topic":")" + topic +
                             R"("}]})";
    return ask(RemotingCommand::request(RequestCode::lock_batch_mq, Body(body)));
  };
  BOOST_TEST(
      (lock(std::string(1025, 'c'), "CG", "T").response_code() == ResponseCode::system_error));
  BOOST_TEST((lock("c", std::string(256, 'g'), "T").response_code() == ResponseCode::system_error));
  BOOST_TEST(lock("c", "CG", std::string(128, 't')).body.to_string() == R"({"lockOKMQSet":[]})");
  BOOST_TEST(lock("c", "CG", "T").body.to_string() ==
             R"({"lockOKMQSet":[{"brokerName":"b","queueId":0,"topic":"T"}]})");
}

BOOST_AUTO_TEST_SUITE_END()
