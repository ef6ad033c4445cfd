// What the broker counts of its traffic.

#include <algorithm>

#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

const broker::TrafficStats* find(const broker::BrokerStats& stats, const std::string& topic,
                                 const std::string& group = {}) {
  const auto found = std::ranges::find_if(stats.traffic, [&](const broker::TrafficStats& one) {
    return one.topic == topic && one.consumer_group == group;
  });
  return found == stats.traffic.end() ? nullptr : &*found;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(traffic, BrokerFixture)

BOOST_AUTO_TEST_CASE(stored_messages_count_by_topic) {
  start();
  ask(send_request("T", "12345"));
  ask(send_request("T", "67890"));
  ask(send_request("U", "x"));
  const broker::BrokerStats stats = broker->stats();
  BOOST_REQUIRE(find(stats, "T") != nullptr);
  BOOST_TEST(find(stats, "T")->messages == 2u);
  BOOST_TEST(find(stats, "T")->bytes == 10u);
  BOOST_TEST(find(stats, "U")->messages == 1u);
  BOOST_TEST(stats.connections == 1u);
  BOOST_TEST(stats.permission == 6);
}

BOOST_AUTO_TEST_CASE(refused_messages_do_not_count) {
  start();
  ask(send_request("T", "x", 99));
  BOOST_TEST(find(broker->stats(), "T") == nullptr);
}

BOOST_AUTO_TEST_CASE(what_consumers_get_counts_by_topic_and_group_also_when_they_waited) {
  start();
  ask(send_request("T", "one"));
  ask(pull_request("T", 0, 0));
  BOOST_TEST(find(broker->stats(), "T", "CG")->messages == 1u);
  ask(pull_request("T", 0, 1));  // nothing there
  BOOST_TEST(find(broker->stats(), "T", "CG")->messages == 1u);
  auto waiting =
      client->invoke(config.listen_at, pull_request("T", 0, 1, 15'000), world.time.now() + 30s);
  bool answered = false;
  asio::co_spawn(world.context, std::move(waiting),
                 [&](std::exception_ptr, RemotingCommand) { answered = true; });
  world.settle();
  ask(send_request("T", "two"));
  world.settle();
  BOOST_TEST(answered);
  BOOST_TEST(find(broker->stats(), "T", "CG")->messages == 2u);
  BOOST_TEST(find(broker->stats(), "T")->messages == 2u);
}

BOOST_AUTO_TEST_CASE(stored_messages_count_by_size) {
  start();
  ask(send_request("T", std::string(1024, 'x')));
  ask(send_request("T", std::string(1025, 'x')));
  ask(send_request("T", std::string(5000, 'x')));
  const broker::BrokerStats stats = broker->stats();
  const broker::TrafficStats::Sizes expected = {1, 1, 1, 0, 0, 0, 0};
  BOOST_TEST((find(stats, "T")->types[0].sizes == expected));
}

BOOST_AUTO_TEST_CASE(stored_messages_count_by_type) {
  start();
  ask(send_request("T", "12345"));
  ask(send_request("T", "123", 0, "__SHARDINGKEY\x01k"));
  ask(send_request("T", "half", 0, "TRAN_MSG\x01true\x02PGROUP\x01PG"));
  ask(send_request("T", "later", 0,
                   "DELAY\x01"
                   "1"));
  const broker::BrokerStats stats = broker->stats();
  const auto of = [&](const std::string& topic, broker::MessageType type) -> std::uint64_t {
    const broker::TrafficStats* found = find(stats, topic);
    if (found == nullptr) return 0;
    const auto of_type = std::ranges::find(found->types, type, &broker::TrafficStats::OfType::type);
    return of_type == found->types.end() ? 0 : of_type->messages;
  };
  using enum broker::MessageType;
  BOOST_TEST(of("T", normal) == 1u);
  BOOST_TEST(of("T", fifo) == 1u);
  BOOST_TEST(of("RMQ_SYS_TRANS_HALF_TOPIC", transaction) == 1u);
  BOOST_TEST(of("SCHEDULE_TOPIC_XXXX", delay) == 1u);
  BOOST_TEST(find(stats, "T")->messages == 2u);
}

BOOST_AUTO_TEST_CASE(a_groups_lag_is_what_it_has_not_committed_and_in_flight_what_it_has_got) {
  start();
  const auto commit = [this](std::int64_t offset) {
    remoting::UpdateConsumerOffsetHeader header;
    header.consumer_group = "CG";
    header.topic = "T";
    header.queue_id = 0;
    header.commit_offset = offset;
    ask(RemotingCommand::request(RequestCode::update_consumer_offset, header));
  };
  for (int i = 0; i < 10; ++i) ask(send_request("T", "message"));
  ask(pull_request("T", 0, 0));  // makes the group, and gets all ten
  commit(4);
  world.pass(3s);
  for (int i = 0; i < 5; ++i) ask(send_request("T", "message"));
  broker::BrokerStats stats = broker->stats();
  BOOST_REQUIRE(stats.lags.size() == 1u);
  BOOST_TEST(stats.lags[0].topic == "T");
  BOOST_TEST(stats.lags[0].consumer_group == "CG");
  BOOST_TEST(stats.lags[0].messages == 11);
  BOOST_TEST(stats.lags[0].in_flight == 6);
  BOOST_TEST(stats.lags[0].millis >= 3000);
  BOOST_TEST(stats.lags[0].millis < 4000);
  commit(15);
  stats = broker->stats();
  BOOST_TEST(stats.lags[0].messages == 0);
  BOOST_TEST(stats.lags[0].millis == 0);
  commit(std::numeric_limits<std::int64_t>::max());  // whatever clients say
  BOOST_TEST(broker->stats().lags[0].messages == 0);
  commit(std::numeric_limits<std::int64_t>::min());  // not taken
  BOOST_TEST(broker->stats().lags[0].messages == 0);
}

BOOST_AUTO_TEST_CASE(the_stores_state_is_shown) {
  start();
  ask(send_request("T", "message"));
  const broker::BrokerStats stats = broker->stats();
  BOOST_TEST(stats.store.size > 0);
  BOOST_TEST(!stats.store.read_only);
  BOOST_TEST(stats.store.flush_behind >= 0);
  BOOST_TEST(stats.store.earliest_store_time == world.time.wall_millis());
  BOOST_TEST(stats.topics > 0u);
  BOOST_TEST(stats.consumer_groups > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
