#include "output.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

using namespace comet::ctl;

namespace {

Table two_columns() { return Table("rows", {{"NAME", "name"}, {"COUNT", "count"}}); }

}  // namespace

BOOST_AUTO_TEST_SUITE(ctl_output)

BOOST_AUTO_TEST_CASE(columns_are_aligned_and_numbers_stand_right) {
  Table table = two_columns();
  table.row({"a", 5});
  table.row({"longer", 12345});
  BOOST_TEST(table.text() ==
             "NAME    COUNT\n"
             "a           5\n"
             "longer  12345\n");
}

BOOST_AUTO_TEST_CASE(characters_beyond_ascii_take_one_column) {
  Table table = two_columns();
  table.row({"zürich", 1});
  table.row({"abcdef", 2});
  BOOST_TEST(table.text() ==
             "NAME    COUNT\n"
             "zürich      1\n"
             "abcdef      2\n");
}

BOOST_AUTO_TEST_CASE(programs_get_a_list_of_objects) {
  Table table = two_columns();
  table.row({"a\"b\n", 5});
  table.row({Cell::none(), true});
  BOOST_TEST(table.json() == R"([{"name":"a\"b\n","count":5},{"name":null,"count":true}])");
}

BOOST_AUTO_TEST_CASE(control_characters_do_not_reach_a_terminal) {
  Table table = two_columns();
  table.row({"a\x1b[31mb", 5});
  BOOST_TEST(table.text().find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_utf8_is_valid_json_all_the_same) {
  const Cell cell(std::string("a\xff\xfe"));
  boost::system::error_code error;
  boost::json::parse(cell.json, error);
  BOOST_TEST(!error);
}

BOOST_AUTO_TEST_CASE(a_report_is_one_object_with_its_tables) {
  Report report;
  report.field("Topic", "topic", "T1");
  Table table = two_columns();
  table.row({"a", 5});
  report.table(table);
  report.field("Total", "total", 2.5);
  BOOST_TEST(report.json() == R"({"topic":"T1","rows":[{"name":"a","count":5}],"total":2.5})");
  BOOST_TEST(report.text() ==
             "Topic:  T1\n"
             "\n"
             "NAME  COUNT\n"
             "a         5\n"
             "\n"
             "Total:  2.50\n");
}

BOOST_AUTO_TEST_CASE(text_keeps_its_lines_and_nothing_else_that_controls) {
  Report report;
  report.text_block("Body", "body", "one\ntwo\x1b\n");
  BOOST_TEST(report.text() == "Body:\none\ntwo\\x1b\n");
  BOOST_TEST(report.json() == R"({"body":"one\ntwo\u001B\n"})");
}

BOOST_AUTO_TEST_CASE(times_are_numbers_for_programs_and_dates_for_people) {
  const Cell cell = Cell::time(1795218460496);
  BOOST_TEST(cell.json == "1795218460496");
  BOOST_TEST(cell.text.substr(0, 5) == "2026-");
  BOOST_TEST(Cell::time(0).text == "-");
}

BOOST_AUTO_TEST_CASE(lists_and_maps_have_both_forms) {
  BOOST_TEST(Cell::list({"a", "b"}).json == R"(["a","b"])");
  BOOST_TEST(Cell::list({"a", "b"}).text == "a, b");
  BOOST_TEST(Cell::map({{"a", "1"}, {"b", "2"}}).json == R"({"a":"1","b":"2"})");
  BOOST_TEST(Cell::map({{"a", "1"}, {"b", "2"}}).text == "a=1, b=2");
}

BOOST_AUTO_TEST_CASE(numbers_that_are_none_are_null) {
  BOOST_TEST(Cell(0.0 / 1.0).json == "0");
  BOOST_TEST(Cell(std::numeric_limits<double>::infinity()).json == "null");
}

BOOST_AUTO_TEST_CASE(base64_has_the_vectors_of_its_rfc) {
  BOOST_TEST(to_base64("") == "");
  BOOST_TEST(to_base64("f") == "Zg==");
  BOOST_TEST(to_base64("fo") == "Zm8=");
  BOOST_TEST(to_base64("foo") == "Zm9v");
  BOOST_TEST(to_base64("foobar") == "Zm9vYmFy");
  BOOST_TEST(to_base64("\xff\xfe") == "//4=");
}

BOOST_AUTO_TEST_SUITE_END()
