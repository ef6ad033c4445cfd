#include "comet/base/printable.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using comet::printable;

BOOST_AUTO_TEST_SUITE(printable_text)

BOOST_AUTO_TEST_CASE(ordinary_text_stays_as_it_is) {
  BOOST_TEST(printable("%RETRY%group-1") == "%RETRY%group-1");
  BOOST_TEST(printable("主题 €") == "主题 €");
  BOOST_TEST(printable("") == "");
}

BOOST_AUTO_TEST_CASE(control_characters_are_written_as_numbers) {
  BOOST_TEST(printable("a\nb\x1b[31m\x7f") == "a\\x0ab\\x1b[31m\\x7f");
  BOOST_TEST(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  BOOST_TEST(printable("\xc2\x9b") == "\\xc2\\x9b");  // C1: starts a sequence on some terminals
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_are_written_as_numbers) {
  BOOST_TEST(printable("a\xff") == "a\\xff");
  BOOST_TEST(printable("\xe4\xb8") == "\\xe4\\xb8");           // cut off
  BOOST_TEST(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  BOOST_TEST(printable("\xc0\xaf") == "\\xc0\\xaf");           // overlong
}

BOOST_AUTO_TEST_CASE(long_text_is_cut) {
  const std::string cut = printable(std::string(100'000, 'x'), 10);
  BOOST_TEST(cut == "xxxxxxxxxx...");
  BOOST_TEST(printable("0123456789", 10) == "0123456789");
}

BOOST_AUTO_TEST_SUITE_END()
