// What a client can make a broker keep or do has a bound (docs/limits.md); each is filled here.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "broker_fixture.hpp"
#include "clients/heartbeat.hpp"
#include "clients/lock_table.hpp"
#include "comet/base/async.hpp"
#include "comet/message/batch.hpp"
#include "request/helper_thread.hpp"
#include "request/sends_in_flight.hpp"
#include "subscriptions/consumer_filters.hpp"
#include "tables/offset_table.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

std::string producers(const std::string& client_id, int first, int count) {
  std::string json = R"({"clientID":")" + client_id + R"(","producerDataSet":[)";
  for (int i = 0; i < count; ++i) {
    json += fmt::format(R"({}{{"groupName":"PG{}"}})", i == 0 ? "" : ",", first + i);
  }
  return json + "]}";
}

// A consumer group with subscriptions to T0, T1, ...
std::string consumer(const std::string& group, int subscriptions,
                     const std::string& expression = "*") {
  std::string json =
      R"({"clientID":"c","consumerDataSet":[{"groupName":")" + group +
      R"(","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","subscriptionDataSet":[)";
  for (int i = 0; i < subscriptions; ++i) {
    json += fmt::format(R"({}{{"topic":"T{}","subString":"{}","subVersion":1}})", i == 0 ? "" : ",",
                        i, expression);
  }
  return json + "]}]}";
}

class Bounds : public BrokerFixture {
 public:
  RemotingCommand beat(const std::string& json) {
    return ask(RemotingCommand::request(RequestCode::heart_beat, Body(json)));
  }
  void expect_taken(const std::string& json) {
    BOOST_TEST((beat(json).response_code() == ResponseCode::success));
  }
  void expect_refused(const std::string& json, const std::string& remark) {
    const std::uint64_t before = used("client_table_bytes");
    const RemotingCommand answer = beat(json);
    BOOST_TEST((answer.response_code() == ResponseCode::system_error));
    BOOST_TEST(answer.remark == remark);
    BOOST_TEST(used("client_table_bytes") == before);
  }
  std::uint64_t used(const std::string& resource) const {
    const auto bounds = broker->stats().bounds;
    const auto found = std::ranges::find(bounds, resource, &broker::BoundedStats::name);
    BOOST_REQUIRE((found != bounds.end()));
    return found->used;
  }
  void disconnect() {
    client->close(config.listen_at);
    world.settle();
  }
  RemotingCommand batch(const std::string& body, const std::string& properties) {
    RemotingCommand request = send_request("T", body, 0, properties);
    request.code = static_cast<std::int32_t>(RequestCode::send_batch_message);
    return request;
  }
  void expect_illegal(const RemotingCommand& answer, const std::string& remark) {
    BOOST_TEST((answer.response_code() == ResponseCode::message_illegal));
    BOOST_TEST(answer.remark == remark);
    BOOST_TEST(broker->store().max_offset("T", 0) == 0);
  }
  static std::string items(int count, const std::string& properties = {}) {
    std::string bytes;
    for (int i = 0; i < count; ++i) encode_batch_item(0, "", properties, bytes);
    return bytes;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bounds, Bounds)

BOOST_AUTO_TEST_CASE(
    client_ids_that_change_with_each_heartbeat_leave_one_entry_that_ends_with_the_connection) {
  start();
  expect_taken(producers(std::string(1000, 'c'), 0, 1));
  const std::uint64_t of_one = used("client_table_bytes");
  BOOST_TEST(of_one < 4096u);
  for (int i = 100; i < 600; ++i) {
    expect_taken(producers(std::to_string(i) + std::string(997, 'c'), 0, 1));
  }
  BOOST_TEST(used("client_table_bytes") == of_one);
  disconnect();
  BOOST_TEST(used("client_table_bytes") == 0u);
}

BOOST_AUTO_TEST_CASE(a_connection_has_so_many_clients_at_a_time) {
  start();
  for (int i = 0; i < 64; ++i) expect_taken(producers(fmt::format("c{}", i), i, 1));
  expect_refused(producers("c64", 64, 1),
                 "the connection has 64 clients, more than 64 are not taken");
  expect_taken(producers("c0", 64, 1));
}

BOOST_AUTO_TEST_CASE(the_groups_of_a_connection_are_counted_over_its_heartbeats) {
  config.clients.max_groups_per_connection = 5;
  start();
  expect_taken(producers("c", 0, 3));
  expect_taken(consumer("CG", 1));
  expect_taken(producers("c", 0, 4));
  expect_refused(producers("c", 0, 6),
                 "with this heartbeat the connection has 7 groups: maxGroupsPerConnection is 5");
  expect_refused(producers("c", 10, 1'000),
                 "with this heartbeat the connection has 1005 groups: maxGroupsPerConnection is 5");
  BOOST_TEST(broker->stats().refusals == 2u);
  RemotingCommand leave = RemotingCommand::request(RequestCode::unregister_client);
  leave.fields.add("clientID", "c");
  leave.fields.add("producerGroup", "PG0");
  ask(std::move(leave));
  expect_taken(producers("c", 20, 1));
  disconnect();
  BOOST_TEST(used("client_table_bytes") == 0u);
}

BOOST_AUTO_TEST_CASE(a_group_has_so_many_subscriptions_with_so_many_bytes) {
  config.clients.max_subscriptions_per_group = 100;
  config.clients.max_subscription_bytes_per_group = 2'000;
  start();
  expect_taken(consumer("CG", 100));
  expect_refused(consumer("CG", 101),
                 "consumer group CG has 101 subscriptions: maxSubscriptionsPerGroup is 100");
  expect_refused(consumer("CG", 1, std::string(2'000, 'x')),
                 "consumer group CG has topics and expressions of 2005 bytes: "
                 "maxSubscriptionBytesPerGroup is 2000");
  BOOST_TEST(used("groups") > 0u);
}

BOOST_AUTO_TEST_CASE(a_heartbeat_has_so_many_bytes) {
  config.clients.max_heartbeat_bytes = 1'000;
  start();
  expect_refused(producers("c", 0, 100), "the heartbeat has 2126 bytes: maxHeartbeatBytes is 1000");
}

BOOST_AUTO_TEST_CASE(a_connection_may_have_ten_times_what_real_clusters_have) {
  start();
  std::string json = consumer("CG", 10'000);
  expect_taken(json);
  expect_taken(producers("c", 0, 5'000));
  // What is kept of subscriptions is of the size of what came.
  BOOST_TEST(used("client_table_bytes") < 10'000u * 400 + 5'000u * 700);
  disconnect();
  BOOST_TEST(used("client_table_bytes") == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_heartbeat_names_beyond_the_limits_is_counted_and_not_kept) {
  broker::ClientLimits limits;
  limits.max_subscriptions_per_group = 3;
  limits.max_groups_per_connection = 2;
  const auto many = broker::parse_heartbeat(consumer("CG", 1'000), limits);
  BOOST_REQUIRE(many.has_value());
  BOOST_REQUIRE(many->consumers.size() == 1u);
  BOOST_TEST(many->consumers[0].subscriptions.empty());
  BOOST_TEST(many->consumers[0].named_subscriptions == 1'000u);
  BOOST_TEST(many->consumers[0].subscription_bytes == 1'000u * 4 + 10 * 2 + 90 * 3 + 900 * 4);
  const auto groups = broker::parse_heartbeat(producers("c", 0, 1'000), limits);
  BOOST_REQUIRE(groups.has_value());
  BOOST_TEST(groups->producer_groups.size() == 2u);
  BOOST_TEST(groups->groups_left_out == 998u);
}

BOOST_AUTO_TEST_CASE(a_heartbeat_is_read_whatever_the_order_of_its_members) {
  const auto heartbeat = broker::parse_heartbeat(
      R"({"producerDataSet":[{"groupName":"PG","x":{"groupName":"no"}}],"consumerDataSet":[{
        "subscriptionDataSet":[{"tagsSet":["a"],"subVersion":"7","codeSet":[1],"topic":"T",
        "expressionType":null,"subString":"a || b"},17],"unitMode":"true","groupName":"CG"}],
        "withoutSub":false,"heartbeatFingerprint":12,"clientID":"c","topic":"no"})",
      broker::ClientLimits());
  BOOST_REQUIRE(heartbeat.has_value());
  BOOST_TEST(heartbeat->client_id == "c");
  BOOST_TEST(heartbeat->fingerprint == 12);
  BOOST_TEST(heartbeat->producer_groups == std::vector<std::string>{"PG"},
             boost::test_tools::per_element());
  BOOST_REQUIRE(heartbeat->consumers.size() == 1u);
  const broker::ConsumerData& read = heartbeat->consumers[0];
  BOOST_TEST(read.group == "CG");
  BOOST_TEST(read.unit_mode);
  BOOST_REQUIRE(read.subscriptions.size() == 1u);
  BOOST_TEST(read.subscriptions[0].topic == "T");
  BOOST_TEST(read.subscriptions[0].expression == "a || b");
  BOOST_TEST(read.subscriptions[0].version == 7);
  BOOST_TEST(read.subscriptions[0].tag_codes.size() == 2u);
  BOOST_TEST(!broker::parse_heartbeat("[]", broker::ClientLimits()).has_value());
}

BOOST_AUTO_TEST_CASE(subscriptions_that_end_give_their_memory_back) {
  start();
  expect_taken(consumer("CG", 1));
  const std::uint64_t of_one = used("client_table_bytes");
  expect_taken(consumer("CG", 1'000));
  BOOST_TEST(used("client_table_bytes") > of_one + 100'000u);
  expect_taken(consumer("CG", 1));
  BOOST_TEST(used("client_table_bytes") == of_one);
}

BOOST_AUTO_TEST_CASE(the_table_of_clients_has_a_size) {
  config.clients.max_bytes = 40'000;
  start();
  expect_taken(producers("c", 0, 100));
  const std::uint64_t full = used("client_table_bytes");
  BOOST_TEST(full > 40'000u);
  expect_refused(
      producers("c", 100, 1),
      fmt::format("the table of clients takes {} bytes: maxClientTableBytes is 40000", full));
  disconnect();
  BOOST_TEST(used("client_table_bytes") == 0u);
}

BOOST_AUTO_TEST_CASE(a_storm_of_joins_costs_each_member_one_notice) {
  start();
  expect_taken(consumer("CG", 1));
  world.pass(200ms);
  notified_groups.clear();
  std::vector<std::unique_ptr<remoting::Client>> others;
  for (int i = 0; i < 50; ++i) {
    others.push_back(
        std::make_unique<remoting::Client>(world.executor(), world.network, world.time));
    world.run(others.back()->invoke(
        config.listen_at,
        RemotingCommand::request(RequestCode::heart_beat, Body(consumer("CG", 1))),
        world.time.now() + 3s));
  }
  world.pass(200ms);
  BOOST_TEST(notified_groups.size() <= 2u);
  BOOST_TEST(notified_groups.size() >= 1u);
  notified_groups.clear();
  for (const auto& other : others) world.run(other->stop());
  world.pass(200ms);
  BOOST_TEST(notified_groups.size() <= 2u);
  BOOST_TEST(notified_groups.size() >= 1u);
}

BOOST_AUTO_TEST_CASE(a_batch_whose_messages_share_large_properties_is_refused_before_it_is_built) {
  start();
  expect_illegal(ask(batch(items(1'000), "k\x01" + std::string(32'700, 'v'))),
                 "message size exceeded: 128 messages of the batch take 4200832 bytes with the "
                 "properties that they share, maxMessageSize is 4194304");
  expect_illegal(ask(batch(items(1), "k\x01" + std::string(32'760, 'v'))),
                 "message 1 of the batch has 32785 bytes of properties, those of the batch among "
                 "them: the limit is 32767");
  BOOST_TEST(broker->stats().send_bytes_in_flight == 0u);
}

BOOST_AUTO_TEST_CASE(a_batch_has_so_many_messages) {
  config.max_batch_messages = 10;
  start();
  expect_illegal(ask(batch(items(11), "WAIT\x01true")),
                 "the batch has more messages than maxBatchMessages: 10");
  BOOST_TEST((ask(batch(items(10), "WAIT\x01true")).response_code() == ResponseCode::success));
  BOOST_TEST(broker->store().max_offset("T", 0) == 10);
}

BOOST_AUTO_TEST_CASE(what_a_batch_becomes_counts_among_the_sends_in_flight) {
  config.max_send_bytes = 100'000;
  start();
  ask(batch(items(1), ""));
  const std::string properties = "k\x01" + std::string(10'000, 'v');
  // A send that is alone has room whatever its size.
  BOOST_TEST((ask(batch(items(50), properties)).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(names_of_topics_that_are_made_on_first_use_have_so_many_bytes_together) {
  start();
  const std::uint64_t before = used("topic_name_bytes");
  stop();
  config.max_topic_name_bytes = before + 250;
  start();
  const auto send = [this](char letter) {
    return ask(send_request(std::string(127, letter), "x")).response_code();
  };
  BOOST_TEST((send('a') == ResponseCode::success));
  BOOST_TEST((send('b') == ResponseCode::topic_not_exist));
  BOOST_TEST(
      (ask(send_request(std::string(100, 'c'), "x")).response_code() == ResponseCode::success));
  BOOST_TEST((send('a') == ResponseCode::success));
  // Those that consumers' retries need are made all the same.
  BOOST_TEST((ask(send_request("%RETRY%CG", "x")).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(locks_have_a_size_and_are_forgotten_step_by_step) {
  VirtualTime time;
  broker::LockTable table(time);
  std::vector<MessageQueue> queues;
  for (int i = 0; i < 10'000; ++i) queues.emplace_back("T", "b", i);
  BOOST_TEST(table.lock("CG", "c", queues).size() == 10'000u);
  BOOST_TEST(table.size().locks == 10'000u);
  BOOST_TEST(table.size().bytes > 10'000u * 100);
  BOOST_TEST(table.lock("CG", "other", queues).empty());
  table.unlock("CG", "c", {queues[0]});
  BOOST_TEST(table.size().locks == 9'999u);
  (void)time.advance_to_next(time.now() + 61s);
  int steps = 1;
  while (table.forget_expired()) ++steps;
  BOOST_TEST(steps > 1);
  BOOST_TEST(table.size().locks == 0u);
  BOOST_TEST(table.size().bytes == 0u);
}

BOOST_AUTO_TEST_CASE(held_pulls_have_a_limit_beyond_which_they_are_answered_at_once) {
  config.max_held_pulls = 3;
  start();
  ask(send_request("T", "one"));
  TaskGroup tasks(world.executor(), world.time);
  auto pull = [&](std::string expression) -> asio::awaitable<void> {
    RemotingCommand request = pull_request("T", 0, 1, 100'000, expression);
    (void)co_await client->invoke(config.listen_at, std::move(request), world.time.now() + 200s);
  };
  for (int i = 0; i < 3; ++i) tasks.spawn("pull", pull("*"));
  world.settle();
  BOOST_TEST(used("held_pulls") == 3u);
  const Instant before = world.time.now();
  const RemotingCommand answer = ask(pull_request("T", 0, 1, 100'000));
  BOOST_TEST((answer.response_code() == ResponseCode::pull_not_found));
  BOOST_TEST((world.time.now() == before));
  client->close(config.listen_at);
  world.settle();
  BOOST_TEST(used("held_pulls") == 0u);
  BOOST_TEST(used("held_pull_bytes") == 0u);
}

BOOST_AUTO_TEST_CASE(expressions_of_held_pulls_have_a_limit_together) {
  config.max_held_pull_bytes = 20'000;
  start();
  ask(send_request("T", "one"));
  TaskGroup tasks(world.executor(), world.time);
  auto pull = [&](std::string expression) -> asio::awaitable<void> {
    RemotingCommand request = pull_request("T", 0, 1, 100'000, expression);
    (void)co_await client->invoke(config.listen_at, std::move(request), world.time.now() + 200s);
  };
  for (int i = 0; i < 10; ++i) tasks.spawn("pull", pull(std::string(5'000, 'x')));
  world.settle();
  BOOST_TEST(used("held_pulls") == 3u);
  BOOST_TEST(used("held_pull_bytes") <= 20'000u);
  client->close(config.listen_at);
  world.settle();
}

BOOST_AUTO_TEST_CASE(filters_have_a_number_and_a_size) {
  broker::FilterLimits limits;
  limits.filters = 10;
  limits.bytes = 10'000;
  broker::ConsumerFilters filters(directory.path(), world.time, limits);
  const auto subscribe = [&filters](int first, int count, const std::string& expression) {
    for (int i = first; i < first + count; ++i) {
      const std::string topic = "T" + std::to_string(i);
      filters.subscribe("CG" + std::to_string(i),
                        {broker::Subscription::from_expression(topic, "SQL92", expression, 1)});
    }
  };
  subscribe(0, 100, "a = 1");
  BOOST_TEST(filters.size().filters == 10u);
  BOOST_TEST(filters.describe("T9", "CG9") != "null");
  BOOST_TEST(filters.describe("T10", "CG10") == "null");
  limits.filters = 1'000;
  broker::ConsumerFilters large(directory.path(), world.time, limits);
  const std::string expression = "a = '" + std::string(2'000, 'x') + "'";
  large.subscribe("CG", {broker::Subscription::from_expression("T", "SQL92", expression, 1)});
  for (int i = 0; i < 100; ++i) {
    large.subscribe("CG" + std::to_string(i),
                    {broker::Subscription::from_expression("T", "SQL92", expression, 1)});
  }
  BOOST_TEST(large.size().filters == 4u);
  BOOST_TEST(large.size().bytes <= 10'000u);
}

BOOST_AUTO_TEST_CASE(offsets_groups_of_a_topic_and_resets_have_a_number) {
  broker::OffsetLimits limits;
  limits.offsets = 100;
  limits.groups = 20;
  limits.resets = 15;
  broker::OffsetTable offsets(directory.path(), world.time, limits);
  int groups = 0;
  while (offsets.commit("CG" + std::to_string(groups), "T", 0, 1)) ++groups;
  BOOST_TEST(groups == 20);
  int queues = 1;
  while (offsets.commit("CG0", "T", queues, 1)) ++queues;
  BOOST_TEST(queues == 81);
  BOOST_TEST(offsets.size() == 100u);
  BOOST_TEST(offsets.commit("CG0", "T", 80, 2));  // what is there may change
  BOOST_TEST(!offsets.replace("CG1", "T", {{0, 1}, {1, 1}}));
  BOOST_TEST(!offsets.reset("CG1", "T", {{0, 1}, {1, 1}}));
  offsets.forget_group("CG0");
  BOOST_TEST(offsets.size() == 19u);
  broker::OffsetTable::Queues ten;
  for (int i = 0; i < 10; ++i) ten[i] = 1;
  BOOST_TEST(offsets.reset("CG1", "T", ten));
  BOOST_TEST(!offsets.reset("CG2", "T", ten));
  for (int i = 0; i < 10; ++i) BOOST_TEST(offsets.take_reset("CG1", "T", i).has_value());
  BOOST_TEST(offsets.reset("CG2", "T", ten));
  offsets.forget_topic("T");
  BOOST_TEST(offsets.size() == 0u);
  BOOST_TEST(offsets.reset("CG3", "T", ten));
}

// A commit may be under way on another loop when an administrator moves the group.
BOOST_AUTO_TEST_CASE(what_is_committed_before_the_consumer_knows_of_a_reset_counts_for_nothing) {
  broker::OffsetTable offsets(directory.path(), world.time);
  BOOST_TEST(offsets.commit("CG", "T", 0, 7));
  BOOST_TEST(offsets.reset("CG", "T", {{0, 3}}));
  BOOST_TEST(offsets.commit("CG", "T", 0, 8));
  BOOST_TEST(offsets.find("CG", "T", 0).value() == 3);
  BOOST_TEST(offsets.take_reset("CG", "T", 0).value() == 3);
  BOOST_TEST(offsets.commit("CG", "T", 0, 4));
  BOOST_TEST(offsets.find("CG", "T", 0).value() == 4);
}

// Members come and go on different loops.
BOOST_AUTO_TEST_CASE(filters_of_a_group_live_on_while_it_has_a_member) {
  broker::ConsumerFilters filters(directory.path(), world.time);
  filters.subscribe("CG", {broker::Subscription::from_expression("T", "SQL92", "a > 1", 1)});
  filters.member_left("CG", [] { return false; });
  BOOST_TEST(filters.describe("T", "CG").find("\"dead\":false") != std::string::npos);
  filters.member_left("CG", [] { return true; });
  BOOST_TEST(filters.describe("T", "CG").find("\"dead\":true") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(requests_that_wait_for_the_helper_thread_have_a_number) {
  broker::HelperThread helper(world.executor(), world.time);
  const auto nothing = [] {};
  for (int i = 0; i < 256; ++i) {
    BOOST_TEST(helper.has_room(0));
    helper.post(nothing);
  }
  BOOST_TEST(!helper.has_room(0));
  world.settle();
  BOOST_TEST(helper.has_room(0));
}

BOOST_AUTO_TEST_CASE(sends_of_four_threads_that_come_and_go_are_not_taken_for_many) {
  broker::SendsInFlight sends(100, 1000);
  std::atomic<int> refused{0};
  const auto come_and_go = [&sends, &refused] {
    for (int i = 0; i < 300'000; ++i) {
      if (!sends.enter(1, Instant())) ++refused;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(come_and_go);
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(refused == 0);
  BOOST_TEST(sends.count() == 0u);
  BOOST_TEST(sends.bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(requests_that_wait_for_the_helper_thread_have_a_size) {
  broker::HelperThread helper(world.executor(), world.time);
  const auto nothing = [] {};
  BOOST_TEST(helper.has_room(100u << 20));  // alone
  helper.post(nothing, 60u << 20);
  BOOST_TEST(helper.has_room(4u << 20));
  BOOST_TEST(!helper.has_room(5u << 20));
  world.settle();
  BOOST_TEST(helper.has_room(5u << 20));
}

BOOST_AUTO_TEST_SUITE_END()
