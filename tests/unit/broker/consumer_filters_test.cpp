// consumerFilter.json in Apache's form, and filters on retry topics.

#include "subscriptions/consumer_filters.hpp"
#include "admin_fixture.hpp"
#include "comet/base/files.hpp"
#include "subscriptions/bloom_filter.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class FilterFile : public AdminFixture {
 public:
  FilterFile() { config.property_filter = true; }
  std::string path() { return directory.path() + "/config/consumerFilter.json"; }
  // Without the checksum.
  std::string content() {
    const std::string text = *read_file(path());
    return text.substr(0, text.find('\n'));
  }
  void write(const std::string& text) {
    BOOST_TEST_REQUIRE(!write_file_atomically(path(), text, false));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(bloom_filter)

BOOST_AUTO_TEST_CASE(the_hash_is_murmur3) {
  BOOST_TEST(broker::murmur3("") == 0u);
  BOOST_TEST(broker::murmur3("The quick brown fox jumps over the lazy dog") == 0xe34bbc7bbc071b6cu);
}

BOOST_AUTO_TEST_CASE(places_are_three_of_112_as_by_apaches_defaults) {
  const broker::BloomPlaces places = broker::bloom_places("CG#T");
  BOOST_TEST(places.bit_count == 112);
  BOOST_TEST(places.bits.size() == 3u);
  for (const std::int32_t bit : places.bits) BOOST_TEST((bit >= 0 && bit < 112));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(filter_file, FilterFile)

BOOST_AUTO_TEST_CASE(a_groups_expression_is_written_as_apaches_broker_does) {
  start();
  ConsumerClient consumer(*this, "c1");
  const std::int64_t born = world.time.wall_millis();
  consumer.connect("T", "a > 1", "SQL92", 9);
  const broker::BloomPlaces places = broker::bloom_places("CG#T");
  const std::string bits = std::to_string(places.bits[0]) + "," + std::to_string(places.bits[1]) +
                           "," + std::to_string(places.bits[2]);
  const auto expected = [&](bool is_dead, std::int64_t dead) {
    return R"({"filterDataByTopic":{"T":{"groupFilterData":{"CG":{"bloomFilterData":)"
           R"({"bitNum":112,"bitPos":[)" +
           bits + R"(]},"bornTime":)" + std::to_string(born) +
           R"(,"clientVersion":9,"consumerGroup":"CG","dead":)" + (is_dead ? "true" : "false") +
           R"(,"deadTime":)" + std::to_string(dead) +
           R"(,"expression":"a > 1","expressionType":"SQL92","topic":"T"}},"topic":"T"}}})";
  };
  world.pass(10s);
  BOOST_TEST(content() == expected(false, 0));
  consumer.disconnect();
  const std::int64_t dead = world.time.wall_millis();
  world.pass(10s);
  BOOST_TEST(content() == expected(true, dead));
  // Whoever comes back with the same is as before; after a day without, it is forgotten.
  consumer.connect("T", "a > 1", "SQL92", 9);
  world.pass(10s);
  BOOST_TEST(content() == expected(false, 0));
  consumer.disconnect();
  world.pass(25h);
  BOOST_TEST(content() == R"({"filterDataByTopic":{}})");
}

BOOST_AUTO_TEST_CASE(tags_and_expressions_that_do_not_parse_are_not_written) {
  start();
  ConsumerClient tags(*this, "c1", "G1"), wrong(*this, "c2", "G2");
  tags.connect("T", "A || B");
  wrong.connect("T", "a >", "SQL92");
  world.pass(10s);
  BOOST_TEST(!read_file(path()));
}

BOOST_AUTO_TEST_CASE(a_newer_expression_replaces_an_older_one_and_not_the_reverse) {
  VirtualTime time;
  TempDirectory files;
  broker::ConsumerFilters filters(files.path(), time);
  const auto subscribe = [&](const std::string& expression, std::int64_t version) {
    filters.subscribe("CG",
                      {broker::Subscription::from_expression("T", "SQL92", expression, version)});
  };
  subscribe("a > 1", 5);
  subscribe("a > 2", 4);
  BOOST_TEST(filters.describe("T", "CG").find("a > 1") != std::string::npos);
  subscribe("a > 3", 6);
  BOOST_TEST(filters.describe("T", "CG").find("a > 3") != std::string::npos);
  // A topic that the group has left is dead.
  filters.subscribe("CG", {broker::Subscription::from_expression("U", "SQL92", "b = 1", 6)});
  BOOST_TEST(filters.describe("T", "CG").find(R"("dead":true)") != std::string::npos);
  BOOST_TEST(filters.describe("U", "CG").find(R"("dead":false)") != std::string::npos);
  BOOST_TEST(filters.describe("U", "other") == "null");
}

BOOST_AUTO_TEST_CASE(what_apaches_broker_has_left_is_read_and_dead_until_its_group_comes) {
  const std::string data =
      R"({"filterDataByTopic":{"T":{"groupFilterData":{"CG":{"bloomFilterData":{"bitNum":112,)"
      R"("bitPos":[1,2,3]},"bornTime":1600000000000,"clientVersion":9,"consumerGroup":"CG",)"
      R"("dead":false,"deadTime":0,"expression":"a > 1","expressionType":"SQL92","topic":"T"}},)"
      R"("topic":"T"}}})";
  write(data);
  VirtualTime time;
  broker::ConsumerFilters filters(directory.path(), time);
  filters.load();
  BOOST_TEST(filters.describe("T", "CG").find(R"("deadTime":)" +
                                              std::to_string(time.wall_millis() - 30'000)) !=
             std::string::npos);
  filters.subscribe("CG", {broker::Subscription::from_expression("T", "SQL92", "a > 1", 9)});
  BOOST_TEST(filters.describe("T", "CG").find(R"("deadTime":0)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_without_a_backup_ends_the_start) {
  write(R"({"filterDataByTopic":{"T":7}})");
  BOOST_CHECK_THROW(start(), Error);
  broker.reset();
  client.reset();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(retry_topics, FilterFile)

BOOST_AUTO_TEST_CASE(messages_of_a_retry_topic_are_filtered_when_filter_support_retry_is_on) {
  config.filter_retry_topics = true;
  start();
  ConsumerClient consumer(*this, "c1");
  consumer.connect("T", "a > 1", "SQL92", 9);
  const auto send = [&](const std::string& body, const std::string& value) {
    const RemotingCommand answer = ask(send_request("%RETRY%CG", body, 0,
                                                    "RETRY_TOPIC\x01T\x02"
                                                    "a\x01" +
                                                        value));
    BOOST_TEST(answer.code == 0, answer.remark);
  };
  send("small", "1");
  send("great", "2");
  const RemotingCommand other = ask(send_request("%RETRY%CG", "elsewhere", 0,
                                                 "RETRY_TOPIC\x01U\x02"
                                                 "a\x01"
                                                 "0"));
  BOOST_TEST(other.code == 0);
  BOOST_TEST((bodies(ask(pull_request("%RETRY%CG", 0, 0))) ==
              std::vector<std::string>{"great", "elsewhere"}));
  BOOST_TEST(ask_body(RequestCode::update_broker_config, "filterSupportRetry=false").code == 0);
  BOOST_TEST(bodies(ask(pull_request("%RETRY%CG", 0, 0))).size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
