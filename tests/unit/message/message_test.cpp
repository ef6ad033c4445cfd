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

BOOST_AUTO_TEST_CASE(a_property_is_found_behind_values_and_names_that_contain_its_name) {
  const std::string text =
      "KEYS\x01TAGS\x02"
      "MYTAGS\x01no\x02"
      "TAGS\x01\x02"  // dropped: it has no value
      "TAGS\x01"
      "first\x02TAGSMORE\x01no\x02TAGS\x01last\x02";
  BOOST_TEST(find_property(text, "TAGS") == "last");
  BOOST_TEST(find_property(text, "TAGSMORE") == "no");
  BOOST_TEST(find_property(text, "KEYS") == "TAGS");
  BOOST_TEST(find_property(text, "MORE").empty());
  BOOST_TEST(find_property("TAGS", "TAGS").empty());
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

namespace {

std::string refusal(const std::string& name, const std::string& value) {
  Message message("T", "b");
  try {
    message.property(name, value);
  } catch (const Error& error) {
    BOOST_TEST((error.code() == MessageErrc::illegal_property));
    BOOST_TEST(message.properties().empty());
    return error.context();
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_names_that_rocketmq_uses_itself_are_refused_and_the_setter_is_named) {
  // MessageConst.STRING_HASH_SET of Apache 5.5.0.
  const std::string_view reserved[] = {"1ST_POP_TIME",
                                       "ARRIVE_TIME",
                                       "BORN_TIMESTAMP",
                                       "BUYER_ID",
                                       "CLUSTER",
                                       "CONSUME_START_TIME",
                                       "CORRECTION_FLAG",
                                       "CORRELATION_ID",
                                       "DELAY",
                                       "DLQ_ORIGIN_MESSAGE_ID",
                                       "DLQ_ORIGIN_TOPIC",
                                       "DUP_INFO",
                                       "EXTEND_UNIQ_INFO",
                                       "INNER_MULTI_QUEUE_OFFSET",
                                       "INSTANCE_ID",
                                       "KEYS",
                                       "MAX_OFFSET",
                                       "MAX_RECONSUME_TIMES",
                                       "MIN_OFFSET",
                                       "MQ2_FLAG",
                                       "MSG_REGION",
                                       "MSG_TYPE",
                                       "ORIGIN_GROUP",
                                       "ORIGIN_MESSAGE_ID",
                                       "PGROUP",
                                       "POP_CK",
                                       "POP_CK_OFFSET",
                                       "PUSH_REPLY_TIME",
                                       "REAL_QID",
                                       "REAL_TOPIC",
                                       "RECONSUME_TIME",
                                       "REPLY_TO_CLIENT",
                                       "RETRY_TOPIC",
                                       "TAGS",
                                       "TIMER_DELAY_LEVEL",
                                       "TIMER_DELAY_MS",
                                       "TIMER_DELAY_SEC",
                                       "TIMER_DELIVER_MS",
                                       "TIMER_DEL_UNIQKEY",
                                       "TIMER_DEQUEUE_MS",
                                       "TIMER_ENQUEUE_MS",
                                       "TIMER_OUT_MS",
                                       "TIMER_ROLL_TIMES",
                                       "TRACE_ON",
                                       "TRANSFER_FLAG",
                                       "TRAN_MSG",
                                       "TRAN_PREPARED_QUEUE_OFFSET",
                                       "TTL",
                                       "UNIQ_KEY",
                                       "WAIT",
                                       "_SYS_MSG_PRIORITY_",
                                       "__BORNHOST",
                                       "__CRC32#",
                                       "__LITE_TOPIC"};
  BOOST_TEST(std::size(reserved) == 54u);
  for (const std::string_view name : reserved) {
    BOOST_TEST(refusal(std::string(name), "1")
                   .starts_with("The Property<" + std::string(name) + "> is used by system"),
               name);
  }
  BOOST_TEST(refusal("DELAY", "3") ==
             "The Property<DELAY> is used by system, input another please; it is set by "
             "Message::delay_level");
  BOOST_TEST(refusal("MIN_OFFSET", "3") ==
             "The Property<MIN_OFFSET> is used by system, input another please");
  for (const char* free : {"delay", "DELAY ", "__STARTDELIVERTIME", "__SHARDINGKEY", "REDIRECT"}) {
    BOOST_TEST(refusal(free, "1").empty(), free);
  }
}

BOOST_AUTO_TEST_CASE(blank_names_and_values_of_properties_are_refused) {
  for (const char* blank : {"", " ", "\t\n "}) {
    BOOST_TEST(!refusal(blank, "1").empty());
    BOOST_TEST(refusal("colour", blank) == "The value of property <colour> can not be blank");
  }
}

BOOST_AUTO_TEST_CASE(code_that_forwards_messages_sets_any_property) {
  Message message("T", "b");
  message.properties().set("UNIQ_KEY", "1");
  message.properties().set("RECONSUME_TIME", "2");
  BOOST_TEST(message.unique_id() == "1");
  BOOST_TEST(check_message(message, 10).empty());
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
