#include "comet/message/recall_handle.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>

#include "comet/message/message.hpp"

using namespace comet;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(timer_messages)

BOOST_AUTO_TEST_CASE(a_handle_is_apaches) {
  RecallHandle handle;
  handle.topic = "T";
  handle.broker_name = "broker-a";
  handle.time_millis = 1700000000001;
  handle.unique_key = "7F0000010001";
  // base64 of "v1 T broker-a 1700000000001 7F0000010001", by another program
  const std::string text = "djEgVCBicm9rZXItYSAxNzAwMDAwMDAwMDAxIDdGMDAwMDAxMDAwMQ==";
  BOOST_TEST(handle.encode() == text);
  for (const std::string& form : {text, text.substr(0, text.find('='))}) {
    const auto decoded = RecallHandle::decode(form);
    BOOST_REQUIRE(decoded.has_value());
    BOOST_TEST(decoded->topic == "T");
    BOOST_TEST(decoded->broker_name == "broker-a");
    BOOST_TEST(decoded->time_millis == 1700000000001);
    BOOST_TEST(decoded->unique_key == "7F0000010001");
  }
}

BOOST_AUTO_TEST_CASE(handles_of_every_length_come_back) {
  RecallHandle handle;
  handle.broker_name = "b";
  handle.time_millis = 5;
  for (int i = 0; i < 10; ++i) {
    handle.topic.assign(static_cast<std::size_t>(i + 1), '~');  // uses - and _
    handle.unique_key.assign(static_cast<std::size_t>(10 - i), '\xff');
    const auto decoded = RecallHandle::decode(handle.encode());
    BOOST_REQUIRE(decoded.has_value());
    BOOST_TEST(decoded->topic == handle.topic);
    BOOST_TEST(decoded->unique_key == handle.unique_key);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_handle_is_not_taken_for_one) {
  for (const char* text :
       {"", "=", "====", "djEgYSBiIGM", "djIgYSBiIDEgaw==", "djEgYSBiIDEg",
        "djEgYSBiIDEgaw=", "djEgYSBiIDEgaw===", "dj+gYSBiIDEgaw==", "v1 a b 1 k", "AAAAA"}) {
    BOOST_TEST(!RecallHandle::decode(text).has_value(), text);
  }
  const auto without_number = RecallHandle::decode("djEgYSBiIHggaw==");  // v1 a b x k
  BOOST_REQUIRE(without_number.has_value());
  BOOST_TEST(without_number->time_millis == -1);
  BOOST_TEST(!RecallHandle::decode(std::string(100'000, 'A')).has_value());
}

BOOST_AUTO_TEST_CASE(a_delay_is_a_property_and_the_last_call_counts) {
  Message message("T", "x");
  BOOST_TEST(!message.is_delayed());
  message.deliver_after(1500ms);
  BOOST_TEST(message.properties().get("TIMER_DELAY_MS") == "1500");
  message.deliver_after(90s);  // the first brokers of 5.x know seconds only
  BOOST_TEST(message.properties().get("TIMER_DELAY_SEC") == "90");
  BOOST_TEST(!message.properties().contains("TIMER_DELAY_MS"));
  message.deliver_at(std::chrono::system_clock::time_point(1700000000123ms));
  BOOST_TEST(message.properties().get("TIMER_DELIVER_MS") == "1700000000123");
  BOOST_TEST(!message.properties().contains("TIMER_DELAY_SEC"));
  message.deliver_after(5ms);
  BOOST_TEST(!message.properties().contains("TIMER_DELIVER_MS"));
  BOOST_TEST(message.is_delayed());
  BOOST_TEST(Message("T", "x").delay_level(1).is_delayed());
  BOOST_TEST(!Message("T", "x").delay_level(0).is_delayed());
}

BOOST_AUTO_TEST_SUITE_END()
