#include <boost/test/unit_test.hpp>

#include <string>

#include "route_table_fixture.hpp"
#include "tables/route_table.hpp"

using namespace comet::test;

BOOST_AUTO_TEST_SUITE(route_table_registration)

BOOST_AUTO_TEST_CASE(a_registered_topic_has_a_route) {
  RouteTable table;
  const RegisterOutcome outcome = table.register_broker(Registration({"T", "U"}), kStart);
  BOOST_TEST(outcome.refusal == "");
  BOOST_TEST(outcome.first);
  BOOST_TEST(outcome.topics == 2u);
  BOOST_TEST(outcome.master_addr == "");
  const TopicRouteData data = route(table);
  BOOST_REQUIRE(data.queues.size() == 1u);
  BOOST_TEST(data.queues[0].broker_name == "broker-a");
  BOOST_TEST(data.queues[0].read_queue_nums == 4);
  BOOST_TEST(data.queues[0].perm == 6);
  BOOST_REQUIRE(data.brokers.size() == 1u);
  BOOST_TEST(data.brokers[0].cluster == "c");
  BOOST_TEST(data.brokers[0].broker_addrs.at(0) == kA);
  BOOST_TEST(!table.find_route("X"));
}

BOOST_AUTO_TEST_CASE(brokers_of_a_topic_are_listed_by_name) {
  RouteTable table;
  table.register_broker(Registration().name("b").at(kB), kStart);
  table.register_broker(Registration().name("a").at(kA), kStart);
  const TopicRouteData data = route(table);
  BOOST_REQUIRE(data.queues.size() == 2u);
  BOOST_TEST(data.queues[0].broker_name == "a");
  BOOST_TEST(data.brokers[1].broker_name == "b");
}

BOOST_AUTO_TEST_CASE(topics_change_only_with_the_data_version) {
  RouteTable table;
  table.register_broker(Registration(), kStart);
  BOOST_TEST(!table.register_broker(Registration().topic(topic("T", 9)), kStart).first);
  BOOST_TEST(route(table).queues[0].read_queue_nums == 4);
  table.register_broker(Registration().topic(topic("T", 9)).version(2), kStart);
  BOOST_TEST(route(table).queues[0].read_queue_nums == 9);
}

BOOST_AUTO_TEST_CASE(a_missing_topic_is_added_even_without_a_new_data_version) {
  RouteTable table;
  // The incremental registration of one topic overtakes the full one.
  table.register_broker(Registration({"New"}).version(7), kStart);
  BOOST_TEST(table.register_broker(Registration({"T", "New"}).version(7), kStart).topics == 2u);
  BOOST_TEST(table.find_route("T").has_value());
}

BOOST_AUTO_TEST_CASE(topics_that_are_not_in_a_registration_stay) {
  RouteTable table;
  table.register_broker(Registration({"T", "U"}), kStart);
  table.register_broker(Registration({"U"}).version(2), kStart);
  BOOST_TEST(table.find_route("T").has_value());
}

BOOST_AUTO_TEST_CASE(only_masters_bring_topics) {
  RouteTable table;
  const auto slave = table.register_broker(Registration().id(1), kStart);
  BOOST_TEST(slave.first);
  BOOST_TEST(slave.topics == 0u);
  BOOST_TEST(!table.find_route("T"));
}

BOOST_AUTO_TEST_CASE(a_slave_learns_its_master_once_that_lives) {
  RouteTable table;
  BOOST_TEST(table.register_broker(Registration().id(1).at(kB).over(2), kStart).master_addr == "");
  const auto master = table.register_broker(Registration(), kStart);
  BOOST_TEST(master.first);
  BOOST_TEST(master.master_addr == "");
  const auto slave = table.register_broker(Registration().id(1).at(kB).over(2), kStart);
  BOOST_TEST(slave.master_addr == kA);
  BOOST_TEST(slave.master_ha_server_addr == "10.0.0.1:10912");
  BOOST_TEST(address(table, 1) == kB);
}

BOOST_AUTO_TEST_CASE(filter_servers_are_passed_on) {
  RouteTable table;
  Registration registration;
  registration.body.filter_servers = {"10.0.0.9:1"};
  table.register_broker(registration, kStart);
  BOOST_TEST(route(table).filter_servers.at(std::string(kA)).at(0) == "10.0.0.9:1");
  BOOST_TEST(table.find_route_json("T", IntegerKeys::quoted)->view().find("10.0.0.9:1") !=
             std::string_view::npos);
  table.register_broker(Registration(), kStart);
  BOOST_TEST(route(table).filter_servers.empty());
  BOOST_TEST(table.find_route_json("T", IntegerKeys::quoted)->view().find("10.0.0.9:1") ==
             std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(unusable_registrations_are_refused_and_change_nothing) {
  RouteTable table;
  const auto refusal = [&](auto spoil) {
    Registration registration;
    spoil(registration);
    const auto outcome = table.register_broker(registration, kStart);
    BOOST_TEST(table.brokers() == 0u);
    BOOST_TEST(!table.find_route("T"));
    return outcome.refusal;
  };
  BOOST_TEST(refusal([](auto& r) { r.broker_name = ""; }) == "broker name \"\" cannot be used");
  BOOST_TEST(refusal([](auto& r) { r.broker_name = "a\nb"; }) ==
             "broker name \"a\\x0ab\" cannot be used");
  BOOST_TEST(refusal([](auto& r) { r.broker_name = std::string(256, 'x'); }).size() < 200u);
  BOOST_TEST(refusal([](auto& r) { r.cluster = "\xff"; }) != "");
  BOOST_TEST(refusal([](auto& r) { r.address = "nonsense"; }) ==
             "broker address \"nonsense\" cannot be used");
  BOOST_TEST(refusal([](auto& r) { r.address = "a:0"; }) != "");
  BOOST_TEST(refusal([](auto& r) { r.address = std::string(300, 'h') + ":1"; }) != "");
  BOOST_TEST(refusal([](auto& r) { r.ha_server_addr = "a\x1b:1"; }) != "");
  BOOST_TEST(refusal([](auto& r) { r.broker_id = -1; }) == "broker id \"-1\" cannot be used");
}

BOOST_AUTO_TEST_CASE(topics_with_unusable_names_are_left_out_and_counted) {
  RouteTable table;
  Registration registration({"T", "", "a\tb", "\xff\xfe", std::string(256, 'x')});
  auto outcome = table.register_broker(registration, kStart);
  BOOST_TEST(outcome.topics == 1u);
  BOOST_TEST(outcome.topics_left_out == 4u);
  BOOST_TEST(outcome.left_out_changed);
  outcome = table.register_broker(registration, kStart);
  BOOST_TEST(outcome.topics_left_out == 4u);
  BOOST_TEST(!outcome.left_out_changed);
  BOOST_TEST(table.topics().size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_limits_of_brokers_and_topics_hold) {
  RouteTableLimits limits;
  limits.max_brokers = 2;
  limits.max_topics_per_broker = 3;
  limits.max_entries = 5;
  RouteTable table(limits);
  BOOST_TEST(table.register_broker(Registration({"a", "b", "c", "d"}), kStart).topics_left_out ==
             1u);
  const auto second =
      table.register_broker(Registration({"a", "b", "c"}).name("b").at(kB).over(2), kStart);
  BOOST_TEST(second.topics == 2u);
  BOOST_TEST(second.topics_left_out == 1u);
  BOOST_TEST(table.register_broker(Registration().name("z").at("10.0.0.3:1"), kStart).refusal ==
             "there are already 2 brokers");
  BOOST_TEST(table.register_broker(Registration(), kStart).refusal == "");
  // What goes makes room.
  table.connection_closed(2);
  const auto third = table.register_broker(Registration({"x", "y"}).name("z").at(kB), kStart);
  BOOST_TEST(third.refusal == "");
  BOOST_TEST(third.topics == 2u);
}

BOOST_AUTO_TEST_CASE(two_hundred_thousand_topics_come_and_go) {
  RouteTable table;
  Registration registration({});
  for (int i = 0; i < 200'001; ++i) registration.topic(topic("topic-" + std::to_string(i)));
  const auto outcome = table.register_broker(registration, kStart);
  BOOST_TEST(outcome.topics == 200'000u);
  BOOST_TEST(outcome.topics_left_out == 1u);
  BOOST_TEST(table.connection_closed(1).size() == 1u);
  BOOST_TEST(table.topics().empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(route_table_switches)

BOOST_AUTO_TEST_CASE(a_slave_becomes_master) {
  RouteTable table;
  table.register_broker(Registration().over(1), kStart);
  table.register_broker(Registration().id(1).at(kB).over(2), kStart);
  table.connection_closed(1);
  BOOST_TEST(address(table, 0) == "none");
  BOOST_TEST(address(table, 1) == kB);
  const auto outcome = table.register_broker(Registration({"T", "U"}).id(0).at(kB).over(2), kStart);
  BOOST_TEST(outcome.first);
  BOOST_TEST(outcome.previous_id.value() == 1);
  BOOST_TEST(address(table, 0) == kB);
  BOOST_TEST(address(table, 1) == "none");
  BOOST_TEST(table.find_route("U").has_value());
}

BOOST_AUTO_TEST_CASE(a_master_and_a_slave_trade_places_in_either_order) {
  for (const bool slave_first : {true, false}) {
    RouteTable table;
    table.register_broker(Registration().at(kA).over(1), kStart);
    table.register_broker(Registration().id(1).at(kB).over(2), kStart);
    if (slave_first) {
      const auto outcome = table.register_broker(Registration().id(0).at(kB).over(2), kStart);
      BOOST_TEST(outcome.previous_address == kA);
      table.register_broker(Registration().id(1).at(kA).over(1), kStart);
    } else {
      table.register_broker(Registration().id(1).at(kA).over(1), kStart);
      table.register_broker(Registration().id(0).at(kB).over(2), kStart);
    }
    BOOST_TEST(address(table, 0) == kB);
    BOOST_TEST(address(table, 1) == kA);
    BOOST_TEST(table.brokers() == 2u);
    // Each connection still stands for its own broker.
    table.connection_closed(1);
    BOOST_TEST(address(table, 0) == kB);
    BOOST_TEST(address(table, 1) == "none");
  }
}

BOOST_AUTO_TEST_CASE(the_only_member_keeps_its_topics_when_it_becomes_a_slave) {
  RouteTable table;
  table.register_broker(Registration(), kStart);
  const auto outcome = table.register_broker(Registration().id(1), kStart);
  BOOST_TEST(outcome.previous_id.value() == 0);
  BOOST_TEST(address(table, 0) == "none");
  BOOST_TEST(address(table, 1) == kA);
}

BOOST_AUTO_TEST_CASE(a_broker_that_moves_takes_its_id_along) {
  RouteTable table;
  table.register_broker(Registration().at(kA).over(1), kStart);
  const auto outcome = table.register_broker(Registration({"T", "U"}).at(kB).over(2), kStart);
  BOOST_TEST(!outcome.first);
  BOOST_TEST(outcome.previous_address == kA);
  BOOST_TEST(address(table, 0) == kB);
  BOOST_TEST(table.find_route("U").has_value());
  // The old process goes later: its close, its expiry and its goodbye hit nobody.
  BOOST_TEST(table.connection_closed(1).empty());
  BOOST_TEST(!table.unregister_broker(kA));
  BOOST_TEST(address(table, 0) == kB);
}

BOOST_AUTO_TEST_CASE(an_address_belongs_to_one_broker_name) {
  RouteTable table;
  table.register_broker(Registration({"T"}).name("old"), kStart);
  const auto outcome = table.register_broker(Registration({"U"}).name("new"), kStart);
  BOOST_TEST(outcome.first);
  BOOST_TEST(outcome.previous_name == "old");
  BOOST_TEST(!table.find_route("T"));
  BOOST_TEST(route(table, "U").brokers.at(0).broker_name == "new");
  BOOST_TEST(table.brokers() == 1u);
}

BOOST_AUTO_TEST_CASE(a_broker_alone_may_change_its_cluster) {
  RouteTable table;
  table.register_broker(Registration(), kStart);
  (void)table.find_route_json("T", IntegerKeys::quoted);
  Registration moved;
  moved.cluster = "d";
  table.register_broker(moved, kStart);
  BOOST_TEST(route(table).brokers.at(0).cluster == "d");
  BOOST_TEST(table.find_route_json("T", IntegerKeys::quoted)->view().find("\"cluster\":\"d\"") !=
             std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(a_second_cluster_joins_the_broker_name_of_the_first) {
  RouteTable table;
  table.register_broker(Registration(), kStart);
  Registration other;
  other.id(1).at(kB).over(2).cluster = "d";
  table.register_broker(other, kStart);
  BOOST_TEST(route(table).brokers.at(0).cluster == "c");
  BOOST_TEST(address(table, 1) == kB);
}

BOOST_AUTO_TEST_CASE(a_master_of_an_older_state_is_ignored) {
  RouteTable table;
  table.register_broker(Registration().at(kA).state(5), kStart);
  const auto outcome = table.register_broker(Registration().at(kB).over(2).state(4), kStart);
  BOOST_TEST(outcome.stale);
  BOOST_TEST(outcome.refusal == "");
  BOOST_TEST(address(table, 0) == kA);
  BOOST_TEST(table.brokers() == 1u);
  BOOST_TEST(!table.register_broker(Registration().at(kB).over(2).state(5), kStart).stale);
  BOOST_TEST(address(table, 0) == kB);
}

BOOST_AUTO_TEST_CASE(a_stale_address_loses_the_place_that_it_had) {
  RouteTable table;
  table.register_broker(Registration().at(kA).state(5), kStart);
  table.register_broker(Registration().id(1).at(kB).over(2).state(4), kStart);
  BOOST_TEST(table.register_broker(Registration().id(0).at(kB).over(2).state(4), kStart).stale);
  BOOST_TEST(address(table, 1) == "none");
  BOOST_TEST(address(table, 0) == kA);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(route_table_departures)

BOOST_AUTO_TEST_CASE(a_closed_connection_ends_its_broker_at_once) {
  RouteTable table;
  table.register_broker(Registration({"T", "U"}), kStart);
  table.register_broker(Registration({"U"}).name("b").at(kB).over(2), kStart);
  const auto removed = table.connection_closed(1);
  BOOST_REQUIRE(removed.size() == 1u);
  BOOST_TEST(removed[0].broker_name == "broker-a");
  BOOST_TEST(removed[0].cluster == "c");
  BOOST_TEST(removed[0].address == kA);
  BOOST_TEST(removed[0].broker_id == 0);
  BOOST_TEST(!table.find_route("T"));
  BOOST_TEST(route(table, "U").queues.size() == 1u);
  BOOST_TEST(table.connection_closed(1).empty());
}

BOOST_AUTO_TEST_CASE(the_late_close_of_an_old_connection_changes_nothing) {
  RouteTable table;
  table.register_broker(Registration().over(1), kStart);
  table.register_broker(Registration().over(2), kStart);
  BOOST_TEST(table.connection_closed(1).empty());
  BOOST_TEST(address(table, 0) == kA);
  BOOST_TEST(table.connection_closed(2).size() == 1u);
  BOOST_TEST(!table.find_route("T"));
}

BOOST_AUTO_TEST_CASE(an_early_close_of_the_old_connection_is_repaired_by_the_next_registration) {
  RouteTable table;
  table.register_broker(Registration().over(1), kStart);
  table.connection_closed(1);
  BOOST_TEST(!table.find_route("T"));
  // The same data version as before: all the same everything has to come back.
  BOOST_TEST(table.register_broker(Registration().over(2), kStart).first);
  BOOST_TEST(address(table, 0) == kA);
}

BOOST_AUTO_TEST_CASE(one_connection_may_stand_for_several_brokers) {
  RouteTable table;
  table.register_broker(Registration({"T"}), kStart);
  table.register_broker(Registration({"U"}).name("b").at(kB), kStart);
  BOOST_TEST(table.connection_closed(1).size() == 2u);
  BOOST_TEST(table.brokers() == 0u);
}

BOOST_AUTO_TEST_CASE(routes_outlive_the_master_as_long_as_a_slave_lives) {
  RouteTable table;
  table.register_broker(Registration().over(1), kStart);
  table.register_broker(Registration().id(1).at(kB).over(2), kStart);
  table.connection_closed(1);
  BOOST_TEST(address(table, 0) == "none");
  BOOST_TEST(address(table, 1) == kB);
  table.connection_closed(2);
  BOOST_TEST(!table.find_route("T"));
}

BOOST_AUTO_TEST_CASE(unregistering_removes_the_address_that_it_names) {
  RouteTable table;
  table.register_broker(Registration(), kStart);
  BOOST_TEST(!table.unregister_broker(kB));
  const auto removed = table.unregister_broker(kA);
  BOOST_TEST(removed.value().broker_name == "broker-a");
  BOOST_TEST(!table.find_route("T"));
  BOOST_TEST(table.connection_closed(1).empty());
}

BOOST_AUTO_TEST_CASE(silence_beyond_the_timeout_ends_a_broker) {
  RouteTable table;
  table.register_broker(Registration({"T"}), kStart);
  Registration quick({"U"});
  quick.name("b").at(kB).over(2).timeout = 10s;
  table.register_broker(quick, kStart);
  BOOST_TEST(table.expire(kStart + 10s).empty());
  auto removed = table.expire(kStart + 11s);
  BOOST_REQUIRE(removed.size() == 1u);
  BOOST_TEST(removed[0].address == kB);
  BOOST_TEST(removed[0].connection == 2u);
  BOOST_TEST((removed[0].silent == 11s));
  BOOST_TEST(table.expire(kStart + 120s).empty());
  BOOST_TEST(table.expire(kStart + 120s + 1ns).size() == 1u);
  BOOST_TEST(!table.find_route("T"));
}

BOOST_AUTO_TEST_CASE(registrations_and_signs_of_life_postpone_the_end) {
  RouteTable table;
  table.register_broker(Registration(), kStart);
  table.register_broker(Registration(), kStart + 100s);
  BOOST_TEST(table.expire(kStart + 220s).empty());
  BOOST_TEST(table.touch(kA, kStart + 220s));
  BOOST_TEST(!table.touch(kB, kStart + 220s));
  BOOST_TEST(table.expire(kStart + 340s).empty());
  BOOST_TEST(table.expire(kStart + 341s).size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_data_version_of_an_address_is_that_of_its_last_registration) {
  RouteTable table;
  BOOST_TEST(!table.data_version(kA));
  table.register_broker(Registration().version(3), kStart);
  BOOST_TEST(table.data_version(kA).value().counter == 3);
  table.connection_closed(1);
  BOOST_TEST(!table.data_version(kA));
}

BOOST_AUTO_TEST_SUITE_END()
