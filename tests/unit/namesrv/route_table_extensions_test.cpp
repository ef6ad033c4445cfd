// Rules of the nameserver of 5.x, sweeping, repeated registrations.

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "route_table_fixture.hpp"
#include "tables/route_table.hpp"

using namespace comet::test;
using comet::namesrv::RouteTableOptions;
using comet::routing::QueueData;
using comet::routing::TopicQueueMapping;

namespace {

Registration acting(std::int64_t id, std::string_view address) {
  Registration registration;
  registration.id(id).at(address).over(static_cast<std::uint64_t>(10 + id));
  registration.enable_acting_master = true;
  return registration;
}

Registration with_digest(std::uint64_t digest) {
  Registration registration({"T", "U"});
  registration.body_digest = digest;
  return registration;
}

// As the handler does it: the body is looked at only if it has to be.
bool repeat(RouteTable& table, Registration registration, comet::Instant now = kStart) {
  registration.body = {};
  return table.register_again(registration, now).has_value();
}

TopicQueueMapping mapping(std::string broker, int queues) {
  TopicQueueMapping mapping;
  mapping.topic = "T";
  mapping.broker_name = std::move(broker);
  for (int i = 0; i < queues; ++i) mapping.current_ids[i] = i;
  return mapping;
}

void sweep_all(RouteTable& table) {
  while (table.sweep()) continue;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(route_table_repeated_registrations)

BOOST_AUTO_TEST_CASE(a_body_that_is_known_need_not_be_decoded) {
  RouteTable table;
  BOOST_TEST(!repeat(table, with_digest(1)));
  table.register_broker(with_digest(1), kStart);
  BOOST_TEST(repeat(table, with_digest(1), kStart + 100s));
  BOOST_TEST(table.expire(kStart + 200s).empty());
  BOOST_TEST(table.find_route("T").has_value());
  BOOST_TEST(!repeat(table, with_digest(2)));
  BOOST_TEST(!repeat(table, with_digest(0)));
}

BOOST_AUTO_TEST_CASE(it_must_come_from_the_same_address_name_and_id) {
  RouteTable table;
  table.register_broker(with_digest(1), kStart);
  BOOST_TEST(!repeat(table, Registration(with_digest(1)).at(kB)));
  BOOST_TEST(!repeat(table, Registration(with_digest(1)).id(1)));
  BOOST_TEST(!repeat(table, Registration(with_digest(1)).name("b")));
  BOOST_TEST(address(table, 0) == kA);
}

// One name and id at two addresses by turns are two brokers; a move now and then is a restart.
BOOST_AUTO_TEST_CASE(moves_between_addresses_are_counted_while_they_follow_each_other) {
  RouteTable table;
  comet::Instant now = kStart;
  BOOST_TEST(table.register_broker(with_digest(1), now).moves == 0);
  for (const int moves : {1, 2, 3}) {
    now += std::chrono::seconds(30);
    const auto outcome =
        table.register_broker(Registration(with_digest(1)).at(moves % 2 == 1 ? kB : kA), now);
    BOOST_TEST(outcome.moves == moves);
    BOOST_TEST(outcome.previous_address == (moves % 2 == 1 ? kA : kB));
  }
  now += std::chrono::minutes(11);
  BOOST_TEST(table.register_broker(with_digest(1), now).moves == 1);
}

BOOST_AUTO_TEST_CASE(the_newest_connection_counts_here_too) {
  RouteTable table;
  table.register_broker(with_digest(1), kStart);
  BOOST_TEST(repeat(table, Registration(with_digest(1)).over(2)));
  BOOST_TEST(table.connection_closed(1).empty());
  BOOST_TEST(table.connection_closed(2).size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_header_may_say_something_new) {
  RouteTable table;
  table.register_broker(with_digest(1), kStart);
  Registration moved = with_digest(1);
  moved.cluster = "d";
  moved.zone_name = "z";
  BOOST_TEST(repeat(table, moved));
  BOOST_TEST(route(table).brokers.at(0).cluster == "d");
  BOOST_TEST(route(table).brokers.at(0).zone_name == "z");
  moved.zone_name = "bad\nzone";
  BOOST_TEST(!repeat(table, moved));
}

BOOST_AUTO_TEST_CASE(a_deleted_topic_comes_back_with_the_next_registration) {
  RouteTable table;
  table.register_broker(with_digest(1), kStart);
  table.remove_topic("T");
  BOOST_TEST(!repeat(table, with_digest(1)));
  table.register_broker(with_digest(1), kStart);
  BOOST_TEST(table.find_route("T").has_value());
  BOOST_TEST(repeat(table, with_digest(1)));
}

BOOST_AUTO_TEST_CASE(topics_that_were_left_out_get_another_chance) {
  comet::namesrv::RouteTableLimits limits;
  limits.max_entries = 1;
  RouteTable table(limits);
  BOOST_TEST(table.register_broker(with_digest(1), kStart).topics_left_out == 1u);
  BOOST_TEST(!repeat(table, with_digest(1)));
}

BOOST_AUTO_TEST_CASE(names_of_topics_have_a_limit_together_and_departed_brokers_make_room) {
  comet::namesrv::RouteTableLimits limits;
  limits.max_name_bytes = 10;
  RouteTable table(limits);
  const auto outcome =
      table.register_broker(Registration({"12345", "1234567", "67890"}).over(1), kStart);
  BOOST_TEST(outcome.topics_left_out == 1u);
  BOOST_TEST(outcome.topics == 2u);
  table.connection_closed(1);
  BOOST_TEST(table.register_broker(Registration({"abcdefghij"}).name("b").at(kB), kStart)
                 .topics_left_out == 0u);
}

BOOST_AUTO_TEST_CASE(a_broker_names_so_many_filter_servers) {
  RouteTable table;
  Registration registration({"T"});
  registration.body.filter_servers.assign(64, "10.0.0.1:1");
  BOOST_TEST(table.register_broker(registration, kStart).refusal == "");
  registration.body.filter_servers.emplace_back("10.0.0.2:1");
  BOOST_TEST(table.register_broker(registration, kStart).refusal ==
             "it names 65 filter servers, more than 64 are not taken");
  registration.body.filter_servers.assign(1, std::string(300, 'x'));
  BOOST_TEST(table.register_broker(registration, kStart).refusal != "");
}

BOOST_AUTO_TEST_CASE(a_slave_that_comes_to_stand_next_to_the_master_has_to_show_its_topics) {
  RouteTable table;
  table.register_broker(acting(0, kA), kStart);
  Registration slave = acting(1, kB);
  slave.topic(topic("OfTheSlave")).body_digest = 5;
  table.register_broker(slave, kStart);
  BOOST_TEST(!table.find_route("OfTheSlave"));
  BOOST_TEST(repeat(table, slave));
  table.unregister_broker(kA);
  BOOST_TEST(!repeat(table, slave));
  table.register_broker(slave, kStart);
  BOOST_TEST(table.find_route("OfTheSlave").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(route_table_extensions)

BOOST_AUTO_TEST_CASE(without_its_master_an_acting_broker_cannot_be_written_to) {
  RouteTable table;
  table.register_broker(acting(0, kA), kStart);
  table.register_broker(acting(1, kB), kStart);
  table.unregister_broker(kA);
  BOOST_TEST(route(table).queues.at(0).perm == 4);
  table.register_broker(acting(0, kA), kStart);
  BOOST_TEST(route(table).queues.at(0).perm == 6);
}

BOOST_AUTO_TEST_CASE(the_lowest_id_of_a_broker_changes_when_members_come_and_go) {
  RouteTable table;
  BOOST_TEST(!table.register_broker(acting(2, "10.0.0.3:1"), kStart).min_id_change);
  auto change = table.register_broker(acting(1, kB), kStart).min_id_change;
  BOOST_REQUIRE(change);
  BOOST_TEST(change->min_broker_id == 1);
  BOOST_TEST(change->min_broker_addr == kB);
  BOOST_TEST(change->ha_broker_addr == "10.0.0.1:10912");
  BOOST_TEST(change->offline_broker_addr == "");
  BOOST_TEST(change->addresses == (std::vector<std::string>{"10.0.0.3:1"}),
             boost::test_tools::per_element());
  BOOST_TEST(!table.register_broker(acting(3, "10.0.0.4:1"), kStart).min_id_change);
  BOOST_TEST(!table.unregister_broker("10.0.0.3:1")->min_id_change);
  change = table.unregister_broker(kB)->min_id_change;
  BOOST_REQUIRE(change);
  BOOST_TEST(change->min_broker_id == 3);
  BOOST_TEST(change->offline_broker_addr == kB);
  BOOST_TEST(!table.unregister_broker("10.0.0.4:1")->min_id_change);
}

BOOST_AUTO_TEST_CASE(a_single_topic_may_be_registered_with_brokers_that_are_known) {
  RouteTable table;
  table.register_broker(Registration(), kStart);
  QueueData queue;
  queue.broker_name = "broker-a";
  queue.perm = 4;
  BOOST_TEST(table.register_topic("New", {queue}) == "");
  BOOST_TEST(route(table, "New").queues.at(0).perm == 4);
  BOOST_TEST(table.register_topic("T", {queue}) == "");
  BOOST_TEST(route(table, "T").queues.at(0).perm == 4);
  QueueData unknown = queue;
  unknown.broker_name = "x";
  BOOST_TEST(table.register_topic("Other", {queue, unknown}) == "broker \"x\" is not registered");
  BOOST_TEST(!table.find_route("Other"));
  BOOST_TEST(table.register_topic("a\nb", {queue}) != "");
}

BOOST_AUTO_TEST_CASE(queue_mappings_are_bounded_and_end_with_their_topic) {
  comet::namesrv::RouteTableLimits limits;
  limits.max_mapped_queues = 10;
  RouteTable table(limits);
  Registration registration;
  registration.body.queue_mappings["T"] = mapping("broker-a", 8);
  registration.body.queue_mappings["Unknown"] = mapping("broker-a", 1);
  table.register_broker(registration, kStart);
  BOOST_TEST(route(table).queue_mappings.at("broker-a").current_ids.size() == 8u);
  Registration other;
  other.name("b").at(kB).over(2).body.queue_mappings["T"] = mapping("b", 3);
  table.register_broker(other, kStart);
  BOOST_TEST(!route(table).queue_mappings.contains("b"));
  // Of somebody else: not taken.
  other.version(2).body.queue_mappings["T"] = mapping("broker-a", 1);
  table.register_broker(other, kStart);
  BOOST_TEST(route(table).queue_mappings.at("broker-a").current_ids.size() == 8u);
  table.remove_topic("T", "c");
  other.version(3).body.queue_mappings["T"] = mapping("b", 10);
  table.register_broker(other, kStart);
  BOOST_TEST(route(table).queue_mappings.at("b").current_ids.size() == 10u);
}

BOOST_AUTO_TEST_CASE(a_mapping_of_a_broker_that_has_come_back_outlives_the_sweeping_of_its_past) {
  RouteTable table;
  Registration registration;
  registration.body.queue_mappings["T"] = mapping("broker-a", 2);
  table.register_broker(registration, kStart);
  table.connection_closed(1);
  registration.body.queue_mappings["T"] = mapping("broker-a", 3);
  table.register_broker(registration, kStart);
  sweep_all(table);
  BOOST_TEST(route(table).queue_mappings.at("broker-a").current_ids.size() == 3u);
  BOOST_TEST(route(table).queues.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(route_table_sweeping)

BOOST_AUTO_TEST_CASE(a_departed_broker_is_out_of_sight_at_once_and_out_of_memory_after_sweeping) {
  RouteTable table;
  table.register_broker(Registration({"T", "U"}), kStart);
  table.register_broker(Registration({"U"}).name("b").at(kB).over(2), kStart);
  table.connection_closed(1);
  BOOST_TEST(!table.find_route("T"));
  BOOST_TEST(table.topics().size() == 1u);
  BOOST_TEST(table.topics_of_cluster("c").size() == 1u);
  BOOST_TEST(table.topic_count() == 2u);
  sweep_all(table);
  BOOST_TEST(table.topic_count() == 1u);
  BOOST_TEST(route(table, "U").queues.size() == 1u);
  BOOST_TEST(!table.sweep());
}

BOOST_AUTO_TEST_CASE(a_broker_that_comes_back_while_its_past_is_being_swept_keeps_what_it_brings) {
  RouteTable table;
  Registration registration({});
  for (int i = 0; i < 500; ++i) registration.topic(topic("topic-" + std::to_string(i)));
  for (int round = 0; round < 20; ++round) {
    table.register_broker(registration, kStart);
    table.connection_closed(1);
    for (int step = 0; step < 13; ++step) (void)table.sweep();
  }
  table.register_broker(registration, kStart);
  sweep_all(table);
  BOOST_TEST(table.topic_count() == 500u);
  for (int i = 0; i < 500; ++i) {
    BOOST_REQUIRE(route(table, "topic-" + std::to_string(i)).queues.size() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(what_departed_brokers_have_left_takes_no_room_from_others) {
  comet::namesrv::RouteTableLimits limits;
  limits.max_entries = 4;
  RouteTable table(limits);
  table.register_broker(Registration({"a", "b", "c"}), kStart);
  table.connection_closed(1);
  const auto outcome = table.register_broker(Registration({"c", "d", "e", "f"}).over(2), kStart);
  BOOST_TEST(outcome.topics_left_out == 0u);
  BOOST_TEST(table.topics().size() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(route_table_saved)

namespace {

// Of everything that a table can hold.
void fill(RouteTable& table) {
  Registration a({"T", "U"});
  a.zone_name = "z";
  a.enable_acting_master = true;
  a.body.filter_servers = {"10.0.0.9:1", "10.0.0.9:2"};
  a.body.queue_mappings["T"] = mapping("broker-a", 3);
  a.body.queue_mappings["T"].scope = "__global__";
  table.register_broker(a, kStart);
  table.register_broker(acting(1, "10.0.0.8:1"), kStart);
  Registration b({"U", "V"});
  b.name("b").at(kB).over(2).topic(topic("flag", 3, 7)).cluster = "d";
  b.body.topic_config.topics["flag"].topic_sys_flag = 3;
  table.register_broker(b, kStart);
}

std::string all_answers(const RouteTable& table) {
  std::string all;
  for (const std::string& name : table.topics()) {
    all += table.find_route_json(name, IntegerKeys::quoted)->view();
    all += '\n';
  }
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_restored_table_answers_as_the_saved_one) {
  RouteTable table;
  fill(table);
  RouteTable restored;
  BOOST_TEST(!restored.restore(table.save(), kStart, 60s));
  BOOST_TEST(all_answers(restored) == all_answers(table));
  BOOST_TEST(restored.brokers() == 3u);
  BOOST_TEST(restored.topics_by_flag(3).size() == 1u);
  RouteTable empty;
  BOOST_TEST(!RouteTable().restore(empty.save(), kStart, 60s));
}

BOOST_AUTO_TEST_CASE(restored_brokers_end_unless_they_register) {
  RouteTable table;
  fill(table);
  RouteTable restored;
  BOOST_REQUIRE(!restored.restore(table.save(), kStart, 60s));
  // Nothing but a registration confirms.
  BOOST_TEST(!restored.touch(kB, kStart + 30s));
  BOOST_TEST(!restored.data_version(kB));
  Registration again({"U", "V"});
  again.name("b").at(kB).over(9).cluster = "d";
  const auto outcome = restored.register_broker(again, kStart + 30s);
  BOOST_TEST(outcome.confirmed);
  BOOST_TEST(!outcome.first);
  const auto removed = restored.expire(kStart + 61s);
  BOOST_TEST(removed.size() == 2u);
  for (const auto& broker : removed) BOOST_TEST(!broker.confirmed);
  BOOST_TEST(!restored.find_route("T"));
  BOOST_TEST(restored.find_route("V").has_value());
  BOOST_TEST(restored.find_route("flag").has_value());
  BOOST_TEST(restored.connection_closed(9).size() == 1u);
  BOOST_TEST(restored.brokers() == 0u);
}

BOOST_AUTO_TEST_CASE(a_registration_of_the_same_version_is_taken_over_what_was_restored) {
  RouteTable table;
  table.register_broker(Registration({"T"}), kStart);
  RouteTable restored;
  BOOST_REQUIRE(!restored.restore(table.save(), kStart, 60s));
  Registration changed({"T"});
  changed.topic(topic("T", 9)).body_digest = 3;
  BOOST_TEST(!repeat(restored, changed));
  restored.register_broker(changed, kStart);
  BOOST_TEST(route(restored).queues.at(0).read_queue_nums == 9);
}

BOOST_AUTO_TEST_CASE(a_text_that_is_damaged_anywhere_restores_nothing) {
  RouteTable table;
  fill(table);
  const std::string text = table.save();
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    RouteTable restored;
    BOOST_REQUIRE(restored.restore(text.substr(0, size), kStart, 60s));
    BOOST_REQUIRE(restored.brokers() == 0u);
    BOOST_REQUIRE(restored.topic_count() == 0u);
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char c : {'\t', '\n', 'x', '9', ','}) {
      std::string damaged = text;
      damaged[at] = c;
      RouteTable restored;  // may be taken for another table, must do no harm
      (void)restored.restore(damaged, kStart, 60s);
      restored.expire(kStart + 61s);
      while (restored.sweep()) continue;
      BOOST_REQUIRE(restored.topic_count() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_revision_tells_whether_there_is_something_new_to_save) {
  RouteTable table;
  fill(table);
  const auto changes = [&](auto call) {
    const std::uint64_t before = table.revision();
    call();
    return table.revision() != before;
  };
  BOOST_TEST(!changes([&] { table.register_broker(acting(1, "10.0.0.8:1"), kStart); }));
  BOOST_TEST(changes([&] { table.register_broker(acting(1, "10.0.0.8:1").version(5), kStart); }));
  BOOST_TEST(changes([&] { table.wipe_write_permission("b"); }));
  BOOST_TEST(changes([&] { table.remove_topic("V"); }));
  BOOST_TEST(changes([&] { table.unregister_broker(kB); }));
  BOOST_TEST(!changes([&] { table.unregister_broker(kB); }));
}

BOOST_AUTO_TEST_SUITE_END()
