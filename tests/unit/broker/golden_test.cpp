// Answers byte for byte, as clients of other vendors read them. What may change with the version of
// the protocol or this project (language, version) is written here once.

#include <boost/asio/co_spawn.hpp>

#include "broker_fixture.hpp"
#include "raw_connection.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kOpaque = 7;

class Goldens : public BrokerFixture {
 public:
  ~Goldens() {
    if (connection) connection->close();
    world.settle();
  }
  void begin() {
    start();
    auto connecting = world.network.connect(config.listen_at, world.time.now() + 1s);
    connection = std::make_unique<RawConnection>(world.run(std::move(connecting)));
    auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(world.context, connection->read_all(), ignore);
  }
  // A request of Java's client 4.9.8. The answer: header, then "|" and the body if there is one.
  std::string answer_to(int code, const std::string& fields, const std::string& body = {}) {
    const std::string header = R"({"code":)" + std::to_string(code) + R"(,"extFields":{)" + fields +
                               R"(},"flag":0,"language":"JAVA","opaque":)" +
                               std::to_string(kOpaque) +
                               R"(,"serializeTypeCurrentRPC":"JSON","version":409})";
    connection->answers.clear();
    BOOST_TEST(world.run(connection->send(frame_bytes(header, body))));
    world.run_until([this] { return connection->answers.contains(kOpaque); });
    const RawConnection::Frame& frame = connection->answers.at(kOpaque);
    return frame.body.empty() ? frame.text : frame.text + "|" + frame.body;
  }
  std::string expected(int code, const std::string& fields, const std::string& remark = {},
                       const std::string& body = {}) {
    std::string text = R"({"code":)" + std::to_string(code) + R"(,"extFields":{)" + fields +
                       R"(},"flag":1,"language":"CPP","opaque":)" + std::to_string(kOpaque);
    if (!remark.empty()) text += R"(,"remark":")" + remark + "\"";
    text += R"(,"serializeTypeCurrentRPC":"JSON","version":)" + std::to_string(remoting::kVersion) +
            "}";
    return body.empty() ? text : text + "|" + body;
  }
  // The fields of a send to queue 2, with these properties.
  static std::string send_fields(const std::string& topic, const std::string& properties = {}) {
    return R"("a":"PG","b":")" + topic +
           R"(","c":"TBW102","d":"4","e":"2","f":"0","g":"1795218460496","h":"0","i":")" +
           properties + R"(","j":"0","k":"false","m":"false")";
  }
  static std::string pull_fields(const std::string& offset) {
    return R"("queueId":"2","maxMsgNums":"32","sysFlag":"4","suspendTimeoutMillis":"15000","commitOffset":"0","topic":"T1","queueOffset":")" +
           offset +
           R"(","subscription":"*","expressionType":"TAG","subVersion":"0","consumerGroup":"CG")";
  }

  std::unique_ptr<RawConnection> connection;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(golden_answers, Goldens)

BOOST_AUTO_TEST_CASE(sends) {
  begin();
  const std::string first = answer_to(310, send_fields("T1", R"(TAGS\u0001A)"), "body");
  BOOST_TEST(
      first ==
      expected(
          0,
          R"("msgId":"0A09090900002A9F0000000000000000","queueId":"2","queueOffset":"0","MSG_REGION":"DefaultRegion","TRACE_ON":"true")"));
  const std::string refused = answer_to(310, send_fields("SCHEDULE_TOPIC_XXXX"), "body");
  BOOST_TEST(refused == expected(16, R"("MSG_REGION":"DefaultRegion","TRACE_ON":"true")",
                                 "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden."));
}

BOOST_AUTO_TEST_CASE(pulls) {
  begin();
  answer_to(310, send_fields("T1", R"(TAGS\u0001A)"), "body");
  const std::string found = answer_to(11, pull_fields("0"));
  const std::string header = expected(
      0, R"("suggestWhichBrokerId":"0","nextBeginOffset":"1","minOffset":"0","maxOffset":"1")",
      "FOUND");
  BOOST_TEST(found.substr(0, header.size()) == header);
  const std::string record = found.substr(header.size() + 1);
  // Size and magic; queue and offsets; the body with its length; topic; properties.
  BOOST_TEST(load_be<std::int32_t>(record.data()) == static_cast<std::int32_t>(record.size()));
  BOOST_TEST(record.substr(4, 4) == "\xDA\xA3\x20\xA7");
  BOOST_TEST(record.substr(12, 4) == std::string("\0\0\0\x02", 4));
  BOOST_TEST(record.substr(20, 8) == std::string(8, '\0'));
  BOOST_TEST(record.substr(84) == std::string("\0\0\0\x04"
                                              "body\x02T1\0\x44",
                                              13) +
                                      "TAGS\x01"
                                      "A\x02"
                                      "MSG_REGION\x01"
                                      "DefaultRegion\x02"
                                      "TRACE_ON\x01"
                                      "true\x02"
                                      "CLUSTER\x01"
                                      "DefaultCluster");
  BOOST_TEST(
      answer_to(11, pull_fields("1000")) ==
      expected(
          21, R"("suggestWhichBrokerId":"0","nextBeginOffset":"1","minOffset":"0","maxOffset":"1")",
          "OFFSET_OVERFLOW_BADLY"));
  BOOST_TEST(
      answer_to(11, pull_fields("1")) ==
      expected(
          19, R"("suggestWhichBrokerId":"0","nextBeginOffset":"1","minOffset":"0","maxOffset":"1")",
          "OFFSET_OVERFLOW_ONE"));
}

BOOST_AUTO_TEST_CASE(offsets) {
  begin();
  answer_to(310, send_fields("T1"), "body");
  const std::string queue = R"("topic":"T1","queueId":"2")";
  const std::string group = R"("consumerGroup":"CG",)" + queue;
  BOOST_TEST(answer_to(30, queue) == expected(0, R"("offset":"1")"));
  BOOST_TEST(answer_to(31, queue) == expected(0, R"("offset":"0")"));
  BOOST_TEST(answer_to(30, R"("topic":"unknown","queueId":"0")") == expected(0, R"("offset":"0")"));
  BOOST_TEST(answer_to(14, group) == expected(0, R"("offset":"0")"));
  BOOST_TEST(answer_to(14, group + R"(,"setZeroIfNotFound":"false")") ==
             expected(22, "", "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first"));
  BOOST_TEST(answer_to(15, group + R"(,"commitOffset":"1")") == expected(0, ""));
  BOOST_TEST(answer_to(14, group) == expected(0, R"("offset":"1")"));
}

BOOST_AUTO_TEST_CASE(consumers) {
  begin();
  BOOST_TEST(answer_to(38, R"("consumerGroup":"CG")") ==
             expected(1, "", "no consumer for this group, CG"));
  const std::string heartbeat =
      R"({"clientID":"10.0.0.2@1#2","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"CG","messageModel":"CLUSTERING","subscriptionDataSet":[{"classFilterMode":false,"codeSet":[],"expressionType":"TAG","subString":"*","subVersion":1,"tagsSet":[],"topic":"T1"}],"unitMode":false}],"producerDataSet":[{"groupName":"PG"}]})";
  BOOST_TEST(answer_to(34, "", heartbeat) ==
             expected(0, R"("IS_SUPPORT_HEART_BEAT_V2":"true","IS_SUB_CHANGE":"false")"));
  world.pass(std::chrono::milliseconds(200));
  BOOST_REQUIRE(connection->requests.size() == 1u);
  const std::string notice = connection->requests[0].text;
  BOOST_TEST(notice.starts_with(R"({"code":40,"extFields":{"consumerGroup":"CG"},"flag":2,)"));
  BOOST_TEST(answer_to(38, R"("consumerGroup":"CG")") ==
             expected(0, "", "", R"({"consumerIdList":["10.0.0.2@1#2"]})"));
  const std::string locks =
      R"({"clientId":"10.0.0.2@1#2","consumerGroup":"CG","mqSet":[{"brokerName":"broker-a","queueId":2,"topic":"T1"}]})";
  BOOST_TEST(answer_to(41, "", locks) ==
             expected(0, "", "",
                      R"({"lockOKMQSet":[{"brokerName":"broker-a","queueId":2,"topic":"T1"}]})"));
  BOOST_TEST(answer_to(42, "", locks) == expected(0, ""));
  BOOST_TEST(
      answer_to(35, R"("clientID":"10.0.0.2@1#2","consumerGroup":"CG","producerGroup":"")") ==
      expected(0, ""));
}

BOOST_AUTO_TEST_CASE(messages_given_back) {
  begin();
  answer_to(310, send_fields("T1"), "body");
  const std::string fields =
      R"("group":"CG","delayLevel":"0","originMsgId":"x","originTopic":"T1","unitMode":"false","maxReconsumeTimes":"16","offset":)";
  BOOST_TEST(answer_to(36, fields + R"("0")") == expected(0, ""));
  BOOST_TEST(answer_to(36, fields + R"("99")") ==
             expected(1, "", "look message by offset failed, 99"));
}

BOOST_AUTO_TEST_CASE(unknown_codes) {
  begin();
  BOOST_TEST(answer_to(9999, "") == expected(3, "", " request type 9999 not supported"));
}

BOOST_AUTO_TEST_SUITE_END()
