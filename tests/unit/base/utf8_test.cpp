#include "comet/base/utf8.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string_view>

using comet::is_plain_text;
using comet::utf8_character_size;
using comet::utf8_code_point;

BOOST_AUTO_TEST_SUITE(utf8)

BOOST_AUTO_TEST_CASE(characters_of_every_length_are_read) {
  BOOST_TEST(utf8_character_size("az") == 1u);
  BOOST_TEST(utf8_character_size("éz") == 2u);
  BOOST_TEST(utf8_character_size("€z") == 3u);
  BOOST_TEST(utf8_character_size("😀z") == 4u);
  BOOST_TEST(static_cast<std::uint32_t>(utf8_code_point("z")) == 0x7Au);
  BOOST_TEST(static_cast<std::uint32_t>(utf8_code_point("é")) == 0xE9u);
  BOOST_TEST(static_cast<std::uint32_t>(utf8_code_point("€")) == 0x20ACu);
  BOOST_TEST(static_cast<std::uint32_t>(utf8_code_point("😀")) == 0x1F600u);
}

BOOST_AUTO_TEST_CASE(malformed_bytes_are_no_characters) {
  BOOST_TEST(utf8_character_size("") == 0u);
  BOOST_TEST(utf8_character_size("\x80") == 0u);
  BOOST_TEST(utf8_character_size("\xe2\x82") == 0u);          // cut off
  BOOST_TEST(utf8_character_size("\xc1\xbf") == 0u);          // overlong
  BOOST_TEST(utf8_character_size("\xe0\x9f\xbf") == 0u);      // overlong
  BOOST_TEST(utf8_character_size("\xf0\x8f\xbf\xbf") == 0u);  // overlong
  BOOST_TEST(utf8_character_size("\xed\xa0\x80") == 0u);      // a surrogate
  BOOST_TEST(utf8_character_size("\xf4\x90\x80\x80") == 0u);  // beyond U+10FFFF
}

BOOST_AUTO_TEST_CASE(a_text_is_utf8_when_all_of_it_is) {
  BOOST_TEST(comet::is_utf8(""));
  BOOST_TEST(comet::is_utf8("a\x01\xC3\xBC"));
  BOOST_TEST(!comet::is_utf8("a\xC3"));
  BOOST_TEST(
      !comet::is_utf8("\xFF"
                      "a"));
}

BOOST_AUTO_TEST_CASE(plain_text_has_no_control_characters) {
  BOOST_TEST(is_plain_text(""));
  BOOST_TEST(is_plain_text("%RETRY%group 主题"));
  BOOST_TEST(!is_plain_text("a\tb"));
  BOOST_TEST(!is_plain_text(std::string_view("a\0", 2)));
  BOOST_TEST(!is_plain_text("a\xc2\x85"));
  BOOST_TEST(!is_plain_text("a\xff"));
}

BOOST_AUTO_TEST_SUITE_END()
