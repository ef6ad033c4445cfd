#include "comet/base/json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

#include "comet/base/body_error.hpp"

using comet::append_json_string;
using comet::BodyErrc;
using comet::JsonCharset;
using comet::parse_json;
using comet::quote_keys;

namespace {

std::string json_string(std::string_view text, JsonCharset charset = JsonCharset::utf8) {
  std::string out;
  append_json_string(out, text, charset);
  return out;
}

boost::json::object object(std::string_view json) { return parse_json(json).value().as_object(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(json)

BOOST_AUTO_TEST_CASE(integer_keys_get_quotes) {
  BOOST_TEST(quote_keys(R"({0:"a"})") == R"({"0":"a"})");
  BOOST_TEST(quote_keys(R"({"brokerAddrs":{0:"ip:1",-12:"ip:2"},"x":[1,{2:3}]})") ==
             R"({"brokerAddrs":{"0":"ip:1","-12":"ip:2"},"x":[1,{"2":3}]})");
  BOOST_TEST(quote_keys("{ \n 9223372036854775807 : 1 , 2\t: 3 }") ==
             "{ \n \"9223372036854775807\" : 1 , \"2\"\t: 3 }");
}

BOOST_AUTO_TEST_CASE(object_keys_become_strings_of_their_text) {
  BOOST_TEST(quote_keys(R"({"t":{{"brokerName":"b}","queueId":0}:{"max":1},{"q":1}:2}})") ==
             R"({"t":{"{\"brokerName\":\"b}\",\"queueId\":0}":{"max":1},"{\"q\":1}":2}})");
}

BOOST_AUTO_TEST_CASE(standard_json_passes_unchanged) {
  for (const std::string_view text :
       {R"({"a":{"b":[1,2,{"c":"{0:1}"}]},"d":"\"{1:"})", "[1,2,3]", "{}", "[]", "", "17", "\"x\"",
        R"({"a":-1,"b":[{},{}],"c":null,"d":true})", "[[1],[{\"0\":1}]]"}) {
    BOOST_TEST(quote_keys(text) == text);
  }
}

BOOST_AUTO_TEST_CASE(malformed_text_comes_out_malformed) {
  for (const std::string_view text :
       {"{", "{{", "{{\"a\":1", "{0", "{0:", "{\"a", "{\"a\\", "}{", "]]", "{0:1,}", "{a:1}",
        "{-:1}", "{\"a\":1}}", "{{}", "{,1:2}"}) {
    BOOST_TEST_CONTEXT(text) { BOOST_TEST(parse_json(text).has_error()); }
  }
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused_in_both_dialects) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  BOOST_TEST(parse_json(nested(32)).has_value());
  BOOST_TEST(parse_json(nested(33)).error() == make_error_code(BodyErrc::too_deep));
  BOOST_TEST(parse_json(nested(1'000'000)).error() == make_error_code(BodyErrc::too_deep));
  std::string dialect;
  for (int i = 0; i < 100'000; ++i) dialect += "{0:";
  BOOST_TEST(parse_json(dialect).has_error());
  BOOST_TEST(parse_json(std::string(1'000'000, '{')).has_error());
}

BOOST_AUTO_TEST_CASE(the_dialect_is_read_like_standard_json) {
  BOOST_TEST(boost::json::serialize(parse_json(R"({"a":{0:"x"}})").value()) ==
             R"({"a":{"0":"x"}})");
}

BOOST_AUTO_TEST_CASE(members_are_converted_as_java_does) {
  const auto members = object(
      R"({"n":5,"t":"6","f":7.9,"big":18446744073709551615,"b":true,"bt":"TRUE","z":null,"s":"x",
          "huge":1e300,"low":-1e300,"o":{}})");
  using comet::get_bool;
  using comet::get_int;
  using comet::get_string;
  BOOST_TEST(get_int(members, "n", -1) == 5);
  BOOST_TEST(get_int(members, "t", -1) == 6);
  BOOST_TEST(get_int(members, "f", -1) == 7);
  BOOST_TEST(get_int(members, "big", -1) == INT64_MAX);
  BOOST_TEST(get_int(members, "huge", -1) == INT64_MAX);
  BOOST_TEST(get_int(members, "low", -1) == INT64_MIN);
  BOOST_TEST(get_int(members, "s", -1) == -1);
  BOOST_TEST(get_int(members, "z", -1) == -1);
  BOOST_TEST(get_int(members, "o", -1) == -1);
  BOOST_TEST(get_int(members, "absent", -1) == -1);
  BOOST_TEST(get_bool(members, "b", false));
  BOOST_TEST(get_bool(members, "bt", false));
  BOOST_TEST(!get_bool(members, "s", true));
  BOOST_TEST(get_bool(members, "n", false));
  BOOST_TEST(get_bool(members, "z", true));
  BOOST_TEST(get_string(members, "s") == "x");
  BOOST_TEST(get_string(members, "n") == "5");
  BOOST_TEST(get_string(members, "b") == "true");
  BOOST_TEST(get_string(members, "big") == "18446744073709551615");
  BOOST_TEST(get_string(members, "o", "d") == "d");
  BOOST_TEST(get_string(members, "absent", "d") == "d");
}

BOOST_AUTO_TEST_CASE(written_strings_are_always_valid_json) {
  BOOST_TEST(json_string("plain/主题") == "\"plain/主题\"");
  BOOST_TEST(json_string("a\"b\\c\b\f\n\r\t\x01\x1f\x7f") ==
             "\"a\\\"b\\\\c\\b\\f\\n\\r\\t\\u0001\\u001F\x7f\"");
  BOOST_TEST(json_string("\xffz\xe4\xb8") == "\"\uFFFDz\uFFFD\uFFFD\"");
  BOOST_TEST(json_string("é€😀\xff", JsonCharset::ascii) ==
             "\"\\u00E9\\u20AC\\uD83D\\uDE00\\uFFFD\"");
}

BOOST_AUTO_TEST_SUITE_END()
