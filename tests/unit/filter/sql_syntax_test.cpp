// What is refused, where, and in which words.

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>

#include "comet/filter/sql_filter.hpp"

using comet::filter::SqlFilter;
using comet::filter::SqlSyntaxError;

namespace {

// "POSITION COMPLAINT"
std::string complaint_about(std::string_view expression) {
  try {
    (void)SqlFilter::compile(expression);
  } catch (const SqlSyntaxError& error) {
    const std::string& context = error.context();
    const std::string place =
        "SQL92 expression, character " + std::to_string(error.position()) + ": ";
    BOOST_TEST(context.starts_with(place));
    return std::to_string(error.position()) + " " + context.substr(place.size());
  }
  return {};
}

void check(std::string_view expression, std::string_view complaint) {
  BOOST_TEST_CONTEXT(expression) { BOOST_TEST(complaint_about(expression) == complaint); }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sql_syntax)

BOOST_AUTO_TEST_CASE(a_missing_operand_is_named) {
  check("", "1 a property, text, a number or '(' is missing before the end");
  check("a = ", "5 a property, text, a number or '(' is missing before the end");
  check("a > AND b = 1", "5 a property, text, a number or '(' is missing before 'AND'");
  check("a = 1 AND", "10 a property, text, a number or '(' is missing before the end");
  check("= 1", "1 a property, text, a number or '(' is missing before '='");
  check("()", "2 a property, text, a number or '(' is missing before ')'");
}

BOOST_AUTO_TEST_CASE(what_is_left_over_is_not_passed_over) {
  check("a = 1 garbage", "7 AND, OR, a comparison or the end is expected before 'garbage'");
  check("a LIKE 'x%'", "3 AND, OR, a comparison or the end is expected before 'LIKE'");
  check("a = 1)", "6 AND, OR, a comparison or the end is expected before ')'");
  check("a b", "3 AND, OR, a comparison or the end is expected before 'b'");
}

BOOST_AUTO_TEST_CASE(parentheses_lists_and_texts_must_end) {
  check("(a = 1", "7 ')' is missing before the end");
  check("a in ('x'", "10 ',' or ')' in the list of IN is expected, not the end");
  check("a in 'x'", "6 '(' after IN is expected, not ''x''");
  check("a in ()", "7 text in quotes is expected in the list of IN, not ')'");
  check("a in (1)", "7 text in quotes is expected in the list of IN, not '1'");
  check("1 in ('x')", "6 only a property can be IN a list");
  check("a = 'x", "5 the text has no end; a ' is missing");
  check("a = 'x''", "5 the text has no end; a ' is missing");
  check("a = /* b", "5 the comment has no end; '*/' is missing");
}

BOOST_AUTO_TEST_CASE(operators_want_what_belongs_to_them) {
  check("a is 3", "6 NULL or NOT NULL after IS is expected, not '3'");
  check("a is not 3", "10 NULL after IS NOT is expected, not '3'");
  check("a between 1", "12 AND between the bounds of BETWEEN is expected, not the end");
  check("a not 3",
        "7 BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH is expected after NOT, not '3'");
  check("a contains b",
        "12 text in quotes is expected after CONTAINS, STARTSWITH and ENDSWITH, not 'b'");
}

BOOST_AUTO_TEST_CASE(values_of_the_wrong_kind_are_refused) {
  check("a > 'x'", "1 only numbers and properties have an order");
  check("a > TRUE", "1 only numbers and properties have an order");
  check("a < 1 < 2", "1 only numbers and properties have an order");
  check("a between 'a' and 'b'", "11 only numbers and properties have an order");
  check("a between NULL and 1", "11 only numbers and properties have an order");
  check("a between 10 and 2", "11 the bounds of BETWEEN are in the wrong order");
  check("a = NULL", "1 nothing is equal to NULL; write IS NULL");
  check("TRUE = 1", "1 a truth value is compared with a constant of another kind");
  check("1", "1 text or a number stands where a comparison is expected");
  check("a = 1 OR 'x'", "10 text or a number stands where a comparison is expected");
  check("NOT 1", "5 text or a number stands where a comparison is expected");
  check("-a = 1", "4 only a number has a negative");
  check("-TRUE", "6 a truth value has no negative");
}

BOOST_AUTO_TEST_CASE(words_that_are_none_are_refused) {
  check("a == 1", "4 a property, text, a number or '(' is missing before '='");
  check("a != 1", "3 '!' means nothing here; text is written 'so'");
  check("a = \"x\"", "5 '\"' means nothing here; text is written 'so'");
  check("a = 1x", "6 AND, OR, a comparison or the end is expected before 'x'");
  check("a = 9223372036854775808", "5 '9223372036854775808' is beyond 9223372036854775807");
  check(std::string_view("a = \0", 5), "5 '\\x00' means nothing here; text is written 'so'");
}

BOOST_AUTO_TEST_CASE(what_would_exhaust_a_broker_is_refused) {
  const auto repeat = [](std::size_t times, const std::string& text) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
  };
  check(repeat(150, "(") + "a = 1" + repeat(150, ")"), "");
  check(repeat(1000, "(") + "a = 1", "201 nested more than 200 times");
  check(repeat(1000, "NOT ") + "a = 1", "801 nested more than 200 times");
  check(repeat(1000, "- ") + "1 = 1", "401 nested more than 200 times");
  BOOST_TEST(complaint_about("a" + repeat(3000, " IS NULL")).ends_with("comparisons in one"));
  BOOST_TEST(complaint_about("a" + repeat(3000, " = b")).ends_with("comparisons in one"));
  BOOST_TEST(complaint_about("a" + repeat(3000, " CONTAINS 'x'")).ends_with("comparisons in one"));
  std::string names = "p";
  for (int i = 0; i < 1001; ++i) names += " = 1 OR p" + std::to_string(i);
  BOOST_TEST(complaint_about(names).ends_with("more than 1000 properties"));
  check(repeat(SqlFilter::kMaxSize, " ") + "a", "65537 longer than 65536 bytes");
}

// The words of the language in any order: refused with a place inside, or compiled and usable.
BOOST_AUTO_TEST_CASE(any_order_of_words_is_refused_or_works) {
  const char* words[] = {"a",  "b",       "1",  "2.5",  "'x'",  "=",        "<>",  "<",
                         ">=", "(",       ")",  ",",    "-",    "NOT",      "AND", "OR",
                         "IN", "BETWEEN", "IS", "NULL", "TRUE", "CONTAINS", "+"};
  std::mt19937 random(1);
  const std::string message =
      "a\x01"
      "1\x02"
      "b\x01x\x02";
  std::size_t compiled = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string expression;
    const auto length = 1 + random() % 8;
    for (std::size_t i = 0; i < length; ++i)
      expression.append(words[random() % std::size(words)]) += ' ';
    try {
      const SqlFilter filter = SqlFilter::compile(expression);
      (void)filter.matches(message);
      ++compiled;
    } catch (const SqlSyntaxError& error) {
      BOOST_REQUIRE(error.position() >= 1);
      BOOST_REQUIRE(error.position() <= expression.size() + 1);
    }
  }
  BOOST_TEST(compiled > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()
