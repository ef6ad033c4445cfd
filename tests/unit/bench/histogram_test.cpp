#include "histogram.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

namespace comet::inline v0_1::bench {
namespace {

BOOST_AUTO_TEST_SUITE(histogram)

BOOST_AUTO_TEST_CASE(an_empty_histogram_has_zero_quantiles) {
  Histogram histogram;
  BOOST_TEST((histogram.quantile(0.5) == 0ns));
  BOOST_TEST((histogram.max() == 0ns));
}

BOOST_AUTO_TEST_CASE(small_durations_are_exact) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(std::chrono::nanoseconds(i));
  BOOST_TEST((histogram.quantile(0.5) == 50ns));
  BOOST_TEST((histogram.quantile(0.99) == 99ns));
  BOOST_TEST((histogram.quantile(1.0) == 100ns));
  BOOST_TEST((histogram.quantile(0.0) == 1ns));
}

BOOST_AUTO_TEST_CASE(quantiles_are_never_too_low_and_at_most_one_part_in_128_too_high) {
  for (std::int64_t nanos = 1; nanos < 100'000'000'000'000'000; nanos = nanos * 17 / 10 + 1) {
    Histogram histogram;
    const std::chrono::nanoseconds value(nanos);
    histogram.record(value);
    histogram.record(2 * value);  // so that the maximum does not hide the bucket's end
    const std::chrono::nanoseconds median = histogram.quantile(0.5);
    BOOST_TEST_CONTEXT(nanos) {
      BOOST_TEST((median >= value));
      BOOST_TEST((median - value <= value / 128));
      BOOST_TEST((histogram.max() == 2 * value));
    }
  }
}

BOOST_AUTO_TEST_CASE(rare_outliers_show_in_the_high_quantiles_only) {
  Histogram histogram;
  for (int i = 0; i < 999; ++i) histogram.record(1ms);
  histogram.record(1s);
  BOOST_TEST(histogram.count() == 1000u);
  BOOST_TEST((histogram.quantile(0.99) < 1010us));
  BOOST_TEST((histogram.quantile(0.999) < 1010us));
  BOOST_TEST((histogram.quantile(0.9999) == 1s));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::bench
