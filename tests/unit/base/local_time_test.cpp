#include "comet/base/local_time.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>

using comet::format_local_time;
using comet::local_time;

namespace {

// 2026-02-03 04:05:06 here, whatever the time zone.
std::int64_t some_time() {
  std::tm local{};
  local.tm_year = 126;
  local.tm_mon = 1;
  local.tm_mday = 3;
  local.tm_hour = 4;
  local.tm_min = 5;
  local.tm_sec = 6;
  local.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&local)) * 1000;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(local_times)

BOOST_AUTO_TEST_CASE(a_time_is_written_with_the_signs_that_a_protocol_asks_for) {
  BOOST_TEST(format_local_time(some_time() + 7) == "2026-02-03 04:05:06.007");
  BOOST_TEST(format_local_time(some_time() + 78, ' ', ',') == "2026-02-03 04:05:06,078");
  BOOST_TEST(format_local_time(some_time() + 789, '#', ':') == "2026-02-03#04:05:06:789");
}

BOOST_AUTO_TEST_CASE(milliseconds_before_1970_belong_to_the_second_before) {
  const std::tm second_before = local_time(-1000);
  BOOST_TEST(local_time(-1).tm_sec == second_before.tm_sec);
  BOOST_TEST(format_local_time(-1).ends_with(":59.999"));
  BOOST_TEST(format_local_time(-1000).ends_with(":59.000"));
}

BOOST_AUTO_TEST_CASE(every_number_of_milliseconds_has_a_time) {
  BOOST_TEST(format_local_time(std::numeric_limits<std::int64_t>::max()).starts_with("292278994-"));
  BOOST_TEST(
      format_local_time(std::numeric_limits<std::int64_t>::min()).starts_with("-292275055-"));
}

BOOST_AUTO_TEST_SUITE_END()
