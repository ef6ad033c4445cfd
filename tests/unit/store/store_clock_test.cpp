// The clock of store times, delay levels and checks, against wall clocks that are set.

#include "comet/store/store_clock.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "comet/base/timer.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

class Clocks {
 public:
  // How much of store time passes in that much real time.
  std::int64_t pass(Duration real) {
    const std::int64_t before = clock.now_millis();
    time.advance_to_next(time.now() + real);
    return clock.now_millis() - before;
  }
  std::int64_t ahead() { return clock.now_millis() - time.wall_millis(); }

  VirtualTime time;
  store::StoreClock clock{time};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(store_clock, Clocks)

BOOST_AUTO_TEST_CASE(it_is_the_wall_clock_while_that_goes_on) {
  for (int i = 0; i < 1000; ++i) BOOST_TEST(pass(1ms) == 1);
  BOOST_TEST(pass(1h) == 3'600'000);
  BOOST_TEST(ahead() == 0);
}

BOOST_AUTO_TEST_CASE(a_wall_clock_that_is_set_forward_is_followed_at_once) {
  time.step_wall_clock(1h);
  BOOST_TEST(ahead() == 0);
}

BOOST_AUTO_TEST_CASE(while_the_wall_clock_is_behind_it_goes_on_at_nine_tenths) {
  (void)clock.now_millis();
  time.step_wall_clock(-1h);
  BOOST_TEST(ahead() == 3'600'000);
  BOOST_TEST(pass(10s) == 9000);
  // However often it is asked.
  std::int64_t passed = 0;
  for (int i = 0; i < 10'000; ++i) passed += pass(1ms);
  BOOST_TEST(passed == 9000);
  (void)pass(10h);
  BOOST_TEST(ahead() == 0);
  BOOST_TEST(pass(1s) == 1000);
}

BOOST_AUTO_TEST_CASE(a_wall_clock_that_comes_back_is_met_where_it_is) {
  (void)clock.now_millis();
  time.step_wall_clock(-1h);
  BOOST_TEST(pass(1000s) == 900'000);
  time.step_wall_clock(1h);
  BOOST_TEST(ahead() == 0);
}

BOOST_AUTO_TEST_CASE(it_begins_at_the_newest_record_whatever_that_says) {
  clock.start_at(time.wall_millis() - 5000);
  BOOST_TEST(ahead() == 0);
  clock.start_at(time.wall_millis() + 5000);
  BOOST_TEST(ahead() == 5000);
  const std::int64_t latest = std::numeric_limits<std::int64_t>::max() - 1'000'000'000;
  clock.start_at(latest);
  BOOST_TEST(pass(1s) == 900);
}

BOOST_AUTO_TEST_SUITE_END()
