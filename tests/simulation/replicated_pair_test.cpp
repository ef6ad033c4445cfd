// A master and its slave: what is acknowledged, what a slave serves and refuses, and what it has of
// its master besides the log.

#include "replicated_pair.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

BOOST_FIXTURE_TEST_SUITE(a_master_and_its_slave, test::ReplicatedPair)

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
