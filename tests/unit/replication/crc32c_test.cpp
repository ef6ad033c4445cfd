#include "crc32c.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>

using namespace comet::replication;

BOOST_AUTO_TEST_SUITE(crc32c_suite)

BOOST_AUTO_TEST_CASE(it_is_castagnolis_checksum) {
  // RFC 3720, B.4, and the usual check value.
  BOOST_TEST(crc32c("123456789") == 0xE3069283u);
  BOOST_TEST(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  BOOST_TEST(crc32c(std::string(32, '\xFF')) == 0x62A8AB43u);
}

BOOST_AUTO_TEST_CASE(the_instruction_and_the_table_agree_at_every_length_and_cut) {
  std::mt19937_64 random(5);
  std::string bytes;
  for (int size = 0; size < 200; ++size) {
    BOOST_TEST(crc32c(bytes) == crc32c_by_table(bytes));
    const std::size_t cut = bytes.size() / 3;
    const std::string_view all = bytes;
    BOOST_TEST(crc32c(all.substr(cut), crc32c(all.substr(0, cut))) == crc32c(all));
    bytes.push_back(static_cast<char>(random()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
