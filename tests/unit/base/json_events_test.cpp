// JSON told piece by piece is the JSON that a tree would hold.
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "comet/base/body_error.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_events.hpp"

using namespace comet;

namespace {

// What was told, as text.
class Told final : public JsonEvents {
 public:
  void restart() override { text = "again "; }
  void begin_object() override { text += "{ "; }
  void end_object() override { text += "} "; }
  void begin_array() override { text += "[ "; }
  void end_array() override { text += "] "; }
  bool key(std::string_view name) override {
    text.append(name).append(": ");
    return name != "unwanted";
  }
  void value(boost::json::value value) override { text += boost::json::serialize(value) + " "; }

  std::string text;
};

std::string told(std::string_view json) {
  Told events;
  const error_code error = read_json(json, events);
  return error ? "error" : events.text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_piece_of_a_text_is_told_in_its_order) {
  BOOST_TEST(told(R"({"a":1,"b":[true,null,"x\ny",{"c":-2.5}],"d":{}} )") ==
             R"({ a: 1 b: [ true null "x\ny" { c: -2.5E0 } ] d: { } } )");
  BOOST_TEST(told("[]") == "[ ] ");
  BOOST_TEST(told("\"alone\"") == "\"alone\" ");
}

BOOST_AUTO_TEST_CASE(values_of_members_that_are_not_wanted_are_passed_over) {
  BOOST_TEST(told(R"({"unwanted":"x\ny","a":"b"})") == R"({ unwanted: a: "b" } )");
  BOOST_TEST(told(R"({"unwanted":[1,{"a":2}],"b":3})") == R"({ unwanted: [ 1 { a: 2 } ] b: 3 } )");
}

BOOST_AUTO_TEST_CASE(fastjsons_dialect_is_told_anew_from_its_beginning) {
  BOOST_TEST(told(R"({"a":{0:"b"}})") == R"(again { a: { 0: "b" } } )");
}

BOOST_AUTO_TEST_CASE(what_a_tree_refuses_is_refused) {
  for (const char* text : {"", "{", "{\"a\":}", "{} x", "[1,]", "nul", "\"\xff\""}) {
    BOOST_TEST(told(text) == "error", text);
    BOOST_TEST(!parse_json(text).has_value(), text);
  }
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  Told events;
  BOOST_TEST((read_json(deep, events) == BodyErrc::too_deep));
}
