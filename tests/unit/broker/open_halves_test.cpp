// Model test of the set of open half messages: it does what a plain set does.

#include "transaction/open_halves.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <set>
#include <vector>

using comet::broker::OpenHalves;

BOOST_AUTO_TEST_SUITE(open_half_messages)

BOOST_AUTO_TEST_CASE(they_are_ended_and_found_in_any_order) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      std::minstd_rand random(seed);
      OpenHalves halves;
      const std::int64_t begin = std::int64_t{seed} * 37;
      halves.reset(begin);
      std::set<std::int64_t> open;
      std::int64_t end = begin;
      for (int step = 0; step < 3000; ++step) {
        const auto choice = random() % 10;
        if (choice < 5) {
          open.insert(end++);
        } else if (choice < 9 && end > begin) {
          const std::int64_t offset =
              begin + static_cast<std::int64_t>(random() % static_cast<unsigned>(end - begin));
          auto claim = halves.claim_exactly(offset);
          BOOST_REQUIRE_EQUAL(claim.has_value(), open.contains(offset));
          if (claim && random() % 4 != 0) {
            claim->end();
            open.erase(offset);
          }
        } else {
          BOOST_REQUIRE_EQUAL(halves.advance(0, end), open.empty() ? end : *open.begin());
        }
        const std::int64_t from = begin + static_cast<std::int64_t>(random() % 2000);
        const auto next = open.lower_bound(from);
        BOOST_REQUIRE_EQUAL(halves.next_open(from, end), next == open.end() ? end : *next);
        BOOST_REQUIRE_EQUAL(halves.count(end), static_cast<std::int64_t>(open.size()));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(one_that_is_claimed_is_busy_until_the_claim_goes) {
  OpenHalves halves;
  halves.reset(0);
  {
    const auto first = halves.claim(5);
    BOOST_REQUIRE(first.claim.has_value());
    BOOST_TEST((halves.claim(5).refusal == OpenHalves::Refusal::busy));
    BOOST_TEST(!halves.claim_exactly(5).has_value());
  }
  auto again = halves.claim(5);
  BOOST_REQUIRE(again.claim.has_value());
  again.claim->end();
  BOOST_TEST(!halves.claim(5).claim.has_value());
  BOOST_TEST((halves.claim(5).refusal == OpenHalves::Refusal::ended));
}

BOOST_AUTO_TEST_CASE(one_that_moved_is_found_by_its_first_and_its_last_place) {
  OpenHalves halves;
  halves.reset(0);
  for (std::int64_t place = 1; place < 50; ++place) {
    auto claim = halves.claim_exactly(place);
    BOOST_REQUIRE(claim.has_value());
    claim->move_to(place + 1);
  }
  BOOST_TEST(halves.claim(1).claim->offset() == 50);
  BOOST_TEST(halves.claim(49).claim->offset() == 50);
  BOOST_TEST(!halves.claim(30).claim.has_value());  // an answer that is older than two checks
  halves.claim(1).claim->end();
  for (const std::int64_t place : {1, 30, 49, 50}) BOOST_TEST(!halves.claim(place).claim);
}

BOOST_AUTO_TEST_CASE(those_whose_log_files_are_gone_are_forgotten) {
  OpenHalves halves;
  halves.reset(10);
  halves.set_ended(205);
  BOOST_TEST(halves.advance(200, 300) == 200);
  BOOST_TEST(halves.first() == 200);
  BOOST_TEST(!halves.claim(150).claim);
  BOOST_TEST(halves.count(300) == 99);
}

BOOST_AUTO_TEST_CASE(millions_that_have_ended_take_no_memory_to_speak_of) {
  OpenHalves halves;
  halves.reset(0);
  constexpr std::int64_t kMany = 5'000'000;
  for (std::int64_t offset = 1; offset < kMany; ++offset) halves.set_ended(offset);
  BOOST_TEST(halves.count(kMany) == 1);
  BOOST_TEST(halves.next_open(1, kMany) == kMany);  // at once, though a bit for each lies between
  BOOST_TEST(halves.advance(0, kMany) == 0);
  halves.claim_exactly(0)->end();
  BOOST_TEST(halves.advance(0, kMany) == kMany);
  BOOST_TEST(halves.count(kMany) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
