// Registrations are read in one pass or, if they are unusual, in a patient way: with the same
// result.

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

#include "comet/routing/topic_config.hpp"

using comet::Result;
using namespace comet::routing;

namespace {

RegisterBrokerBody many_topics() {
  RegisterBrokerBody body;
  body.topic_config.data_version.counter = 9;
  body.filter_servers = {"10.0.0.9:1"};
  for (int i = 0; i < 5; ++i) {
    TopicConfig topic;
    topic.topic_name = "topic-" + std::to_string(i);
    topic.read_queue_nums = i;
    topic.perm = i;
    topic.order = i % 2 == 0;
    if (i == 3) topic.attributes["+message.type"] = "FIFO";
    body.topic_config.topics[topic.topic_name] = topic;
  }
  return body;
}

// What the patient reader makes of it: a member that the quick one does not know sends the text
// there.
Result<RegisterBrokerBody> read_patiently(std::string json) {
  const std::string table = "\"topicConfigTable\":{";
  const std::size_t at = json.find(table);
  if (at == std::string::npos) return parse_register_broker_body(json);
  json.insert(at + table.size(), "\"\\u0000\":1,");
  return parse_register_broker_body(json);
}

TopicConfig read_one(const std::string& members) {
  const auto body = parse_register_broker_body(
      R"({"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{)" + members + "}}}}");
  BOOST_REQUIRE(body);
  BOOST_REQUIRE(body->topic_config.topics.contains("T"));
  return body->topic_config.topics.at("T");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plain_topics)

BOOST_AUTO_TEST_CASE(what_has_been_written_is_read) {
  const RegisterBrokerBody body = many_topics();
  const auto read = parse_register_broker_body(to_json(body));
  BOOST_REQUIRE(read);
  BOOST_TEST((read->topic_config.topics == body.topic_config.topics));
  BOOST_TEST(read->topic_config.data_version.counter == 9);
  BOOST_TEST(read->filter_servers.at(0) == "10.0.0.9:1");
}

BOOST_AUTO_TEST_CASE(unusual_values_mean_what_they_mean_to_java) {
  BOOST_TEST(read_one(R"("readQueueNums":"7")").read_queue_nums == 7);
  BOOST_TEST(read_one(R"("readQueueNums":null)").read_queue_nums == 16);
  BOOST_TEST(read_one(R"("readQueueNums":1e1)").read_queue_nums == 10);
  BOOST_TEST(read_one(R"("readQueueNums":99999999999)").read_queue_nums == 2147483647);
  BOOST_TEST(read_one(R"("order":"true")").order);
  BOOST_TEST(read_one(R"("other":[{"a":1}],"perm":4)").perm == 4);
  BOOST_TEST(read_one(R"( "perm" : 4 , "order" : true )").perm == 4);
  BOOST_TEST(read_one(R"("topicFilterType":"MULTI\u005fTAG")").topic_filter_type == "MULTI_TAG");
}

BOOST_AUTO_TEST_CASE(whether_a_text_is_read_quickly_or_patiently_makes_no_difference) {
  const unsigned seed = std::random_device{}();
  BOOST_TEST_CONTEXT("seed " << seed) {
    std::mt19937 random(seed);
    const std::string original = to_json(many_topics());
    const std::string alphabet = "{}[]\",:0123456789-e.truefalsn \\x\xc3";
    for (int round = 0; round < 5000; ++round) {
      std::string text = original;
      for (int change = 0; change < 1 + round % 3; ++change) {
        const std::size_t at = random() % text.size();
        switch (random() % 3) {
          case 0:
            text[at] = alphabet[random() % alphabet.size()];
            break;
          case 1:
            text.erase(at, 1);
            break;
          default:
            text.insert(at, 1, alphabet[random() % alphabet.size()]);
        }
      }
      const auto quick = parse_register_broker_body(text);
      const auto patient = read_patiently(text);
      // The inserted member may end up in something that was no object.
      if (text.find("\"topicConfigTable\":{") == std::string::npos) continue;
      BOOST_TEST_CONTEXT(text) {
        BOOST_REQUIRE(quick.has_value() == patient.has_value());
        if (quick) BOOST_REQUIRE((quick->topic_config.topics == patient->topic_config.topics));
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
