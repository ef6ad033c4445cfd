// What a client can make a broker keep or do has a bound (docs/limits.md); each is filled here.

#include <fmt/format.h>

#include <algorithm>

#include "broker_fixture.hpp"
#include "comet/message/batch.hpp"
#include "lock_table.hpp"

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

BOOST_AUTO_TEST_CASE(answers_that_consumers_do_not_take_have_a_limit_together) {
  config.max_unsent_pull_bytes = 1;  // from half of it on, an answer holds one message
  start();
  for (int i = 0; i < 3; ++i) ask(send_request("slow", "body"));
  BOOST_TEST(bodies(ask(pull_request("slow", 0, 0))).size() == 1u);
  BOOST_TEST(used("unsent_pull_bytes") == 0u);  // taken
}

BOOST_AUTO_TEST_CASE(pulls_beyond_the_limit_of_answers_that_are_not_taken_are_answered_busy) {
  config.max_unsent_pull_bytes = 0;
  start();
  ask(send_request("slow", "body"));
  const RemotingCommand answer = ask(pull_request("slow", 0, 0));
  BOOST_TEST((answer.response_code() == ResponseCode::system_busy));
  BOOST_TEST(answer.remark.find("maxUnsentPullBytes is 0") != std::string::npos);
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

BOOST_AUTO_TEST_SUITE_END()

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
