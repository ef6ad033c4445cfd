#include "comet/routing/topic_config.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

#include "comet/base/body_error.hpp"
#include "comet/base/bytes.hpp"
#include "comet/message/compression.hpp"

using comet::append_be;
using comet::BodyErrc;
using comet::make_error_code;
using comet::routing::DataVersion;
using comet::routing::decode_compressed;
using comet::routing::encode_compressed;
using comet::routing::parse_data_version;
using comet::routing::parse_register_broker_body;
using comet::routing::parse_topic_config_table;
using comet::routing::RegisterBrokerBody;
using comet::routing::to_json;
using comet::routing::TopicConfig;

namespace {

constexpr std::size_t kLimit = 1 << 20;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

TopicConfig topic(std::string name, std::int32_t queues) {
  TopicConfig config;
  config.topic_name = std::move(name);
  config.read_queue_nums = queues;
  config.write_queue_nums = queues;
  return config;
}

// The registration of the reference's recorded vectors.
RegisterBrokerBody recorded_body() {
  RegisterBrokerBody body;
  body.topic_config.data_version.counter = 2;
  body.topic_config.data_version.timestamp = 1;
  body.topic_config.topics["T1"] = topic("T1", 4);
  return body;
}

constexpr std::string_view kRecordedDeflated =
    "78da63606090ae564ace2fcd2b492d52b232d2512ac9cc4d2d2e49cc2d50b232ac656060600462e1"
    "1043051320345308f6f473f7718d0f7174070a3345c7020008820ee1";

void append_counted(std::string& out, std::string_view text) {
  append_be<std::int32_t>(out, static_cast<std::int32_t>(text.size()));
  out += text;
}

// An inflated body with these topic strings and this tail.
std::string deflated(std::initializer_list<std::string_view> topics, std::string_view tail = {}) {
  std::string plain;
  append_counted(plain, R"({"counter":2,"timestamp":1})");
  append_be<std::int32_t>(plain, static_cast<std::int32_t>(topics.size()));
  for (const std::string_view text : topics) append_counted(plain, text);
  append_counted(plain, "[]");
  plain += tail;
  return comet::zlib_compress(plain, 6);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(topic_config)

BOOST_AUTO_TEST_CASE(a_registration_is_written_byte_for_byte_as_a_java_broker_does) {
  BOOST_TEST(
      to_json(recorded_body()) ==
      R"({"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":{"counter":2,"timestamp":1},)"
      R"("topicConfigTable":{"T1":{"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG",)"
      R"("topicName":"T1","topicSysFlag":0,"writeQueueNums":4}}}})");
}

BOOST_AUTO_TEST_CASE(members_of_5x_are_written_only_when_they_say_something) {
  DataVersion version;
  version.state_version = 3;
  version.counter = 2;
  version.timestamp = 1;
  BOOST_TEST(to_json(version) == R"({"counter":2,"stateVersion":3,"timestamp":1})");
  RegisterBrokerBody body = recorded_body();
  body.topic_config.topics["T1"].attributes["+message.type"] = "NORMAL";
  BOOST_TEST(to_json(body).find(R"("T1":{"attributes":{"+message.type":"NORMAL"},"order")") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_registration_reads_back) {
  RegisterBrokerBody body = recorded_body();
  body.filter_servers = {"a:1", "b:2"};
  body.topic_config.data_version.state_version = 9;
  TopicConfig& other = body.topic_config.topics["%RETRY%g"] = topic("%RETRY%g", 1);
  other.order = true;
  other.topic_sys_flag = 3;
  other.topic_filter_type = "MULTI_TAG";
  other.attributes["k"] = "v";
  const RegisterBrokerBody read = parse_register_broker_body(to_json(body)).value();
  BOOST_TEST((read.topic_config.data_version == body.topic_config.data_version));
  BOOST_TEST((read.topic_config.topics == body.topic_config.topics));
  BOOST_TEST(read.filter_servers == body.filter_servers, boost::test_tools::per_element());
  const auto table = parse_topic_config_table(to_json(body.topic_config)).value();
  BOOST_TEST((table.topics == body.topic_config.topics));
  BOOST_TEST((parse_data_version(to_json(table.data_version)).value() == table.data_version));
}

BOOST_AUTO_TEST_CASE(absent_members_have_javas_defaults) {
  const auto body =
      parse_register_broker_body(
          R"({"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{},"U":null,"V":{"topicName":"W"}},
          "mappingDataVersion":{},"topicQueueMappingInfoMap":{"T":{"currIdMap":{0:0}}}}})")
          .value();
  const auto& topics = body.topic_config.topics;
  BOOST_REQUIRE(topics.size() == 2u);
  TopicConfig expected = topic("T", 16);
  BOOST_TEST((topics.at("T") == expected));
  BOOST_TEST(topics.at("T").perm == 6);
  BOOST_TEST(topics.at("W").topic_name == "W");
  BOOST_TEST((body.topic_config.data_version == DataVersion()));
}

BOOST_AUTO_TEST_CASE(the_bare_table_of_very_old_brokers_is_read) {
  const auto body =
      parse_register_broker_body(R"({"dataVersion":{"counter":5},"topicConfigTable":{"T":{}}})")
          .value();
  BOOST_TEST(body.topic_config.data_version.counter == 5);
  BOOST_TEST(body.topic_config.topics.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_no_registration_is_an_error) {
  BOOST_TEST(parse_register_broker_body("[]").error() == make_error_code(BodyErrc::malformed));
  BOOST_TEST(parse_register_broker_body("{").has_error());
  BOOST_TEST(parse_data_version("1").error() == make_error_code(BodyErrc::malformed));
  BOOST_TEST(parse_topic_config_table("").has_error());
}

BOOST_AUTO_TEST_CASE(the_compressed_form_is_the_recorded_one) {
  const std::string recorded = from_hex(kRecordedDeflated);
  const auto body = decode_compressed(recorded, false, kLimit).value();
  BOOST_TEST((body.topic_config.data_version == recorded_body().topic_config.data_version));
  BOOST_TEST((body.topic_config.topics == recorded_body().topic_config.topics));
  BOOST_TEST(body.filter_servers.empty());

  const std::string ours =
      comet::zlib_decompress(encode_compressed(recorded_body()), kLimit).value();
  BOOST_TEST(ours == from_hex("0000001b7b22636f756e746572223a322c2274696d657374616d70223a317d"
                              "0000000100000013543120342034203620"
                              "53494e474c455f544147000000025b5d"));
  BOOST_TEST(encode_compressed(recorded_body()) == recorded);
}

BOOST_AUTO_TEST_CASE(topic_strings_have_five_words_or_six) {
  const auto body =
      decode_compressed(deflated({"T1 4 8 6 SINGLE_TAG", "T2 1 2 7 MULTI_TAG {}",
                                  R"(T3 1 1 6 SINGLE_TAG {"+message.type":"NOR MAL"})"}),
                        false, kLimit)
          .value();
  const auto& topics = body.topic_config.topics;
  BOOST_REQUIRE(topics.size() == 3u);
  BOOST_TEST(topics.at("T1").read_queue_nums == 4);
  BOOST_TEST(topics.at("T1").write_queue_nums == 8);
  BOOST_TEST(topics.at("T2").perm == 7);
  BOOST_TEST(topics.at("T2").topic_filter_type == "MULTI_TAG");
  BOOST_TEST(topics.at("T2").attributes.empty());
  BOOST_TEST(topics.at("T3").attributes.at("+message.type") == "NOR MAL");
}

BOOST_AUTO_TEST_CASE(malformed_topic_strings_are_errors) {
  for (const std::string_view text :
       {"", "T1", "T1 4 4 6", "T1 x 4 6 SINGLE_TAG", "T1  4 4 6 SINGLE_TAG", "T1 4 4 6x SINGLE_TAG",
        "T1 99999999999 4 6 SINGLE_TAG", "T1 4 4 6 SINGLE_TAG []", "T1 4 4 6 SINGLE_TAG {"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(decode_compressed(deflated({text}), false, kLimit).has_error());
    }
  }
}

BOOST_AUTO_TEST_CASE(the_mapping_section_of_5x_is_skipped) {
  std::string mappings;
  append_be<std::int32_t>(mappings, 2);
  append_counted(mappings, R"({"bname":"b","currIdMap":{0:0}})");
  append_counted(mappings, "{}");
  const auto with = decode_compressed(deflated({"T1 4 4 6 SINGLE_TAG {}"}, mappings), true, kLimit);
  BOOST_TEST(with.value().topic_config.topics.size() == 1u);
  const auto without = decode_compressed(deflated({"T1 4 4 6 SINGLE_TAG {}"}), true, kLimit);
  BOOST_TEST(without.value().topic_config.topics.size() == 1u);
  mappings.pop_back();
  BOOST_TEST(
      decode_compressed(deflated({"T1 4 4 6 SINGLE_TAG {}"}, mappings), true, kLimit).error() ==
      make_error_code(BodyErrc::malformed));
}

BOOST_AUTO_TEST_CASE(a_bomb_is_refused_at_the_limit) {
  const std::string bomb = comet::zlib_compress(std::string(64u << 20, '\0'), 9);
  BOOST_TEST(bomb.size() < 100'000u);
  BOOST_TEST(decode_compressed(bomb, false, kLimit).error() ==
             make_error_code(comet::CompressionErrc::too_large));
}

BOOST_AUTO_TEST_CASE(damaged_bodies_are_errors_at_every_cut) {
  BOOST_TEST(decode_compressed("not deflated", false, kLimit).has_error());
  BOOST_TEST(decode_compressed("", false, kLimit).has_error());
  const std::string recorded = from_hex(kRecordedDeflated);
  for (std::size_t size = 0; size < recorded.size(); ++size) {
    BOOST_TEST(decode_compressed(recorded.substr(0, size), false, kLimit).has_error());
  }
  const std::string plain = comet::zlib_decompress(recorded, kLimit).value();
  for (std::size_t size = 0; size < plain.size(); ++size) {
    const std::string cut = comet::zlib_compress(plain.substr(0, size), 6);
    BOOST_TEST(decode_compressed(cut, false, kLimit).has_error());
  }
}

BOOST_AUTO_TEST_CASE(absurd_counts_do_not_allocate) {
  std::string plain;
  append_counted(plain, "{}");
  append_be<std::int32_t>(plain, INT32_MAX);
  BOOST_TEST(decode_compressed(comet::zlib_compress(plain, 6), false, kLimit).has_error());
  plain.resize(plain.size() - 4);
  append_be<std::int32_t>(plain, -1);
  append_counted(plain, "[]");
  BOOST_TEST(decode_compressed(comet::zlib_compress(plain, 6), false, kLimit).has_error());
}

BOOST_AUTO_TEST_SUITE_END()
