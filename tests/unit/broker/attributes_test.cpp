// Attributes of topics and groups (5.x): kept, answered, and refused where nothing honours them.

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "broker_fixture.hpp"
#include "tables/attributes.hpp"

using namespace comet;
using namespace comet::test;

namespace {

class AttributesFixture : public BrokerFixture {
 public:
  RemotingCommand make(const std::string& attributes, std::int32_t version = 513) {
    RemotingCommand request = RemotingCommand::request(RequestCode::update_and_create_topic);
    request.version = version;
    for (const auto& [name, value] :
         {std::pair("topic", std::string("T")), std::pair("defaultTopic", std::string("TBW102")),
          std::pair("readQueueNums", std::string("1")),
          std::pair("writeQueueNums", std::string("1")), std::pair("perm", std::string("6")),
          std::pair("topicFilterType", std::string("SINGLE_TAG")),
          std::pair("attributes", attributes)}) {
      request.fields.add(name, value);
    }
    return ask(std::move(request));
  }
  std::string attributes_of_topic() {
    RemotingCommand request = RemotingCommand::request(RequestCode::get_topic_config);
    request.fields.add("topic", "T");
    const auto body = boost::json::parse(ask(std::move(request)).body.view());
    const auto* attributes = body.as_object().if_contains("attributes");
    return attributes == nullptr ? "" : boost::json::serialize(*attributes);
  }
  RemotingCommand make_group(const std::string& attributes) {
    return ask(RemotingCommand::request(
        RequestCode::update_and_create_subscriptiongroup,
        Body(R"({"groupName":"G","retryMaxTimes":3,"attributes":)" + attributes + "}")));
  }
  std::string attributes_of_group() {
    RemotingCommand request = RemotingCommand::request(RequestCode::get_subscriptiongroup_config);
    request.fields.add("group", "G");
    const auto body = boost::json::parse(ask(std::move(request)).body.view());
    return boost::json::serialize(body.at("attributes"));
  }
};

bool is_success(const RemotingCommand& answer) {
  return answer.response_code() == ResponseCode::success;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(attributes, AttributesFixture)

BOOST_AUTO_TEST_CASE(a_topics_attributes_are_kept_answered_and_there_after_a_restart) {
  start();
  BOOST_TEST(is_success(make("+message.type=DELAY,+queue.type=SimpleCQ")));
  const std::string kept = R"({"message.type":"DELAY","queue.type":"SimpleCQ"})";
  BOOST_TEST(attributes_of_topic() == kept);
  BOOST_TEST(is_success(make("")));  // says nothing of them
  BOOST_TEST(attributes_of_topic() == kept);
  stop();
  start();
  BOOST_TEST(attributes_of_topic() == kept);
  const auto all = ask(RemotingCommand::request(RequestCode::get_all_topic_config));
  BOOST_TEST(all.body.view().find(kept) != std::string_view::npos);
  BOOST_TEST(is_success(make("+message.type=FIFO")));
  BOOST_TEST(is_success(make("-message.type")));
  BOOST_TEST(attributes_of_topic() == R"({"queue.type":"SimpleCQ"})");
}

BOOST_AUTO_TEST_CASE(
    attributes_that_are_wrong_or_that_nothing_honours_are_refused_with_the_reason) {
  start();
  const std::pair<const char*, const char*> refused[] = {
      {"message.type=DELAY", "neither +key=value nor -key"},
      {"+message.type", "neither +key=value nor -key"},
      {"+message.type=LATE", "value is not in set"},
      {"+no.such=1", "unsupported key: no.such"},
      {"-message.type", "only add attribute is supported"},
      {"+queue.type=BatchCQ", "nothing that honours it"},
      {"+cleanup.policy=COMPACTION", "nothing that honours it"},
      {"+message.type=LITE", "nothing that honours it"},
      {"+message.type=DELAY,+message.type=FIFO", "duplication"}};
  for (const auto& [attributes, reason] : refused) {
    const RemotingCommand answer = make(attributes);
    BOOST_TEST((answer.response_code() == ResponseCode::system_error), attributes);
    BOOST_TEST(answer.remark.find(reason) != std::string::npos,
               attributes << ": " << answer.remark);
  }
  BOOST_TEST(is_success(make("+cleanup.policy=DELETE")));
  BOOST_TEST(make("+cleanup.policy=DELETE").remark.find("unchangeable") != std::string::npos);
  BOOST_TEST(make("-message.type").remark.find("nonexistent") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_groups_attributes_are_changes_too) {
  start();
  BOOST_TEST(is_success(make_group(R"({"+priority.factor":"50"})")));
  BOOST_TEST(attributes_of_group() == R"({"priority.factor":"50"})");
  BOOST_TEST(is_success(make_group("{}")));
  BOOST_TEST(attributes_of_group() == R"({"priority.factor":"50"})");
  for (const char* wrong : {R"({"+priority.factor":"101"})", R"({"+priority.factor":"x"})",
                            R"({"priority.factor":"1"})", R"({"+lite.sub.model":"Shared"})"}) {
    BOOST_TEST((make_group(wrong).response_code() == ResponseCode::system_error), wrong);
  }
  BOOST_TEST(is_success(make_group(R"({"-priority.factor":""})")));
  BOOST_TEST(attributes_of_group() == "{}");
}

BOOST_AUTO_TEST_CASE(a_wrong_topic_name_is_told_to_5_x_by_its_own_code) {
  start();
  for (const auto& [version, code] : {std::pair(513, ResponseCode::invalid_parameter),
                                      std::pair(409, ResponseCode::system_error)}) {
    RemotingCommand request = RemotingCommand::request(RequestCode::update_and_create_topic);
    request.version = version;
    for (const auto& [name, value] :
         {std::pair("topic", "a topic with blanks"), std::pair("defaultTopic", "TBW102"),
          std::pair("readQueueNums", "1"), std::pair("writeQueueNums", "1"), std::pair("perm", "6"),
          std::pair("topicFilterType", "SINGLE_TAG")}) {
      request.fields.add(name, value);
    }
    BOOST_TEST((ask(std::move(request)).response_code() == code), version);
  }
}

BOOST_AUTO_TEST_SUITE_END()
