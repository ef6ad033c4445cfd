// A master and its slave on virtual time, with a name server: what is acknowledged, what a slave
// serves and refuses, and what it has of its master besides the log.

#include <boost/test/unit_test.hpp>
#include <optional>
#include <set>

#include "comet/base/async.hpp"
#include "comet/broker/broker.hpp"
#include "comet/message/record.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/message_headers.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

namespace {

const Address kNameServer("10.0.0.100", 9876);
const Address kMaster("10.0.0.1", 10911);
const Address kSlave("10.0.0.2", 10911);

class Pair {
 public:
  Pair() {
    namesrv::NameServerConfig config;
    config.listen_at = kNameServer;
    name_server_network = world.network.as_host(kNameServer.host());
    name_server = std::make_unique<namesrv::NameServer>(std::vector{world.executor()},
                                                        *name_server_network, world.time, config);
    name_server->start();
    configs[0] = config_of(kMaster, 0);
    configs[1] = config_of(kSlave, 1);
    configs[0].replication.role = broker::BrokerRole::sync_master;
    configs[1].replication.role = broker::BrokerRole::slave;
    configs[1].broker_id = 1;
    client = std::make_unique<remoting::Client>(world.executor(), world.network, world.time);
  }
  ~Pair() {
    world.run(client->stop());
    stop(1);
    stop(0);
    world.run(name_server->stop(world.time.now() + 1s));
  }

  broker::BrokerConfig config_of(const Address& at, int index) {
    broker::BrokerConfig config;
    config.broker_name = "broker-a";
    config.listen_at = at;
    config.broker_ip = at.host();
    config.name_servers = {kNameServer};
    config.store.root = directories[index].path();
    config.store.commit_log_file_size = 1 << 20;
    config.replication.listen_at = Address(at.host(), 0);
    return config;
  }
  void start(int index) {
    networks[index] = world.network.as_host(configs[index].listen_at.host());
    brokers[index] = std::make_unique<broker::Broker>(std::vector{world.executor()},
                                                      *networks[index], world.time, configs[index]);
    brokers[index]->start();
    world.pass(100ms);
  }
  void stop(int index) {
    if (!brokers[index]) return;
    world.run(brokers[index]->stop(world.time.now() + 1s));
    brokers[index].reset();
  }
  // Both run, and the slave is in sync.
  void start_both() {
    start(0);
    start(1);
    world.pass(8s);
  }

  RemotingCommand ask(const Address& to, RemotingCommand request, Duration patience = 30s) {
    return world.run(client->invoke(to, std::move(request), world.time.now() + patience));
  }
  // For what the stores' own threads work on: virtual time goes on slowly meanwhile.
  RemotingCommand ask_slowly(const Address& to, RemotingCommand request) {
    std::optional<RemotingCommand> answer;
    auto asking = [&]() -> asio::awaitable<void> {
      answer = co_await client->invoke(to, std::move(request), world.time.now() + 30s);
    };
    bool ended = false;
    asio::co_spawn(world.context, asking(), [&ended](std::exception_ptr) { ended = true; });
    while (!ended) {
      world.context.restart();
      world.context.run_one_for(5ms);
      world.pass(1ms);
    }
    return answer.value();
  }
  static RemotingCommand fields(RequestCode code, const std::map<std::string, std::string>& ext,
                                std::string body = {}) {
    RemotingCommand request = RemotingCommand::request(code, Body(std::move(body)));
    for (const auto& [name, value] : ext) request.fields.add(name, value);
    return request;
  }
  RemotingCommand send(const Address& to, const std::string& body,
                       const std::string& properties = {}) {
    remoting::SendMessageHeader header;
    header.producer_group = "PG";
    header.topic = "orders";
    header.default_topic = "TBW102";
    header.default_topic_queue_nums = 1;
    header.queue_id = 0;
    header.born_timestamp = world.time.wall_millis();
    header.properties = properties;
    RemotingCommand request = RemotingCommand::request(RequestCode::send_message_v2, Body(body));
    remoting::write_header(header, request.fields, remoting::FieldNames::short_form);
    return ask(to, std::move(request));
  }
  RemotingCommand pull_request(std::int64_t offset, std::int64_t suspend_millis = 0) const {
    remoting::PullMessageHeader header;
    header.consumer_group = "CG";
    header.topic = "orders";
    header.queue_id = 0;
    header.queue_offset = offset;
    header.max_msg_nums = 32;
    header.sys_flag = remoting::pull_sys_flag::kSubscription |
                      (suspend_millis > 0 ? remoting::pull_sys_flag::kSuspend : 0);
    header.suspend_timeout_millis = suspend_millis;
    header.subscription = "*";
    return RemotingCommand::request(RequestCode::pull_message, header);
  }
  static std::vector<std::string> bodies(const RemotingCommand& answer) {
    std::vector<std::string> result;
    for (const MessageExt& message : decode_records(answer.body.to_string()))
      result.push_back(message.body());
    return result;
  }
  RemotingCommand commit(const Address& to, std::int64_t offset) {
    return ask(to, fields(RequestCode::update_consumer_offset,
                          {{"consumerGroup", "CG"},
                           {"topic", "orders"},
                           {"queueId", "0"},
                           {"commitOffset", std::to_string(offset)}}));
  }
  std::string committed(const Address& at) {
    const RemotingCommand answer =
        ask(at, fields(RequestCode::query_consumer_offset,
                       {{"consumerGroup", "CG"}, {"topic", "orders"}, {"queueId", "0"}}));
    return std::string(answer.fields.find("offset").value_or("none"));
  }

  test::VirtualWorld world;
  test::TempDirectory directories[2];
  std::unique_ptr<Network> name_server_network;
  std::unique_ptr<Network> networks[2];
  std::unique_ptr<namesrv::NameServer> name_server;
  broker::BrokerConfig configs[2];
  std::unique_ptr<broker::Broker> brokers[2];
  std::unique_ptr<remoting::Client> client;
};

BOOST_FIXTURE_TEST_SUITE(a_master_and_its_slave, Pair)

BOOST_AUTO_TEST_CASE(an_acknowledged_message_is_on_the_slave) {
  start_both();
  const RemotingCommand answer = send(kMaster, "first");
  BOOST_TEST((answer.response_code() == ResponseCode::success), answer.remark);
  world.pass(200ms);  // how far readers see follows
  const RemotingCommand found = ask(kSlave, pull_request(0));
  BOOST_TEST((found.response_code() == ResponseCode::success), found.remark);
  BOOST_TEST(bodies(found) == std::vector<std::string>{"first"}, boost::test_tools::per_element());
  const auto stats = brokers[0]->stats().replication;
  BOOST_REQUIRE(stats.has_value());
  BOOST_TEST(stats->master.in_sync == 2);
  BOOST_TEST(stats->problem == "");
}

BOOST_AUTO_TEST_CASE(a_sync_master_alone_says_that_there_is_no_slave) {
  start(0);
  const RemotingCommand answer = send(kMaster, "alone");
  BOOST_TEST((answer.response_code() == ResponseCode::slave_not_available));
  BOOST_TEST(answer.fields.find("msgId").has_value());  // it is stored
  const RemotingCommand hasty = send(kMaster, "does not wait",
                                     "WAIT\x01"
                                     "false\x02");
  BOOST_TEST((hasty.response_code() == ResponseCode::success));
  BOOST_TEST(bodies(ask(kMaster, pull_request(0))).size() == 2);
  world.pass(1s);
  BOOST_TEST(brokers[0]->problems().size() == 1);
}

BOOST_AUTO_TEST_CASE(a_send_whose_slave_goes_away_meanwhile_is_told_so_and_is_stored) {
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  stop(1);
  const Instant asked = world.time.now();
  const RemotingCommand answer = send(kMaster, "second");
  BOOST_TEST((answer.response_code() == ResponseCode::slave_not_available));
  BOOST_TEST((world.time.now() - asked < 3s));
  BOOST_TEST(brokers[0]->store().max_offset("orders", 0) == 2);
}

BOOST_AUTO_TEST_CASE(many_senders_have_their_copies_at_once) {
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  constexpr int kSenders = 64;
  int acknowledged = 0;
  auto send_some = [&](int number) -> asio::awaitable<void> {
    remoting::SendMessageHeader header;
    header.producer_group = "PG";
    header.topic = "orders";
    header.default_topic = "TBW102";
    header.default_topic_queue_nums = 1;
    for (int i = 0; i < 10; ++i) {
      RemotingCommand request = RemotingCommand::request(RequestCode::send_message_v2,
                                                         Body(std::to_string(number * 10 + i)));
      remoting::write_header(header, request.fields, remoting::FieldNames::short_form);
      const RemotingCommand answer =
          co_await client->invoke(kMaster, std::move(request), world.time.now() + 10s);
      if (answer.response_code() == ResponseCode::success) ++acknowledged;
    }
  };
  for (int i = 0; i < kSenders; ++i) {
    asio::co_spawn(world.context, send_some(i), [](std::exception_ptr) {});
  }
  world.run_until([&] { return acknowledged == kSenders * 10; }, 20s);
  BOOST_TEST(brokers[1]->store().appended_end() == brokers[0]->store().appended_end());
  const auto stats = brokers[0]->stats().replication;
  BOOST_TEST(stats->flush_slave_timeout == 0);
  BOOST_TEST(stats->waiting == 0);
}

BOOST_AUTO_TEST_CASE(an_explicit_single_copy_is_the_masters_own) {
  configs[0].replication.in_sync.in_sync_replicas = 1;
  start(0);
  BOOST_TEST((send(kMaster, "alone").response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(with_too_few_copies_nothing_is_stored_where_that_is_asked_for) {
  configs[0].replication.in_sync.min_in_sync_replicas = 2;
  start(0);
  const RemotingCommand answer = send(kMaster, "alone");
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "in-sync replicas not enough");
  BOOST_TEST(brokers[0]->store().max_offset("orders", 0) == 0);
}

BOOST_AUTO_TEST_CASE(an_async_master_waits_for_nobody) {
  configs[0].replication.role = broker::BrokerRole::async_master;
  start(0);
  BOOST_TEST((send(kMaster, "alone").response_code() == ResponseCode::success));
  BOOST_TEST(brokers[0]->problems().empty());
}

BOOST_AUTO_TEST_CASE(a_slave_that_comes_late_gets_all_from_the_first_byte) {
  start(0);
  for (int i = 0; i < 50; ++i) (void)send(kMaster, std::string(1000, 'x'));
  start(1);
  world.pass(8s);
  BOOST_TEST(brokers[1]->store().max_offset("orders", 0) == 50);
  BOOST_TEST(brokers[1]->store().appended_end() == brokers[0]->store().appended_end());
}

BOOST_AUTO_TEST_CASE(a_slave_refuses_what_only_a_master_does_in_apaches_words) {
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  const RemotingCommand refused = send(kSlave, "to the slave");
  BOOST_TEST((refused.response_code() == ResponseCode::service_not_available));
  BOOST_TEST(refused.remark.find("messages are put to the slave") != std::string::npos);
  const auto code_of = [&](RequestCode code, const std::map<std::string, std::string>& ext) {
    return ask(kSlave, fields(code, ext)).code;
  };
  BOOST_TEST(code_of(RequestCode::consumer_send_msg_back,
                     {{"group", "CG"}, {"offset", "0"}, {"delayLevel", "0"}}) == 1);
  BOOST_TEST(code_of(RequestCode::end_transaction, {{"producerGroup", "PG"},
                                                    {"tranStateTableOffset", "0"},
                                                    {"commitLogOffset", "0"},
                                                    {"commitOrRollback", "8"},
                                                    {"msgId", "x"}}) == 11);
  for (const RequestCode code :
       {RequestCode::update_and_create_topic, RequestCode::delete_topic_in_broker,
        RequestCode::update_and_create_subscriptiongroup, RequestCode::delete_subscriptiongroup}) {
    const RemotingCommand answer = ask(kSlave, fields(code, {{"topic", "T"}}));
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.remark.starts_with("Can't modify topic or subscription group from slave"));
  }
}

BOOST_AUTO_TEST_CASE(a_slaves_held_pull_is_woken_by_what_arrives_from_the_master) {
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  world.pass(200ms);
  std::optional<RemotingCommand> answer;
  const Instant asked = world.time.now();
  Instant answered;
  auto pull = [&]() -> asio::awaitable<void> {
    answer = co_await client->invoke(kSlave, pull_request(1, 20'000), world.time.now() + 30s);
    answered = world.time.now();
  };
  asio::co_spawn(world.context, pull(), [](std::exception_ptr) {});
  world.pass(1s);
  BOOST_REQUIRE(!answer);
  BOOST_REQUIRE((send(kMaster, "second").response_code() == ResponseCode::success));
  world.pass(1s);
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(bodies(*answer) == std::vector<std::string>{"second"},
             boost::test_tools::per_element());
  BOOST_TEST((answered - asked < 2s));
}

BOOST_AUTO_TEST_CASE(a_slave_does_not_correct_offsets_unless_it_is_told_to) {
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  const RemotingCommand answer = ask(kSlave, pull_request(70));
  BOOST_TEST(answer.code == 20);
  BOOST_TEST(answer.fields.find("nextBeginOffset").value_or("") == "70");
  stop(1);
  configs[1].replication.offset_check_in_slave = true;
  start(1);
  BOOST_TEST(ask(kSlave, pull_request(70)).code == 21);
}

BOOST_AUTO_TEST_CASE(a_slave_has_its_masters_topics_groups_and_offsets) {
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  const RemotingCommand created =
      ask(kMaster, fields(RequestCode::update_and_create_topic, {{"topic", "made"},
                                                                 {"defaultTopic", "TBW102"},
                                                                 {"readQueueNums", "3"},
                                                                 {"writeQueueNums", "3"},
                                                                 {"perm", "6"},
                                                                 {"topicFilterType", "SINGLE_TAG"},
                                                                 {"topicSysFlag", "0"},
                                                                 {"order", "false"}}));
  BOOST_REQUIRE_EQUAL(created.code, 0);
  const std::string group = R"({"groupName":"CG","retryMaxTimes":3})";
  BOOST_REQUIRE_EQUAL(
      ask(kMaster, fields(RequestCode::update_and_create_subscriptiongroup, {}, group)).code, 0);
  // What is answered is on the slave.
  const RemotingCommand topic =
      ask(kSlave, fields(RequestCode::get_topic_config, {{"topic", "made"}}));
  BOOST_TEST(topic.body.to_string().find("\"readQueueNums\":3") != std::string::npos);
  const RemotingCommand its_group =
      ask(kSlave, fields(RequestCode::get_subscriptiongroup_config, {{"group", "CG"}}));
  BOOST_TEST(its_group.body.to_string().find("\"retryMaxTimes\":3") != std::string::npos);
  BOOST_REQUIRE_EQUAL(commit(kMaster, 1).code, 0);
  world.pass(500ms);
  BOOST_TEST(committed(kSlave) == "1");
  const RemotingCommand deleted =
      ask_slowly(kMaster, fields(RequestCode::delete_topic_in_broker, {{"topic", "made"}}));
  BOOST_TEST(deleted.code == 0);
  BOOST_TEST(ask(kSlave, fields(RequestCode::get_topic_config, {{"topic", "made"}})).code == 17);
}

BOOST_AUTO_TEST_CASE(offsets_that_were_committed_at_the_slave_survive_the_masters_return) {
  start_both();
  for (int i = 0; i < 5; ++i)
    BOOST_REQUIRE((send(kMaster, "m").response_code() == ResponseCode::success));
  BOOST_REQUIRE_EQUAL(commit(kMaster, 1).code, 0);
  world.pass(500ms);
  stop(0);
  world.pass(2s);
  BOOST_REQUIRE_EQUAL(commit(kSlave, 4).code, 0);
  start(0);
  world.pass(40s);
  BOOST_TEST(committed(kSlave) == "4");
}

BOOST_AUTO_TEST_CASE(consumers_read_on_from_the_slave_when_the_master_is_gone) {
  start_both();
  for (int i = 0; i < 5; ++i)
    BOOST_REQUIRE(
        (send(kMaster, "m" + std::to_string(i)).response_code() == ResponseCode::success));
  stop(0);
  world.pass(4s);
  BOOST_TEST(bodies(ask(kSlave, pull_request(2))).size() == 3);
}

BOOST_AUTO_TEST_CASE(a_slave_becomes_the_master_by_a_restart_with_the_other_role) {
  start_both();
  for (int i = 0; i < 5; ++i)
    BOOST_REQUIRE((send(kMaster, "m").response_code() == ResponseCode::success));
  stop(0);
  stop(1);
  configs[1].replication.role = broker::BrokerRole::sync_master;
  configs[1].broker_id = 0;
  configs[0].replication.role = broker::BrokerRole::slave;
  configs[0].broker_id = 1;
  start(1);
  start(0);
  world.pass(10s);
  const RemotingCommand answer = send(kSlave, "to the new master");
  BOOST_TEST((answer.response_code() == ResponseCode::success), answer.remark);
  BOOST_TEST(answer.fields.find("queueOffset").value_or("") == "5");
  world.pass(200ms);
  BOOST_TEST(bodies(ask(kMaster, pull_request(5))).size() == 1);
}

BOOST_AUTO_TEST_CASE(ha_status_is_apaches_of_both_roles) {
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  const std::string master =
      ask(kMaster, fields(RequestCode::get_broker_ha_status, {})).body.to_string();
  BOOST_TEST(master.find("\"inSyncSlaveNums\":1,\"master\":true") != std::string::npos, master);
  const std::string slave =
      ask(kSlave, fields(RequestCode::get_broker_ha_status, {})).body.to_string();
  BOOST_TEST(slave.find("\"master\":false") != std::string::npos, slave);
  BOOST_TEST(slave.find("\"masterAddr\":\"10.0.0.1:10912\"") != std::string::npos, slave);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
