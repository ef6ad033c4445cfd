#include "comet/message/message.hpp"

#include <boost/test/unit_test.hpp>

#include "comet/message/compression.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/message/validate.hpp"

using namespace comet;

BOOST_AUTO_TEST_CASE(a_message_is_built_in_one_expression) {
  Message message =
      Message("orders", "body").tag("created").key("1").key("2").delay_level(3).property("a", "b");
  BOOST_TEST(message.topic() == "orders");
  BOOST_TEST(message.tag() == "created");
  BOOST_TEST(message.keys() == "1 2");
  BOOST_TEST(message.delay_level() == 3);
  BOOST_TEST(message.properties().encode() ==
             "TAGS\x01"
             "created\x02KEYS\x01"
             "1 2\x02"
             "DELAY\x01"
             "3\x02"
             "a\x01"
             "b\x02");
}

BOOST_AUTO_TEST_CASE(properties_survive_their_string_form) {
  MessageProperties properties;
  properties.set("KEYS", "k1 k2");
  properties.set("TAGS", "A");
  properties.set("TAGS", "B");
  MessageProperties decoded = MessageProperties::decode(properties.encode());
  BOOST_TEST(decoded.size() == 2u);
  BOOST_TEST(decoded.get("TAGS") == "B");
  BOOST_TEST(decoded.get("none").empty());
  BOOST_TEST(decoded.erase("TAGS"));
  BOOST_TEST(!decoded.contains("TAGS"));
}

BOOST_AUTO_TEST_CASE(property_strings_are_read_as_tolerantly_as_apache_reads_them) {
  MessageProperties decoded = MessageProperties::decode(
      "a\x01"
      "1\x02"
      "novalue\x01\x02"
      "noseparator\x02\x02"
      "x\x01\x02"
      "last\x01"
      "9");
  BOOST_TEST(decoded.size() == 2u);
  BOOST_TEST(decoded.get("a") == "1");
  BOOST_TEST(decoded.get("last") == "9");
}

BOOST_AUTO_TEST_CASE(single_properties_are_found_and_removed_in_the_string_form) {
  std::string text =
      "WAIT\x01true\x02TAGS\x01"
      "A\x02UNIQ_KEY\x01X";
  BOOST_TEST(find_property(text, "TAGS") == "A");
  BOOST_TEST(find_property(text, "TAG").empty());
  BOOST_TEST(erase_property(text, "WAIT") ==
             "TAGS\x01"
             "A\x02UNIQ_KEY\x01X\x02");
}

BOOST_AUTO_TEST_CASE(topics_and_groups_are_judged_in_rocketmqs_words) {
  BOOST_TEST(check_topic("%RETRY%my-group_1|x").empty());
  BOOST_TEST(check_topic("") == "The specified topic is blank.");
  BOOST_TEST(check_topic(" \t") == "The specified topic is blank.");
  for (const char* bad : {"../../etc/passwd", "a/b", "a b", "a.b", "\xe4\xb8\xad", "a\x01"}) {
    BOOST_TEST(check_topic(bad).find("illegal characters") != std::string::npos, bad);
  }
  BOOST_TEST(check_topic(std::string(127, 'a')).empty());
  BOOST_TEST(check_topic(std::string(128, 'a')) ==
             "The specified topic is longer than topic max length.");
  BOOST_TEST(check_group("g").empty());
  BOOST_TEST(!check_group("g/").empty());
  BOOST_TEST(!check_group(std::string(256, 'g')).empty());
}

BOOST_AUTO_TEST_CASE(messages_that_no_broker_would_take_are_refused_before_sending) {
  BOOST_TEST(check_message(Message("T", "b"), 10).empty());
  BOOST_TEST(check_message(Message("T", ""), 10) == "the message body length is zero");
  BOOST_TEST(check_message(Message("T", std::string(10, 'x')), 10).empty());
  BOOST_TEST(check_message(Message("T", std::string(11, 'x')), 10) ==
             "the message body size over max value, MAX: 10");
  BOOST_TEST(!check_message(Message("SCHEDULE_TOPIC_XXXX", "b"), 10).empty());
  BOOST_TEST(!check_message(Message("T", "b").property("a\x01", "b"), 10).empty());
  BOOST_TEST(!check_message(Message("T", "b").property("a", "b\x02"), 10).empty());
  BOOST_TEST(!check_message(Message("T", "b").property("a", std::string(32767, 'x')), 10).empty());
}

BOOST_AUTO_TEST_CASE(path_components_cannot_leave_their_directory) {
  BOOST_TEST(is_safe_path_component("%RETRY%group"));
  for (std::string_view bad :
       {std::string_view(""), std::string_view("."), std::string_view(".."),
        std::string_view("a/b"), std::string_view("a\\b"), std::string_view("a\0b", 3)}) {
    BOOST_TEST(!is_safe_path_component(bad));
  }
}

BOOST_AUTO_TEST_CASE(compressed_bodies_come_back_and_bombs_do_not_go_off) {
  std::string body;
  for (int i = 0; i < 10'000; ++i) body += std::to_string(i);
  std::string compressed = zlib_compress(body, 5);
  BOOST_TEST(compressed.size() < body.size());
  BOOST_TEST((compressed.substr(0, 2) == "\x78\x5e"));
  BOOST_TEST((*zlib_decompress(compressed, body.size()) == body));
  BOOST_TEST((zlib_decompress(compressed, body.size() - 1).error() == CompressionErrc::too_large));
  BOOST_TEST(
      (zlib_decompress(compressed.substr(0, 100), 1 << 20).error() == CompressionErrc::damaged));
  BOOST_TEST((zlib_decompress("no zlib", 100).error() == CompressionErrc::damaged));
  BOOST_TEST((zlib_decompress("", 100).error() == CompressionErrc::damaged));
  std::string bomb = zlib_compress(std::string(50'000'000, '\0'), 9);
  BOOST_TEST((zlib_decompress(bomb, 4 << 20).error() == CompressionErrc::too_large));
  BOOST_TEST((*decompress_body(compressed, sys_flag::kCompressed | sys_flag::kCompressionZlib,
                               1 << 20) == body));
  BOOST_TEST((decompress_body(compressed, 0x400, 1 << 20).error() == CompressionErrc::unsupported));
}
