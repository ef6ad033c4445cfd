// What a producer counts.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>
#include <numeric>

#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

BOOST_FIXTURE_TEST_SUITE(stats, ProducerWorld)

BOOST_AUTO_TEST_CASE(sends_retries_failures_and_latencies_are_counted) {
  start();
  network.set_latency(3ms);
  for (int i = 0; i < 4; ++i) send();
  ProducerStats stats = producer->stats();
  BOOST_TEST(stats.sends == 4u);
  BOOST_TEST(stats.stored == 4u);
  BOOST_TEST(stats.failed == 0u);
  BOOST_TEST(stats.retries == 0u);
  BOOST_TEST((stats.latency_sum >= 4 * 6ms));
  BOOST_TEST((stats.latency_max >= 6ms));
  const auto& buckets = stats.latency_buckets;
  BOOST_TEST(std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0}) == 4u);
  BOOST_TEST(buckets[2] == 0u);  // none within 5 ms

  both(Act::code(ResponseCode::system_busy));
  failing_send();
  both(Act::empty_answer());
  failing_send();
  BOOST_CHECK_THROW(send(Message("orders", "")), Error);  // not begun
  stats = producer->stats();
  BOOST_TEST(stats.sends == 6u);
  BOOST_TEST(stats.failed == 2u);
  BOOST_TEST(stats.maybe_stored == 1u);
  BOOST_TEST(stats.retries == 2u);
  BOOST_TEST(stats.in_flight == 0u);
}

BOOST_AUTO_TEST_CASE(a_send_in_progress_is_in_flight_until_it_ends_or_is_cancelled) {
  start();
  both(Act::hang());
  asio::cancellation_signal signal;
  producer->async_send(
      Message("orders", "x"),
      asio::bind_cancellation_slot(signal.slot(), [](error_code, const SendOutcome&) {}));
  pass(1s);
  BOOST_TEST(producer->stats().in_flight == 1u);
  signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(producer->stats().in_flight == 0u);
  BOOST_TEST(producer->stats().maybe_stored == 1u);
}

BOOST_AUTO_TEST_CASE(a_callback_gets_them_at_its_interval) {
  std::vector<std::uint64_t> seen;
  start(config().on_stats([&](const ProducerStats& stats) { seen.push_back(stats.stored); }, 10s));
  send();
  pass(10s);
  send();
  pass(10s);
  const std::vector<std::uint64_t> expected{1, 2};
  BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
