// Who is to be told of which change: the bookkeeping alone.

#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <set>

#include "route_watches.hpp"

using comet::namesrv::RouteWatches;
using comet::namesrv::RouteWatchLimits;
using Names = std::vector<std::string>;

namespace {

std::map<std::uint64_t, Names> all(RouteWatches& watches) {
  std::map<std::uint64_t, Names> told;
  while (const auto notice = watches.next()) {
    Names& topics = told[notice->connection];
    topics.insert(topics.end(), notice->topics.begin(), notice->topics.end());
  }
  return told;
}

RouteWatchLimits limits(std::size_t all, std::size_t per_connection) {
  RouteWatchLimits limits;
  limits.max_watches = all;
  limits.max_per_connection = per_connection;
  return limits;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(route_watches)

BOOST_AUTO_TEST_CASE(watchers_of_a_changed_topic_are_told_once) {
  RouteWatches watches({});
  BOOST_TEST(watches.add(1, "a"));
  BOOST_TEST(watches.add(2, "a"));
  BOOST_TEST(watches.add(2, "b"));
  BOOST_TEST(watches.changed({"a", "c"}));
  const auto told = all(watches);
  BOOST_TEST((told == std::map<std::uint64_t, Names>{{1, {"a"}}, {2, {"a"}}}));
  BOOST_TEST(watches.size() == 1u);
  BOOST_TEST(!watches.changed({"a", "c"}));
  BOOST_TEST(all(watches).empty());
}

BOOST_AUTO_TEST_CASE(a_connection_is_told_of_all_its_changes_at_once) {
  RouteWatches watches({});
  for (const char* topic : {"c", "a", "b", "unchanged"}) watches.add(7, topic);
  watches.changed({"a", "b"});
  watches.changed({"c"});
  const auto notice = watches.next();
  BOOST_REQUIRE(notice);
  BOOST_TEST(notice->topics == (Names{"a", "b", "c"}), boost::test_tools::per_element());
  BOOST_TEST(!watches.next());
}

BOOST_AUTO_TEST_CASE(asking_twice_is_one_watch) {
  RouteWatches watches({});
  BOOST_TEST(watches.add(1, "a"));
  BOOST_TEST(watches.add(1, "a"));
  BOOST_TEST(watches.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_watch_that_is_renewed_before_the_old_one_was_told_of_is_another_one) {
  RouteWatches watches({});
  watches.add(1, "a");
  watches.changed({"a"});
  BOOST_TEST(watches.add(1, "a"));
  BOOST_TEST(watches.size() == 2u);
  BOOST_TEST(all(watches).size() == 1u);
  BOOST_TEST(watches.size() == 1u);
  BOOST_TEST(watches.changed({"a"}));
  BOOST_TEST(all(watches).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_leaves_nothing_behind) {
  RouteWatches watches({});
  for (std::uint64_t connection = 1; connection <= 3; ++connection) {
    for (const char* topic : {"a", "b", "c"}) watches.add(connection, topic);
  }
  watches.changed({"b", "c"});
  for (std::uint64_t connection = 1; connection <= 3; ++connection) {
    watches.remove_connection(connection);
  }
  BOOST_TEST(watches.size() == 0u);
  BOOST_TEST(watches.topics() == 0u);
  BOOST_TEST(!watches.next());
  watches.remove_connection(99);
}

BOOST_AUTO_TEST_CASE(limits_hold_and_room_comes_back) {
  RouteWatches watches(limits(3, 2));
  BOOST_TEST(watches.add(1, "a"));
  BOOST_TEST(watches.add(1, "b"));
  BOOST_TEST(!watches.add(1, "c"), "of one connection");
  BOOST_TEST(watches.add(2, "a"));
  BOOST_TEST(!watches.add(2, "b"), "of all");
  BOOST_TEST(watches.add(1, "a"), "one that is there needs no room");
  BOOST_TEST(!watches.add(3, "refused"));
  BOOST_TEST(watches.topics() == 2u);
  watches.remove_connection(1);
  BOOST_TEST(watches.add(2, "b"));
  BOOST_TEST(!watches.add(2, std::string(256, 'x')));
  BOOST_TEST(!watches.add(2, ""));
}

BOOST_AUTO_TEST_CASE(random_orders_agree_with_a_simple_model) {
  std::mt19937 random(20261121);
  RouteWatches watches(limits(400, 30));
  std::set<std::pair<std::uint64_t, std::string>> model;  // watches that nobody has been told of
  const auto topic = [&] { return "t" + std::to_string(random() % 40); };
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t connection = random() % 20;
    switch (random() % 8) {
      case 0: {
        const Names changed = {topic(), topic()};
        const std::set<std::string> names(changed.begin(), changed.end());
        std::set<std::pair<std::uint64_t, std::string>> expected;
        for (const auto& watch : model) {
          if (names.contains(watch.second)) expected.insert(watch);
        }
        watches.changed({names.begin(), names.end()});
        std::set<std::pair<std::uint64_t, std::string>> told;
        for (const auto& [to, topics] : all(watches)) {
          for (const std::string& name : topics) BOOST_TEST(told.emplace(to, name).second);
        }
        BOOST_TEST((told == expected));
        for (const auto& watch : told) model.erase(watch);
        break;
      }
      case 1:
        watches.remove_connection(connection);
        std::erase_if(model, [&](const auto& watch) { return watch.first == connection; });
        break;
      default: {
        const std::string name = topic();
        if (watches.add(connection, name)) model.emplace(connection, name);
      }
    }
    BOOST_TEST(watches.size() == model.size());
  }
}

BOOST_AUTO_TEST_SUITE_END()
